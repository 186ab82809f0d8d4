// SPDX-License-Identifier: MIT
/* Semaphore: no permit more than there is, none lost, first come first. */
#include "sync_test.h"

FIXTURE(sem) { struct oa_sem s, t; unsigned int inside, most, passed; };
VARIANTS_WORKERS(sem);

FIXTURE_SETUP(sem)
{
}

FIXTURE_TEARDOWN(sem)
{
}

#define WAITERS_ARE(n)	task_wait_until(INFO(sem, &self->s).waiters == (n))
#define ROUNDS		SCALED_ONCE(150, 40)

static void expect_at_rest(struct oa_sem *s, uint32_t permits)
{
	EXPECT_EQ(0u, INFO(sem, s).waiters);
	EXPECT_EQ((uint64_t)permits, INFO(sem, s).value);
	EXPECT_EQ(permits, oa_sem_value(s));
	EXPECT_OK(oa_sem_destroy(s));
}

struct user {
	struct actor a;
	struct sem_fixture_data *s;
	uint64_t seed;
	unsigned int rounds, limit;
};

static bool wait_somehow(struct user *u)
{
	struct oa_sem *s = &u->s->s;
	int err;

	switch (draw(&u->seed, 4)) {
	case 0:
		err = oa_sem_trywait(s);
		ASSERT_TRUE(!err || err == -EAGAIN);
		return !err;
	case 1:
		err = oa_sem_wait_until(s, oa_after(draw(&u->seed, 100) *
						    OA_USEC));
		ASSERT_TRUE(!err || err == -ETIMEDOUT);
		return !err;
	default:
		ASSERT_OK(oa_sem_wait(s));
		return true;
	}
}

static void *contends(void *arg)
{
	struct user *u = arg;

	for (unsigned int i = 0; i < u->rounds; i++) {
		if (!wait_somehow(u)) {
			give_way();
			continue;
		}
		ASSERT_LE(COUNT(u->s->inside), u->limit);
		for (uint32_t n = draw(&u->seed, 3); n; n--)
			give_way();
		__atomic_sub_fetch(&u->s->inside, 1, __ATOMIC_ACQ_REL);
		ASSERT_OK(oa_sem_post(&u->s->s));
	}
	return NULL;
}

static void lets_in(struct sem_fixture_data *self, enum by by,
		    uint32_t permits)
{
	enum { N = 9 };
	unsigned int rounds = ROUNDS;
	struct user u[N];

	ASSERT_OK(oa_sem_init(&self->s, permits));
	for (unsigned int i = 0; i < N; i++) {
		u[i] = (struct user){ .s = self, .seed = draw_seed(i),
				      .rounds = rounds, .limit = permits };
		actor_start(&u[i].a, by, i, contends, &u[i]);
	}
	for (unsigned int i = 0; i < N; i++)
		actor_end(&u[i].a);
	expect_at_rest(&self->s, permits);
}

SYNC_TEST(sem, lets_in_as_many_as_it_has_permits)
{
	lets_in(self, by, 1);
	lets_in(self, by, 3);
}

static void *threads_contend(void *arg)
{
	static unsigned int n;
	struct user u = { .s = arg, .seed = draw_seed(COUNT(n)),
			  .rounds = ROUNDS, .limit = 2 };

	contends(&u);
	return NULL;
}

TEST(needs_no_runtime)
{
	static struct sem_fixture_data s = { .s = OA_SEM_INIT(2) };

	harness_seed();
	threads_run(threads_contend, &s, 6);
	expect_at_rest(&s.s, 2);
}

/* A permit goes to who waits: nobody can take it in between. */
static void *waits(void *arg)
{
	struct sem_fixture_data *s = arg;
	int err = oa_sem_wait(&s->s);

	if (!err)
		COUNT(s->passed);
	return oa_err(err);
}

SYNC_TEST(sem, is_handed_over)
{
	struct actor a[4];

	for (unsigned int i = 0; i < ARRAY_N(a); i++)
		actor_start(&a[i], by, i, waits, self);
	WAITERS_ARE(ARRAY_N(a));
	for (unsigned int i = 1; i <= ARRAY_N(a); i++) {
		ASSERT_OK(oa_sem_post(&self->s));
		EXPECT_EQ(0u, oa_sem_value(&self->s));
		EXPECT_ERR(oa_sem_trywait(&self->s), -EAGAIN);
		EXPECT_EQ((unsigned int)ARRAY_N(a) - i,
			  INFO(sem, &self->s).waiters);
	}
	for (unsigned int i = 0; i < ARRAY_N(a); i++)
		EXPECT_OK(actor_code(&a[i]));
	expect_at_rest(&self->s, 0);
}

/* To and fro. */

struct side { struct oa_sem *mine, *other; unsigned int n; };

static void *plays(void *arg)
{
	struct side *s = arg;

	for (unsigned int i = 0; i < s->n; i++) {
		ASSERT_OK(oa_sem_wait(s->mine));
		ASSERT_OK(oa_sem_post(s->other));
	}
	return NULL;
}

static void play(struct sem_fixture_data *s, enum by a, enum by b,
		 unsigned int n)
{
	struct side side[2] = { { &s->s, &s->t, n }, { &s->t, &s->s, n } };
	struct actor p[2];

	ASSERT_OK(oa_sem_init(&s->s, 0));
	ASSERT_OK(oa_sem_init(&s->t, 0));
	actor_start(&p[0], a, 0, plays, &side[0]);
	actor_start(&p[1], b, 0, plays, &side[1]);
	ASSERT_OK(oa_sem_post(&s->s));
	actor_end(&p[0]);
	actor_end(&p[1]);
	expect_at_rest(&s->s, 1);
	expect_at_rest(&s->t, 0);
}

TASK_TEST_F(sem, to_and_fro, .workers = variant->workers, .max_blocking = POOL)
{
	unsigned int n = ROUNDS;

	for (enum by a = BY_TASKS; a <= BY_POOL; a++)
		for (enum by b = a; b <= BY_POOL; b++)
			play(self, a, b, n);
}

/* Permits that come while waiters are cancelled or late: none is lost. */

struct poster { struct sem_fixture_data *s; unsigned int n; };

static void *posts(void *arg)
{
	struct poster *p = arg;

	for (unsigned int i = 0; i < p->n; i++) {
		ASSERT_OK(oa_sem_post(&p->s->s));
		if (i % 4 == 3)
			give_way();
	}
	return NULL;
}

static void *waits_a_moment(void *arg)
{
	struct user *u = arg;

	for (unsigned int i = 0; i < u->rounds; i++) {
		int err = oa_sem_wait_until(&u->s->s,
			oa_after(draw(&u->seed, 50) * OA_USEC));

		ASSERT_TRUE(!err || err == -ETIMEDOUT);
		if (!err)
			COUNT(u->s->passed);
		else
			give_way();
	}
	return NULL;
}

SYNC_TEST(sem, loses_no_permit_to_the_late)
{
	enum { N = 6 };
	struct poster p = { self, 2 * ROUNDS };
	struct user u[N];
	struct actor a;

	for (unsigned int i = 0; i < N; i++) {
		u[i] = (struct user){ .s = self, .seed = draw_seed(i),
				      .rounds = ROUNDS };
		actor_start(&u[i].a, by, i, waits_a_moment, &u[i]);
	}
	actor_start(&a, by, 1, posts, &p);
	actor_end(&a);
	for (unsigned int i = 0; i < N; i++)
		actor_end(&u[i].a);
	EXPECT_EQ(p.n, self->passed + oa_sem_value(&self->s));
	EXPECT_EQ(0u, INFO(sem, &self->s).waiters);
}

SYNC_TEST(sem, loses_no_permit_to_the_cancelled)
{
	enum { N = 8 };
	long rounds = SCALED(40, 10);

	for (long round = 0; round < rounds; round++) {
		struct poster p = { self, N / 2 };
		struct actor a[N], poster;
		unsigned int passed = 0;

		self->passed = 0;
		ASSERT_OK(oa_sem_init(&self->s, 0));
		for (unsigned int i = 0; i < N; i++)
			actor_start(&a[i], BY_TASKS, i, waits, self);
		if (round % 2)
			WAITERS_ARE(N);
		actor_start(&poster, by, (unsigned int)round, posts, &p);
		for (unsigned int i = 0; i < N; i++) {
			int err = oa_cancel(a[(i * 3) % N].task);

			ASSERT_TRUE(!err || err == -ESRCH);
		}
		actor_end(&poster);
		for (unsigned int i = 0; i < N; i++) {
			int err = actor_code(&a[i]);

			ASSERT_TRUE(!err || err == -ECANCELED);
			passed += !err;
		}
		ASSERT_EQ(passed, self->passed);
		ASSERT_EQ(p.n, passed + oa_sem_value(&self->s));
		ASSERT_EQ(0u, INFO(sem, &self->s).waiters);
	}
}

/* Limits and bad use. */

TEST(has_a_most)
{
	struct oa_sem s = OA_SEM_INIT(OA_SEM_MAX);

	EXPECT_EQ(UINT32_MAX, oa_sem_value(&s));
	EXPECT_EQ((uint64_t)UINT32_MAX, INFO(sem, &s).value);
	EXPECT_REFUSED(&s, oa_sem_post(&s), -EOVERFLOW);
	EXPECT_OK(oa_sem_trywait(&s));
	EXPECT_EQ(UINT32_MAX - 1, oa_sem_value(&s));
	EXPECT_OK(oa_sem_post(&s));
	EXPECT_REFUSED(&s, oa_sem_post(&s), -EOVERFLOW);
	EXPECT_OK(oa_sem_wait(&s));
	EXPECT_OK(oa_sem_wait_until(&s, 0));
	EXPECT_EQ(UINT32_MAX - 2, oa_sem_value(&s));
	EXPECT_OK(oa_sem_destroy(&s));
}

TEST(counts)
{
	struct oa_sem s = OA_SEM_INIT(0);

	for (uint32_t i = 0; i < 1000; i++) {
		ASSERT_EQ(i, oa_sem_value(&s));
		ASSERT_OK(oa_sem_post(&s));
	}
	for (uint32_t i = 1000; i > 0; i--) {
		ASSERT_EQ(i, oa_sem_value(&s));
		ASSERT_OK(oa_sem_trywait(&s));
	}
	EXPECT_REFUSED(&s, oa_sem_trywait(&s), -EAGAIN);
	EXPECT_ERR(oa_sem_wait_until(&s, 0), -ETIMEDOUT);
	ASSERT_OK(oa_sem_init(&s, 5));
	EXPECT_EQ(5u, oa_sem_value(&s));
}

TEST(bad_arguments)
{
	struct oa_sem s = OA_SEM_INIT(1);

	EXPECT_ERR(oa_sem_init(NULL, 1), -EINVAL);
	EXPECT_ERR(oa_sem_wait(NULL), -EINVAL);
	EXPECT_ERR(oa_sem_trywait(NULL), -EINVAL);
	EXPECT_ERR(oa_sem_wait_until(NULL, 0), -EINVAL);
	EXPECT_ERR(oa_sem_post(NULL), -EINVAL);
	EXPECT_EQ(0u, oa_sem_value(NULL));
	EXPECT_ERR(oa_sem_destroy(NULL), -EINVAL);
	EXPECT_INFO_CHECKS(sem, &s);
}

HARNESS_MAIN
