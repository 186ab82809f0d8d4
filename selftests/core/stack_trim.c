// SPDX-License-Identifier: MIT
/*
 * Stacks that were not used for a while: their memory goes, what was used in
 * that time stays, and what comes again is as good as new, with its guard.
 */
#include "core/stack.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "selftests/core/core_test.h"
#include "selftests/task_test.h"

#define SIZE	((size_t)64 << 10)
#define MANY	200
#define PAGE	4096

FIXTURE(trim) {
	struct stack_pool pool;
	struct stack_mag mag;
	struct stack *s[MANY];
	char *base[MANY];
};
FIXTURE_VARIANT(trim) { bool by_mprotect; };
FIXTURE_VARIANT_ADD(trim, guards) { false };
FIXTURE_VARIANT_ADD(trim, mprotect) { true };

typedef struct trim_fixture_data data;

FIXTURE_SETUP(trim)
{
	if (harness_slow())
		SKIP("stacks stay with %s", harness_slow());
	if (variant->by_mprotect)
		stack_guard_disable();
	stack_pool_init(&self->pool, SIZE, NULL);
}

FIXTURE_TEARDOWN(trim)
{
	stack_mag_flush(&self->pool, &self->mag);
	stack_pool_fini(&self->pool);
}

static void take(data *d, int from, int to)
{
	for (int i = from; i < to; i++) {
		ASSERT_TRUE(stack_refill(&d->pool, &d->mag));
		d->s[i] = stack_get(&d->mag);
		memset(d->s[i]->low, 0x5a, (size_t)(d->s[i]->top - d->s[i]->low));
	}
}

static void take_all(data *d)
{
	take(d, 0, MANY);
	for (int i = 0; i < MANY; i++)
		d->base[i] = d->s[i]->low - STACK_GUARD;
}

static void give(data *d, int from, int to)
{
	for (int i = from; i < to; i++)
		stack_put(&d->pool, &d->mag, d->s[i]);
	stack_mag_flush(&d->pool, &d->mag);
}

static size_t resident(const data *d)
{
	unsigned char in[SIZE / PAGE];
	size_t n = 0;

	for (int i = 0; i < MANY; i++) {
		ASSERT_EQ(0, mincore(d->base[i] + STACK_GUARD,
				     SIZE - STACK_GUARD, in));
		for (size_t k = 0; k < (SIZE - STACK_GUARD) / PAGE; k++)
			n += in[k] & 1;
	}
	return n;
}

/* Until there is nothing more to do. */
static void trim_all(data *d, oa_time_t now)
{
	oa_time_t next;

	while ((next = stack_pool_trim(&d->pool, now)) != OA_FOREVER) {
		ASSERT_GT(next, now);
		now = next;
	}
}

static void expect_guarded(const char *base)
{
	int fds[2];

	ASSERT_EQ(0, pipe(fds));
	EXPECT_EQ(-1, write(fds[1], base + STACK_GUARD - 1, 1));
	EXPECT_EQ(EFAULT, errno);
	close(fds[0]);
	close(fds[1]);
}

TEST_F(trim, all_of_it_goes_and_comes_again)
{
	size_t all = MANY * (SIZE - STACK_GUARD) / PAGE;

	for (int round = 0; round < 3; round++) {
		take_all(self);
		EXPECT_EQ(all, resident(self));
		give(self, 0, MANY);
		trim_all(self, 0);
		EXPECT_EQ(0u, resident(self));
		for (int i = 0; i < MANY; i++)
			expect_guarded(self->base[i]);
	}
	/* None was carved for want of those. */
	EXPECT_LE(self->pool.carved, MANY + STACK_BATCH + 0u);
}

TEST_F(trim, what_was_used_meanwhile_stays)
{
	oa_time_t next;

	take_all(self);
	give(self, 0, MANY);
	next = stack_pool_trim(&self->pool, 0);
	EXPECT_EQ(stack_trim_after, next);
	/* Not before its time. */
	EXPECT_EQ(next, stack_pool_trim(&self->pool, next - 1));
	take(self, 0, MANY / 2);
	give(self, 0, MANY / 2);
	EXPECT_EQ(2 * next, stack_pool_trim(&self->pool, next));
	EXPECT_GE(resident(self), MANY / 2 * (SIZE - STACK_GUARD) / PAGE);
	EXPECT_LT(resident(self), MANY * (SIZE - STACK_GUARD) / PAGE);
	for (int i = 0; i < MANY / 2; i++)
		EXPECT_EQ(0x5a, self->s[i]->low[0]);
	trim_all(self, 2 * next);
	EXPECT_EQ(0u, resident(self));
}

/* By the watch, when all is still. */

static void *digs(void *go)
{
	volatile char frame[24 << 10];

	memset((char *)frame, 1, sizeof(frame));
	ASSERT_OK(oa_event_wait(go));
	return NULL;
}

static size_t pages_in_use(void)
{
	size_t all, in = 0;
	FILE *f = fopen("/proc/self/statm", "re");

	ASSERT_NOT_NULL(f);
	ASSERT_EQ(2, fscanf(f, "%zu %zu", &all, &in));
	fclose(f);
	return in;
}

static uint32_t waiters(struct oa_event *e)
{
	struct oa_sync_info info = { .size = sizeof(info) };

	ASSERT_OK(oa_event_info(e, &info));
	return info.waiters;
}

static void crowd(void)
{
	struct oa_event go = OA_EVENT_INIT;
	static oa_task_t t[2000];

	for (int i = 0; i < 2000; i++)
		t[i] = oa_spawn(digs, &go);
	task_wait_until(waiters(&go) == 2000);
	ASSERT_OK(oa_event_set(&go));
	for (int i = 0; i < 2000; i++)
		ASSERT_OK(oa_join(t[i], NULL));
}

static void set_soon(void)
{
	if (harness_slow())
		SKIP("stacks stay with %s", harness_slow());
	stack_trim_after = OA_MSEC;
}

static void *comes_and_goes(void *arg)
{
	size_t before = pages_in_use(), most = 2000 * 6;

	for (int round = 0; round < 3; round++) {
		crowd();
		/* But for what workers keep, and for what else was touched. */
		while (pages_in_use() > before + most / 4)
			ASSERT_OK(oa_sleep(OA_MSEC));
	}
	return arg;
}

TEST(the_watch_sees_to_it)
{
	set_soon();
	ASSERT_OK(oa_run(comes_and_goes, NULL, .workers = 2,
			 .stack_size = 48 << 10));
}

HARNESS_MAIN
