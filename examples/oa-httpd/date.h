/* SPDX-License-Identifier: MIT */
/* Dates as HTTP writes them, in seconds since 1970. */
#ifndef DATE_H
#define DATE_H

#include <stdbool.h>
#include <stdint.h>

#include "text.h"

#define DATE_LEN	29	/* "Sun, 06 Nov 1994 08:49:37 GMT" */

/* Writes DATE_LEN bytes, no zero after them. The years 0 to 9999. */
void date_format(char *dst, int64_t when);

/* Any of the three forms that RFC 9110 (5.6.7) wants understood. */
bool date_parse(struct span s, int64_t *when);

#endif
