// SPDX-License-Identifier: MIT
/*
 * Words shared between two processes, each with a runtime of its own, or with
 * none: the other may wait by other means than ours.
 */
#include <sys/wait.h>

#include "futex_test.h"

#define TASKS	16

enum other {
	OTHER_SAME,		/* as we do */
	OTHER_REQUESTS,
	OTHER_THREADS,
	OTHER_PLAIN,		/* no runtime: futex(2) */
};

struct shared {
	_Alignas(64) uint32_t ball;
	_Alignas(64) uint32_t tokens;
	_Alignas(64) uint32_t word;
	_Alignas(64) int counted, waiting, done;
	uint32_t taken, made;
};

FIXTURE(futex_shared) {
	struct shared *sh;
	unsigned int workers, rounds, side;
	pid_t other;
};
FIXTURE_VARIANT(futex_shared) { unsigned int workers; enum other other; };
VARIANTS_FUTEX(futex_shared, .other = OTHER_SAME);
FIXTURE_VARIANT_ADD(futex_shared, plain_other) {
	.workers = 2, .other = OTHER_PLAIN };
FIXTURE_VARIANT_ADD(futex_shared, threads_plain_other,
		    "OA_DISABLE=ring-futex") {
	.workers = 2, .other = OTHER_PLAIN };
FIXTURE_VARIANT_ADD(futex_shared, other_by_threads) {
	.workers = 2, .other = OTHER_THREADS };
FIXTURE_VARIANT_ADD(futex_shared, other_by_requests,
		    "OA_DISABLE=ring-futex") {
	.workers = 2, .other = OTHER_REQUESTS };

typedef struct futex_shared_fixture_data data;

FIXTURE_SETUP(futex_shared)
{
	self->sh = shared_memory(sizeof(*self->sh));
	self->workers = variant->workers;
}

FIXTURE_TEARDOWN(futex_shared)
{
	ASSERT_EQ(0, munmap(self->sh, sizeof(*self->sh)));
}

/* In the child, before it has a runtime. */
static void become(enum other how)
{
	if (how == OTHER_REQUESTS)
		ASSERT_EQ(0, unsetenv("OA_DISABLE"));
	else if (how == OTHER_THREADS)
		ASSERT_EQ(0, setenv("OA_DISABLE", "ring-futex", 1));
}

/* @theirs in another process, with a runtime or without, and @ours here. */
static void both(data *s, enum other how, oa_fn ours, oa_fn theirs)
{
	int status = -1;

	s->other = fork();
	ASSERT_GE(s->other, 0);
	if (!s->other) {
		s->side = 1;
		become(how);
		if (how == OTHER_PLAIN)
			theirs(s);
		else
			ASSERT_OK(oa_run(theirs, s, .workers = s->workers));
		_exit(0);
	}
	ASSERT_OK(oa_run(ours, s, .workers = s->workers));
	ASSERT_EQ(s->other, waitpid(s->other, &status, 0));
	EXPECT_TRUE(WIFEXITED(status));
	EXPECT_EQ(0, WEXITSTATUS(status));
}

/* To and fro: the word says whose turn it is. */

static void *plays(void *arg)
{
	data *s = arg;
	uint32_t *ball = &s->sh->ball, v;

	while ((v = SEEN(*ball)) < 2 * s->rounds) {
		if (v % 2 != s->side) {
			int err = oa_futex_wait(ball, v);

			ASSERT_TRUE(!err || err == -EAGAIN);
			continue;
		}
		TELL(*ball, v + 1);
		ASSERT_GE(oa_futex_wake(ball, 1), 0);
	}
	return NULL;
}

TEST_F_TIMEOUT(futex_shared, ping_pong, 60)
{
	self->rounds = (unsigned int)ROUNDS(1000);
	both(self, variant->other, plays, plays);
	EXPECT_EQ(2 * self->rounds, self->sh->ball);
}

/* Each wake that was counted there has ended a wait here, and no other has. */

static void *is_woken(void *arg)
{
	data *s = arg;
	int err = oa_futex_wait(&s->sh->word, 0);

	if (!err)
		COUNT(s->sh->waiting);
	return oa_err(err);
}

static void *crowd_of_waiters(void *arg)
{
	data *s = arg;
	oa_task_t t[TASKS * 4];
	int woken = 0, cut = 0;

	for (unsigned int i = 0; i < ARRAY_N(t); i++)
		t[i] = oa_spawn(is_woken, s);
	task_wait_until(SEEN(s->sh->waiting) > TASKS);
	for (unsigned int i = 0; i < ARRAY_N(t); i++)
		oa_cancel(t[i]);
	for (unsigned int i = 0; i < ARRAY_N(t); i++) {
		long got = join_long(t[i]);

		woken += !got;
		cut += got == -ECANCELED;
	}
	TELL(s->sh->done, 1);
	task_wait_until(SEEN(s->sh->done) == 2);
	EXPECT_EQ(s->sh->counted, woken);
	EXPECT_EQ((int)ARRAY_N(t), woken + cut);
	EXPECT_GT(woken, TASKS);
	return NULL;
}

static void *wakes_that_crowd(void *arg)
{
	data *s = arg;
	int n = 0;

	while (!SEEN(s->sh->done)) {
		n += oa_futex_wake(&s->sh->word, 1);
		oa_yield();
	}
	s->sh->counted = n;
	TELL(s->sh->done, 2);
	return NULL;
}

TEST_F_TIMEOUT(futex_shared, wakes_are_counted_exactly, 60)
{
	both(self, variant->other, crowd_of_waiters, wakes_that_crowd);
}

/*
 * A semaphore of which each side takes as much as it gives. A wake that was
 * lost would leave somebody waiting beside a token.
 */

static void take(struct shared *sh)
{
	uint32_t n = SEEN(sh->tokens);

	for (;;) {
		if (n) {
			if (__atomic_compare_exchange_n(&sh->tokens, &n, n - 1,
							false, __ATOMIC_ACQ_REL,
							__ATOMIC_ACQUIRE))
				break;
			continue;
		}
		n = (uint32_t)oa_futex_wait(&sh->tokens, 0);
		ASSERT_TRUE(!n || (int)n == -EAGAIN);
		n = SEEN(sh->tokens);
	}
	COUNT(sh->taken);
}

static void give(struct shared *sh)
{
	COUNT(sh->made);
	COUNT(sh->tokens);
	ASSERT_GE(oa_futex_wake(&sh->tokens, 1), 0);
}

static void *takes_and_gives(void *arg)
{
	data *s = arg;

	for (unsigned int i = 0; i < s->rounds; i++) {
		take(s->sh);
		if (i % 3 == 0)
			oa_yield();
		give(s->sh);
	}
	return NULL;
}

static void *all_take(void *arg)
{
	data *s = arg;
	oa_task_t t[TASKS];

	if (!oa_self().id)
		return takes_and_gives(s);
	for (int i = 0; i < TASKS; i++)
		t[i] = oa_spawn(takes_and_gives, s);
	for (int i = 0; i < TASKS; i++)
		ASSERT_OK(join_long(t[i]));
	return NULL;
}

TEST_F_TIMEOUT(futex_shared, tokens_of_a_semaphore, 60)
{
	struct shared *sh = self->sh;

	self->rounds = (unsigned int)ROUNDS(200);
	sh->tokens = 2;
	both(self, variant->other, all_take, all_take);
	EXPECT_EQ(2u, sh->tokens);
	EXPECT_EQ(sh->made, sh->taken);
}

/* A process that goes while others wait on its words takes nothing along. */

static void *starts_to_wait(void *arg)
{
	data *s = arg;

	ASSERT_OK(oa_go(is_woken, s));
	task_wait_until(waiters_on(&s->sh->word) >= 1);
	_exit(0);
}

static void *outlives_it(void *arg)
{
	data *s = arg;
	oa_task_t t;
	int status;

	ASSERT_EQ(s->other, waitpid(s->other, &status, 0));
	task_wait_until(!waiters_on(&s->sh->word));
	t = oa_spawn(is_woken, s);
	task_wait_until(oa_futex_wake(&s->sh->word, 1) == 1);
	EXPECT_OK((int)join_long(t));
	return NULL;
}

TEST_F(futex_shared, one_process_goes_while_it_waits)
{
	self->other = fork();
	ASSERT_GE(self->other, 0);
	if (!self->other) {
		become(variant->other);
		oa_run(starts_to_wait, self, .workers = self->workers);
		_exit(1);
	}
	ASSERT_OK(oa_run(outlives_it, self, .workers = self->workers));
}

HARNESS_MAIN
