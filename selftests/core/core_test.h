/* SPDX-License-Identifier: MIT */
/* Shared by the tests of parts of core. */
#ifndef OA_SELFTESTS_CORE_TEST_H
#define OA_SELFTESTS_CORE_TEST_H

#include <pthread.h>

#include "core/atomic.h"
#include "selftests/harness.h"

#define thread_start(th, fn, arg) \
	ASSERT_EQ(0, pthread_create(th, NULL, fn, arg))
#define thread_end(th) ASSERT_EQ(0, pthread_join(th, NULL))

static inline uint64_t next_random(uint64_t *state)
{
	*state ^= *state << 13;
	*state ^= *state >> 7;
	*state ^= *state << 17;
	return *state;
}

static inline uint64_t seed_random(void)
{
	return harness_seed() | 1;
}

#endif
