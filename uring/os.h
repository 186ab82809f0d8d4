/* SPDX-License-Identifier: MIT */
/* Threads, futexes, clock, randomness. See uring/os.c. */
#ifndef OA_URING_OS_H
#define OA_URING_OS_H

#include <time.h>

#include "core/poll.h"

int os_thread_start(struct poll_thread *t, const char *name, int cpu);
void os_thread_join(struct poll_thread *t);
void os_thread_leave(struct poll_thread *t);

/* 0, -EAGAIN (the word differs), -EINTR, -ETIMEDOUT. */
int os_wait(uint32_t *word, uint32_t value, oa_time_t deadline);
/* On two words at once, by futex_waitv(2). */
int os_wait_two(uint32_t *word, uint32_t value, uint32_t *other,
		uint32_t other_value, oa_time_t deadline);
void os_wake(uint32_t *word);

/* For calls that take absolute time; NULL: for ever. */
struct timespec *os_timespec(struct timespec *ts, oa_time_t at);

bool os_membarrier(void);
oa_time_t os_now(void);
oa_time_t os_now_coarse(void);
uint64_t os_random(void);

#endif
