/* SPDX-License-Identifier: MIT */
/* Shared by the tests of shared words. */
#ifndef OA_SELFTESTS_FUTEX_TEST_H
#define OA_SELFTESTS_FUTEX_TEST_H

#include <limits.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <linux/futex.h>

#include "io_test.h"

/* By request where the kernel can, and by threads. */
#define VARIANTS_FUTEX(f, ...) \
	FIXTURE_VARIANT_ADD(f, w1) { .workers = 1, ##__VA_ARGS__ }; \
	FIXTURE_VARIANT_ADD(f, w2) { .workers = 2, ##__VA_ARGS__ }; \
	FIXTURE_VARIANT_ADD(f, w2_ring, "OA_PARK=ring") { \
		.workers = 2, ##__VA_ARGS__ }; \
	FIXTURE_VARIANT_ADD(f, w8) { .workers = 8, ##__VA_ARGS__ }; \
	FIXTURE_VARIANT_ADD(f, threads_w1, "OA_DISABLE=ring-futex") { \
		.workers = 1, ##__VA_ARGS__ }; \
	FIXTURE_VARIANT_ADD(f, threads_w2, "OA_DISABLE=ring-futex") { \
		.workers = 2, ##__VA_ARGS__ }; \
	struct harness_variant

/* Memory that a process forked later shares. */
static inline void *shared_memory(size_t n)
{
	void *p = mmap(NULL, n, PROT_READ | PROT_WRITE,
		       MAP_SHARED | MAP_ANONYMOUS, -1, 0);

	ASSERT_NE(MAP_FAILED, p);
	return p;
}

/*
 * How many waiters the kernel has on a word: it is asked to move all of them
 * to where they are.
 */
static inline long waiters_on(uint32_t *word)
{
	long n = syscall(SYS_futex, word, FUTEX_CMP_REQUEUE, 0, (long)INT_MAX,
			 word, __atomic_load_n(word, __ATOMIC_SEQ_CST));

	ASSERT_TRUE(n >= 0 || errno == EAGAIN);
	return n;
}

/* Does a task that waits need a thread here? */
static inline bool by_threads(void)
{
	char text[8192];

	ASSERT_LT(oa_features(text, sizeof(text)), sizeof(text));
	return strstr(text, "ring-futex: no");
}

/* Where a wait takes a thread, fewer will do. */
#define ROUNDS(n) \
	((int)(by_threads() ? SCALED((n) / 8, (n) / 40) \
			    : SCALED(n, (n) / 8)))

#define NOW	((oa_time_t)0)

#endif
