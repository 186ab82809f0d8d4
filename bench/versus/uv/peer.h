/* SPDX-License-Identifier: MIT */
/* libuv: callbacks of a loop, which is one thread; workers are loops. */
#ifndef OA_BENCH_VERSUS_PEER_H
#define OA_BENCH_VERSUS_PEER_H

void loop_expiry(void);
void loop_arm_cancel(void);
void loop_wake(void);
void loop_file(void);
void loop_echo(void);

#endif
