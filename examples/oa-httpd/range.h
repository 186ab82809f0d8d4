/* SPDX-License-Identifier: MIT */
/* The part of a file that a request asks for. */
#ifndef RANGE_H
#define RANGE_H

#include <stdint.h>

#include "text.h"

struct range {
	uint64_t from;
	uint64_t len;
};

enum range_kind {
	RANGE_WHOLE,		/* none, or not to be understood, or several */
	RANGE_PART,
	RANGE_OUTSIDE,		/* no byte of it exists */
};

/* What the value of a Range header means for a file of so many bytes. */
enum range_kind range_parse(struct span value, uint64_t size, struct range *r);

#endif
