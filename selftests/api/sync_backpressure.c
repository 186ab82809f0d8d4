// SPDX-License-Identifier: MIT
/* Backpressure: so many at once; the rest waits, or is refused. */
#include "sync_test.h"

FIXTURE(backpressure) {
	struct oa_backpressure b;
	unsigned int inside, passed;
};
VARIANTS_WORKERS(backpressure);

FIXTURE_SETUP(backpressure)
{
}

FIXTURE_TEARDOWN(backpressure)
{
}

#define WAITERS_ARE(n) \
	task_wait_until(INFO(backpressure, &self->b).waiters == (n))
#define ROUNDS		SCALED_ONCE(150, 40)

static void expect_at_rest(struct oa_backpressure *b, uint32_t max)
{
	struct oa_sync_info i = INFO(backpressure, b);

	EXPECT_EQ(0u, i.waiters);
	EXPECT_EQ(0ul, i.value);
	EXPECT_EQ((uint64_t)max, i.limit);
	EXPECT_REFUSED(b, oa_backpressure_leave(b), -EPERM);
	EXPECT_OK(oa_backpressure_destroy(b));
}

struct user {
	struct actor a;
	struct backpressure_fixture_data *s;
	uint64_t seed;
	unsigned int rounds, limit, got;
	bool lossy;
};

static bool enter_somehow(struct user *u)
{
	struct oa_backpressure *b = &u->s->b;
	int err;

	switch (draw(&u->seed, 4)) {
	case 0:
		err = oa_backpressure_tryenter(b);
		ASSERT_TRUE(!err || err == (u->lossy ? -EBUSY : -EAGAIN));
		break;
	case 1:
		err = oa_backpressure_enter_until(b,
			oa_after(draw(&u->seed, 100) * OA_USEC));
		ASSERT_TRUE(!err || err == (u->lossy ? -EBUSY : -ETIMEDOUT));
		break;
	default:
		err = oa_backpressure_enter(b);
		ASSERT_TRUE(!err || (u->lossy && err == -EBUSY));
	}
	return !err;
}

static void *contends(void *arg)
{
	struct user *u = arg;

	for (unsigned int i = 0; i < u->rounds; i++) {
		if (!enter_somehow(u)) {
			give_way();
			continue;
		}
		u->got++;
		ASSERT_LE(COUNT(u->s->inside), u->limit);
		for (uint32_t n = draw(&u->seed, 3); n; n--)
			give_way();
		__atomic_sub_fetch(&u->s->inside, 1, __ATOMIC_ACQ_REL);
		ASSERT_OK(oa_backpressure_leave(&u->s->b));
	}
	return NULL;
}

static void contend(struct backpressure_fixture_data *self, enum by by,
		    uint32_t max, enum oa_backpressure_kind kind)
{
	enum { N = 9 };
	unsigned int got = 0;
	struct user u[N];

	ASSERT_OK(oa_backpressure_init(&self->b, max, kind));
	for (unsigned int i = 0; i < N; i++) {
		u[i] = (struct user){ .s = self, .seed = draw_seed(i),
				      .rounds = ROUNDS, .limit = max,
				      .lossy = kind };
		actor_start(&u[i].a, by, i, contends, &u[i]);
	}
	for (unsigned int i = 0; i < N; i++) {
		actor_end(&u[i].a);
		got += u[i].got;
	}
	EXPECT_GE(got, kind ? 1 : 3 * ROUNDS);
	expect_at_rest(&self->b, max);
}

SYNC_TEST(backpressure, lets_in_as_many_as_it_has_places)
{
	contend(self, by, 1, OA_BACKPRESSURE_LOSSLESS);
	contend(self, by, 3, OA_BACKPRESSURE_LOSSLESS);
}

SYNC_TEST(backpressure, that_is_lossy_lets_in_no_more)
{
	contend(self, by, 1, OA_BACKPRESSURE_LOSSY);
	contend(self, by, 3, OA_BACKPRESSURE_LOSSY);
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
	static struct backpressure_fixture_data s = {
		.b = OA_BACKPRESSURE_INIT(2),
	};

	harness_seed();
	threads_run(threads_contend, &s, 6);
	expect_at_rest(&s.b, 2);
}

static void *enters(void *arg)
{
	struct backpressure_fixture_data *s = arg;
	int err = oa_backpressure_enter(&s->b);

	if (!err)
		COUNT(s->passed);
	return oa_err(err);
}

/* Who leaves hands the place over, and anyone may leave for another. */
SYNC_TEST(backpressure, a_place_is_handed_over)
{
	struct oa_backpressure *b = &self->b;
	struct actor a[5];

	ASSERT_OK(oa_backpressure_init(b, 2, OA_BACKPRESSURE_LOSSLESS));
	for (unsigned int i = 0; i < 2; i++) {
		actor_start(&a[i], by, i, enters, self);
		EXPECT_OK(actor_code(&a[i]));
	}
	EXPECT_EQ(2ul, INFO(backpressure, b).value);
	EXPECT_REFUSED(b, oa_backpressure_tryenter(b), -EAGAIN);
	EXPECT_ERR(oa_backpressure_enter_until(b, 0), -ETIMEDOUT);
	for (unsigned int i = 0; i < ARRAY_N(a); i++)
		actor_start(&a[i], by, i, enters, self);
	WAITERS_ARE(ARRAY_N(a));
	self->passed = 0;
	for (unsigned int i = 1; i <= ARRAY_N(a); i++) {
		ASSERT_OK(oa_backpressure_leave(b));
		EXPECT_EQ(2ul, INFO(backpressure, b).value);
		EXPECT_EQ((unsigned int)ARRAY_N(a) - i,
			  INFO(backpressure, b).waiters);
		EXPECT_ERR(oa_backpressure_tryenter(b), -EAGAIN);
		task_wait_until(SEEN(self->passed) == i);
	}
	for (unsigned int i = 0; i < ARRAY_N(a); i++)
		EXPECT_OK(actor_code(&a[i]));
	ASSERT_OK(oa_backpressure_leave(b));
	ASSERT_OK(oa_backpressure_leave(b));
	expect_at_rest(b, 2);
}

/* Lossy: a refusal, never a wait. */

static void *is_refused(void *arg)
{
	struct oa_backpressure *b = arg;
	struct oa_deadline d;

	EXPECT_ERR(oa_backpressure_enter(b), -EBUSY);
	EXPECT_ERR(oa_backpressure_enter_until(b, OA_FOREVER), -EBUSY);
	EXPECT_ERR(oa_backpressure_enter_until(b, 0), -EBUSY);
	EXPECT_ERR(oa_backpressure_tryenter(b), -EBUSY);
	OA_WITHIN(&d, 1000 * OA_SEC)
		EXPECT_ERR(oa_backpressure_enter(b), -EBUSY);
	return NULL;
}

SYNC_TEST(backpressure, that_is_lossy_refuses)
{
	struct oa_backpressure *b = &self->b;
	struct actor a;

	ASSERT_OK(oa_backpressure_init(b, 2, OA_BACKPRESSURE_LOSSY));
	for (unsigned int round = 0; round < 3; round++) {
		ASSERT_OK(oa_backpressure_enter(b));
		EXPECT_EQ(1ul, INFO(backpressure, b).value);
		if (round % 2)
			ASSERT_OK(oa_backpressure_tryenter(b));
		else
			ASSERT_OK(oa_backpressure_enter_until(b, 0));
		actor_start(&a, by, round, is_refused, b);
		actor_end(&a);
		is_refused(b);
		EXPECT_EQ(2ul, INFO(backpressure, b).value);
		EXPECT_EQ(0u, INFO(backpressure, b).waiters);
		EXPECT_EQ(0ul, INFO(backpressure, b).waits);
		ASSERT_OK(oa_backpressure_leave(b));
		ASSERT_OK(oa_backpressure_enter(b));
		ASSERT_OK(oa_backpressure_leave(b));
		ASSERT_OK(oa_backpressure_leave(b));
	}
	expect_at_rest(b, 2);
}

static void *enters_cancelled(void *arg)
{
	struct oa_backpressure *b = arg;

	ASSERT_OK(oa_cancel(oa_self()));
	EXPECT_ERR(oa_backpressure_enter(b), -ECANCELED);
	EXPECT_ERR(oa_backpressure_enter_until(b, OA_FOREVER), -ECANCELED);
	EXPECT_OK(oa_backpressure_tryenter(b));
	EXPECT_OK(oa_backpressure_leave(b));
	return NULL;
}

TASK_TEST_F(backpressure, that_is_lossy_heeds_a_cancel,
	    .workers = variant->workers)
{
	ASSERT_OK(oa_backpressure_init(&self->b, 1, OA_BACKPRESSURE_LOSSY));
	ASSERT_OK(oa_join(oa_spawn(enters_cancelled, &self->b), NULL));
	expect_at_rest(&self->b, 1);
}

/* A place is never spent on one that is cancelled as it comes. */

static void *cancels(void *arg)
{
	int err = oa_cancel(*(oa_task_t *)arg);

	ASSERT_TRUE(!err || err == -ESRCH);
	return NULL;
}

SYNC_TEST(backpressure, a_place_is_not_lost_to_a_cancel)
{
	struct oa_backpressure *b = &self->b;
	long rounds = SCALED(60, 15);

	ASSERT_OK(oa_backpressure_init(b, 1, OA_BACKPRESSURE_LOSSLESS));
	for (long round = 0; round < rounds; round++) {
		unsigned int victim = (unsigned int)round % 2;
		struct actor a[2], c;
		int err;

		ASSERT_OK(oa_backpressure_enter(b));
		for (unsigned int i = 0; i < 2; i++)
			actor_start(&a[i], BY_TASKS, i, enters, self);
		WAITERS_ARE(2u);
		actor_start(&c, by, (unsigned int)round, cancels,
			    &a[victim].task);
		ASSERT_OK(oa_backpressure_leave(b));
		actor_end(&c);
		err = actor_code(&a[victim]);
		ASSERT_TRUE(!err || err == -ECANCELED);
		if (!err)
			ASSERT_OK(oa_backpressure_leave(b));
		ASSERT_OK(actor_code(&a[!victim]));
		ASSERT_OK(oa_backpressure_leave(b));
		ASSERT_EQ(0ul, INFO(backpressure, b).value);
	}
	expect_at_rest(b, 1);
}

static void expect_unusable(struct oa_backpressure *b)
{
	struct oa_sync_info i = OA_SYNC_INFO_INIT;

	EXPECT_REFUSED(b, oa_backpressure_enter(b), -EINVAL);
	EXPECT_REFUSED(b, oa_backpressure_tryenter(b), -EINVAL);
	EXPECT_REFUSED(b, oa_backpressure_enter_until(b, OA_FOREVER), -EINVAL);
	EXPECT_REFUSED(b, oa_backpressure_enter_until(b, 0), -EINVAL);
	EXPECT_REFUSED(b, oa_backpressure_leave(b), -EINVAL);
	EXPECT_REFUSED(b, oa_backpressure_destroy(b), -EINVAL);
	EXPECT_REFUSED(b, oa_backpressure_info(b, &i), -EINVAL);
}

static void *uses_the_unusable(void *arg)
{
	struct oa_backpressure zero = { 0 }, none = OA_BACKPRESSURE_INIT(0);
	struct oa_backpressure lossy = OA_BACKPRESSURE_LOSSY_INIT(0);

	expect_unusable(&zero);
	expect_unusable(&none);
	expect_unusable(&lossy);
	return arg;
}

SYNC_TEST(backpressure, that_was_not_made)
{
	struct actor a;

	(void)self;
	for (unsigned int i = 0; i < 3; i++) {
		actor_start(&a, by, i, uses_the_unusable, NULL);
		actor_end(&a);
	}
}

TEST(bad_arguments)
{
	struct oa_backpressure b = OA_BACKPRESSURE_INIT(2);

	EXPECT_REFUSED(&b, oa_backpressure_init(&b, 0,
			OA_BACKPRESSURE_LOSSLESS), -EINVAL);
	EXPECT_REFUSED(&b, oa_backpressure_init(&b, 0,
			OA_BACKPRESSURE_LOSSY), -EINVAL);
	EXPECT_REFUSED(&b, oa_backpressure_init(&b, 1,
			(enum oa_backpressure_kind)2), -EINVAL);
	EXPECT_ERR(oa_backpressure_init(NULL, 1, OA_BACKPRESSURE_LOSSY),
		   -EINVAL);
	EXPECT_ERR(oa_backpressure_enter(NULL), -EINVAL);
	EXPECT_ERR(oa_backpressure_tryenter(NULL), -EINVAL);
	EXPECT_ERR(oa_backpressure_enter_until(NULL, 0), -EINVAL);
	EXPECT_ERR(oa_backpressure_leave(NULL), -EINVAL);
	EXPECT_ERR(oa_backpressure_destroy(NULL), -EINVAL);
	EXPECT_INFO_CHECKS(backpressure, &b);
	expect_at_rest(&b, 2);
}

HARNESS_MAIN
