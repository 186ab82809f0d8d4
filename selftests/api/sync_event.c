// SPDX-License-Identifier: MIT
/* Events: those that stay set, and those that let one through. */
#include "sync_test.h"

FIXTURE(event) {
	struct oa_event e, f;
	unsigned int passed, word, rounds;
	int told;
};
VARIANTS_WORKERS(event);

FIXTURE_SETUP(event)
{
}

FIXTURE_TEARDOWN(event)
{
}

#define WAITERS_ARE(n)	task_wait_until(INFO(event, &self->e).waiters == (n))
#define ROUNDS		SCALED_ONCE(200, 50)

static const struct oa_event manual = OA_EVENT_INIT;
static const struct oa_event automatic = OA_EVENT_AUTO_INIT;

static void *waits(void *arg)
{
	struct event_fixture_data *s = arg;
	int err = oa_event_wait(&s->e);

	if (!err)
		COUNT(s->passed);
	return oa_err(err);
}

static void start(struct actor *a, unsigned int n, enum by by,
		  struct event_fixture_data *self)
{
	self->passed = 0;
	for (unsigned int i = 0; i < n; i++)
		actor_start(&a[i], by, i, waits, self);
	WAITERS_ARE(n);
}

static void end(struct actor *a, unsigned int n)
{
	for (unsigned int i = 0; i < n; i++)
		EXPECT_OK(actor_code(&a[i]));
}

SYNC_TEST(event, wakes_all_and_stays_set)
{
	struct actor a[6];

	for (int round = 0; round < 3; round++) {
		start(a, ARRAY_N(a), by, self);
		EXPECT_EQ(0ul, INFO(event, &self->e).value);
		ASSERT_OK(oa_event_set(&self->e));
		/* At once, or when they come. */
		EXPECT_EQ(0u, INFO(event, &self->e).waiters);
		EXPECT_EQ(1ul, INFO(event, &self->e).value);
		end(a, ARRAY_N(a));
		EXPECT_OK(oa_event_set(&self->e));
		for (int i = 0; i < 3; i++) {
			EXPECT_OK(oa_event_trywait(&self->e));
			EXPECT_OK(oa_event_wait(&self->e));
			EXPECT_OK(oa_event_wait_until(&self->e, 0));
		}
		EXPECT_EQ(1ul, INFO(event, &self->e).value);
		EXPECT_OK(oa_event_reset(&self->e));
		EXPECT_OK(oa_event_reset(&self->e));
		EXPECT_EQ(0ul, INFO(event, &self->e).value);
		EXPECT_ERR(oa_event_trywait(&self->e), -EAGAIN);
	}
	EXPECT_OK(oa_event_destroy(&self->e));
}

/* Who was let through is through, however soon it is shut again. */
SYNC_TEST(event, a_pulse_wakes_those_that_wait)
{
	struct actor a[6];

	for (int round = 0; round < 10; round++) {
		start(a, ARRAY_N(a), by, self);
		ASSERT_OK(oa_event_set(&self->e));
		ASSERT_OK(oa_event_reset(&self->e));
		end(a, ARRAY_N(a));
		EXPECT_EQ((unsigned int)ARRAY_N(a), self->passed);
	}
}

SYNC_TEST(event, that_is_automatic_lets_one_through)
{
	struct actor a[6];
	unsigned int n = ARRAY_N(a);

	self->e = automatic;
	start(a, n, by, self);
	for (unsigned int i = 1; i <= n; i++) {
		ASSERT_OK(oa_event_set(&self->e));
		EXPECT_EQ(n - i, INFO(event, &self->e).waiters);
		/* It went to a waiter, nothing of it is left. */
		EXPECT_EQ(0ul, INFO(event, &self->e).value);
		EXPECT_ERR(oa_event_trywait(&self->e), -EAGAIN);
		task_wait_until(SEEN(self->passed) == i);
		for (int k = 0; k < 20; k++)
			ASSERT_OK(oa_yield());
		EXPECT_EQ(i, SEEN(self->passed));
	}
	end(a, n);
	EXPECT_OK(oa_event_destroy(&self->e));
}

TEST(that_is_automatic_is_set_or_not)
{
	struct oa_event e = automatic;

	EXPECT_REFUSED(&e, oa_event_trywait(&e), -EAGAIN);
	EXPECT_ERR(oa_event_wait_until(&e, 0), -ETIMEDOUT);
	/* Three times is once. */
	for (int i = 0; i < 3; i++)
		EXPECT_OK(oa_event_set(&e));
	EXPECT_EQ(1ul, INFO(event, &e).value);
	EXPECT_OK(oa_event_trywait(&e));
	EXPECT_EQ(0ul, INFO(event, &e).value);
	EXPECT_ERR(oa_event_trywait(&e), -EAGAIN);
	EXPECT_OK(oa_event_set(&e));
	EXPECT_OK(oa_event_wait(&e));
	EXPECT_ERR(oa_event_trywait(&e), -EAGAIN);
	EXPECT_OK(oa_event_set(&e));
	EXPECT_OK(oa_event_wait_until(&e, 0));
	EXPECT_ERR(oa_event_trywait(&e), -EAGAIN);
	EXPECT_OK(oa_event_set(&e));
	EXPECT_OK(oa_event_reset(&e));
	EXPECT_ERR(oa_event_trywait(&e), -EAGAIN);
	EXPECT_OK(oa_event_destroy(&e));
}

TEST(that_is_manual_is_set_or_not)
{
	struct oa_event e = manual;

	EXPECT_REFUSED(&e, oa_event_trywait(&e), -EAGAIN);
	EXPECT_ERR(oa_event_wait_until(&e, 0), -ETIMEDOUT);
	EXPECT_OK(oa_event_set(&e));
	EXPECT_OK(oa_event_wait(&e));
	EXPECT_OK(oa_event_trywait(&e));
	EXPECT_OK(oa_event_reset(&e));
	EXPECT_REFUSED(&e, oa_event_trywait(&e), -EAGAIN);
	EXPECT_OK(oa_event_destroy(&e));
}

/* To and fro, with a word that nothing else guards. */

struct side {
	struct event_fixture_data *s;
	struct oa_event *mine, *other;
	unsigned int first;
};

static void *plays(void *arg)
{
	struct side *p = arg;

	for (unsigned int i = 0; i < p->s->rounds; i++) {
		ASSERT_OK(oa_event_wait(p->mine));
		ASSERT_EQ(2 * i + p->first, p->s->word);
		p->s->word++;
		ASSERT_OK(oa_event_set(p->other));
	}
	return NULL;
}

static void *threads_play(void *arg)
{
	struct event_fixture_data *s = arg;
	struct side side = { .s = s };

	if (COUNT(s->passed) == 1) {
		side = (struct side){ s, &s->e, &s->f, 0 };
		ASSERT_OK(oa_event_set(&s->e));
	} else {
		side = (struct side){ s, &s->f, &s->e, 1 };
	}
	return plays(&side);
}

TEST(needs_no_runtime)
{
	static struct event_fixture_data s = {
		.e = OA_EVENT_AUTO_INIT, .f = OA_EVENT_AUTO_INIT,
	};

	s.rounds = ROUNDS;
	threads_run(threads_play, &s, 2);
	EXPECT_EQ(2 * s.rounds, s.word);
	EXPECT_OK(oa_event_trywait(&s.e));
	EXPECT_OK(oa_event_destroy(&s.e));
	EXPECT_OK(oa_event_destroy(&s.f));
}

struct look {
	struct oa_event e;
	long rounds;
	int first, second;
};

static void *takes_both(void *arg)
{
	struct look *l = arg;
	unsigned int tries = 0;
	long n = 0;

	while (n < 2 * l->rounds) {
		if (oa_event_trywait(&l->e)) {
			/* The other may have no processor but this. */
			if (++tries % 256 == 0)
				sched_yield();
			continue;
		}
		n += __atomic_exchange_n(&l->first, 0, __ATOMIC_RELAXED);
		n += __atomic_exchange_n(&l->second, 0, __ATOMIC_RELAXED);
	}
	return NULL;
}

/* What was done before a set is seen by who passes, though it was set before. */
TEST(tells_of_all_that_was_done, .timeout = 120)
{
	struct look l = {
		.e = OA_EVENT_AUTO_INIT, .rounds = SCALED(200000, 20000),
	};
	pthread_t th;

	thread_start(&th, takes_both, &l);
	for (long i = 0; i < l.rounds; i++) {
		__atomic_store_n(&l.first, 1, __ATOMIC_RELAXED);
		ASSERT_OK(oa_event_set(&l.e));
		__atomic_store_n(&l.second, 1, __ATOMIC_RELAXED);
		ASSERT_OK(oa_event_set(&l.e));
		for (int n = 0; n < 256 && (SEEN(l.first) || SEEN(l.second));
		     n++)
			;
		wait_until(!SEEN(l.first) && !SEEN(l.second));
	}
	thread_end(th);
}

TASK_TEST_F(event, to_and_fro, .workers = variant->workers,
	    .max_blocking = POOL)
{
	struct side side[2] = {
		{ self, &self->e, &self->f, 0 },
		{ self, &self->f, &self->e, 1 },
	};

	self->rounds = ROUNDS;
	for (enum by a = BY_TASKS; a <= BY_POOL; a++) {
		for (enum by b = a; b <= BY_POOL; b++) {
			struct actor p[2];

			self->word = 0;
			self->e = self->f = automatic;
			actor_start(&p[0], a, 0, plays, &side[0]);
			actor_start(&p[1], b, 0, plays, &side[1]);
			ASSERT_OK(oa_event_set(&self->e));
			actor_end(&p[0]);
			actor_end(&p[1]);
			EXPECT_EQ(2 * self->rounds, self->word);
			EXPECT_OK(oa_event_trywait(&self->e));
			EXPECT_ERR(oa_event_trywait(&self->f), -EAGAIN);
		}
	}
}

/* A set is never spent on one that is cancelled as it comes. */

static void *cancels(void *arg)
{
	int err = oa_cancel(*(oa_task_t *)arg);

	ASSERT_TRUE(!err || err == -ESRCH);
	return NULL;
}

SYNC_TEST(event, a_set_is_not_lost_to_a_cancel)
{
	long rounds = SCALED(60, 15);

	self->e = automatic;
	for (long round = 0; round < rounds; round++) {
		struct actor a[2], c;
		unsigned int victim = (unsigned int)round % 2;
		int err;

		start(a, ARRAY_N(a), BY_TASKS, self);
		actor_start(&c, by, (unsigned int)round, cancels,
			    &a[victim].task);
		ASSERT_OK(oa_event_set(&self->e));
		actor_end(&c);
		err = actor_code(&a[victim]);
		ASSERT_TRUE(!err || err == -ECANCELED);
		/* If not to the victim, it has gone to the other. */
		if (!err)
			ASSERT_OK(oa_event_set(&self->e));
		ASSERT_OK(actor_code(&a[!victim]));
		ASSERT_ERR(oa_event_trywait(&self->e), -EAGAIN);
		ASSERT_EQ(0u, INFO(event, &self->e).waiters);
	}
}

TEST(bad_arguments)
{
	struct oa_event e = manual;

	EXPECT_ERR(oa_event_wait(NULL), -EINVAL);
	EXPECT_ERR(oa_event_trywait(NULL), -EINVAL);
	EXPECT_ERR(oa_event_wait_until(NULL, 0), -EINVAL);
	EXPECT_ERR(oa_event_set(NULL), -EINVAL);
	EXPECT_ERR(oa_event_reset(NULL), -EINVAL);
	EXPECT_ERR(oa_event_destroy(NULL), -EINVAL);
	EXPECT_INFO_CHECKS(event, &e);
}

HARNESS_MAIN
