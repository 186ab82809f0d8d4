/* SPDX-License-Identifier: MIT */
#ifndef OA_BENCH_VERSUS_RAW_H
#define OA_BENCH_VERSUS_RAW_H

#include <stddef.h>

void raw_file(void);
void raw_echo(void);

#endif
