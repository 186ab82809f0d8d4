/* SPDX-License-Identifier: MIT */
#ifndef OA_BENCH_VERSUS_OURS_H
#define OA_BENCH_VERSUS_OURS_H

#include <oa.h>

void ours_skynet(void);
void ours_sleepers(void);
void ours_file(void);
void ours_echo(void);

/* fn(arg) is the first task of a runtime of --workers; ends with it. */
void ours_run(oa_fn fn, void *arg);
void ours_go(oa_fn fn, void *arg);

#endif
