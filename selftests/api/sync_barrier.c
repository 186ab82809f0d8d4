// SPDX-License-Identifier: MIT
/* Cyclic barrier: nobody passes before all have come; one leads each round. */
#include "sync_test.h"

#define ROUNDS	40

FIXTURE(barrier) {
	struct oa_barrier b;
	unsigned int come[ROUNDS], led[ROUNDS], passed, goal;
};
VARIANTS_WORKERS(barrier);

FIXTURE_SETUP(barrier)
{
}

FIXTURE_TEARDOWN(barrier)
{
}

#define WAITERS_ARE(n)	task_wait_until(INFO(barrier, &self->b).waiters == (n))

static void passes(struct barrier_fixture_data *s, int res, int round)
{
	ASSERT_TRUE(res == 0 || res == 1);
	ASSERT_EQ(s->goal, SEEN(s->come[round]));
	if (res)
		COUNT(s->led[round]);
}

static void *goes_round(void *arg)
{
	struct barrier_fixture_data *s = arg;

	for (int i = 0; i < ROUNDS; i++) {
		COUNT(s->come[i]);
		passes(s, oa_barrier_wait(&s->b), i);
	}
	return NULL;
}

static void expect_rounds(struct barrier_fixture_data *s)
{
	struct oa_sync_info info = INFO(barrier, &s->b);

	for (int i = 0; i < ROUNDS; i++)
		EXPECT_EQ(1u, s->led[i]);
	EXPECT_EQ(0u, info.waiters);
	EXPECT_EQ(0ul, info.value);
	EXPECT_EQ((uint64_t)s->goal, info.limit);
	EXPECT_EQ((uint64_t)ROUNDS, info.uses);
	EXPECT_OK(oa_barrier_destroy(&s->b));
}

static void go_round(struct barrier_fixture_data *s, enum by by,
		     unsigned int n, oa_fn fn)
{
	struct actor a[8];

	memset(s, 0, sizeof(*s));
	s->goal = n;
	ASSERT_OK(oa_barrier_init(&s->b, n));
	for (unsigned int i = 0; i < n; i++)
		actor_start(&a[i], by, i, fn, s);
	for (unsigned int i = 0; i < n; i++)
		actor_end(&a[i]);
	expect_rounds(s);
}

SYNC_TEST(barrier, all_go_round_by_round)
{
	go_round(self, by, 1, goes_round);
	go_round(self, by, 2, goes_round);
	go_round(self, by, 7, goes_round);
}

TEST(needs_no_runtime)
{
	static struct barrier_fixture_data s = {
		.b = OA_BARRIER_INIT(5), .goal = 5,
	};

	threads_run(goes_round, &s, 5);
	expect_rounds(&s);
}

/* Who is late takes its arrival back and comes again. */
static void *is_often_late(void *arg)
{
	struct barrier_fixture_data *s = arg;
	uint64_t seed = draw_seed(COUNT(s->passed));
	int res;

	for (int i = 0; i < ROUNDS; i++) {
		COUNT(s->come[i]);
		while ((res = oa_barrier_wait_until(&s->b,
				oa_after(draw(&seed, 100) * OA_USEC))) < 0) {
			ASSERT_ERR(res, -ETIMEDOUT);
			give_way();
			/* Then for good, or all are late for ever. */
			if (draw(&seed, 2)) {
				res = oa_barrier_wait(&s->b);
				break;
			}
		}
		passes(s, res, i);
	}
	return NULL;
}

SYNC_TEST(barrier, the_late_come_again)
{
	harness_seed();
	go_round(self, by, 6, is_often_late);
}

static void *waits(void *arg)
{
	struct barrier_fixture_data *s = arg;
	int res = oa_barrier_wait(&s->b);

	if (res >= 0)
		COUNT(s->passed);
	return oa_err(res);
}

/* Four have come, two are cancelled: two more are needed again. */
SYNC_TEST(barrier, the_cancelled_have_not_come)
{
	struct actor a[4], b[2];

	ASSERT_OK(oa_barrier_init(&self->b, 5));
	for (int round = 0; round < 5; round++) {
		self->passed = 0;
		for (unsigned int i = 0; i < 4; i++) {
			actor_start(&a[i], i % 2 ? BY_TASKS : by, i, waits,
				    self);
			WAITERS_ARE(i + 1);
		}
		EXPECT_EQ(4ul, INFO(barrier, &self->b).value);
		for (unsigned int i = 1; i < 4; i += 2)
			ASSERT_OK(oa_cancel(a[i].task));
		for (unsigned int i = 1; i < 4; i += 2)
			EXPECT_ERR(actor_code(&a[i]), -ECANCELED);
		EXPECT_EQ(2ul, INFO(barrier, &self->b).value);
		EXPECT_EQ(2u, INFO(barrier, &self->b).waiters);
		EXPECT_ERR(oa_barrier_wait_until(&self->b, 0), -ETIMEDOUT);
		EXPECT_EQ(2ul, INFO(barrier, &self->b).value);
		for (unsigned int i = 0; i < 2; i++)
			actor_start(&b[i], by, i, waits, self);
		WAITERS_ARE(4u);
		EXPECT_EQ(0u, SEEN(self->passed));
		EXPECT_EQ(1, oa_barrier_wait(&self->b));
		EXPECT_EQ((void *)0, actor_end(&a[0]));
		EXPECT_EQ((void *)0, actor_end(&a[2]));
		EXPECT_EQ((void *)0, actor_end(&b[0]));
		EXPECT_EQ((void *)0, actor_end(&b[1]));
	}
	EXPECT_EQ(5ul, INFO(barrier, &self->b).uses);
	EXPECT_OK(oa_barrier_destroy(&self->b));
}

static void *cancels(void *arg)
{
	int err = oa_cancel(*(oa_task_t *)arg);

	ASSERT_TRUE(!err || err == -ESRCH);
	return NULL;
}

/* Cancelled as the last one comes: it was of the round, or that goes on. */
SYNC_TEST(barrier, a_cancel_meets_the_end_of_a_round)
{
	long rounds = SCALED(60, 15);
	struct actor a[3], c;

	for (long round = 0; round < rounds; round++) {
		int res, err;

		ASSERT_OK(oa_barrier_init(&self->b, 3));
		actor_start(&a[0], BY_TASKS, 0, waits, self);
		actor_start(&a[1], BY_TASKS, 0, waits, self);
		WAITERS_ARE(2u);
		actor_start(&c, by, (unsigned int)round, cancels, &a[0].task);
		res = oa_barrier_wait_until(&self->b, oa_after(OA_MSEC));
		actor_end(&c);
		err = actor_code(&a[0]);
		if (err) {
			/* It had not come. We were late, or had to wait. */
			ASSERT_ERR(err, -ECANCELED);
			ASSERT_ERR(res, -ETIMEDOUT);
			ASSERT_EQ(1ul, INFO(barrier, &self->b).value);
			actor_start(&a[2], BY_TASKS, 0, waits, self);
			WAITERS_ARE(2u);
			ASSERT_EQ(1, oa_barrier_wait(&self->b));
			ASSERT_NULL(actor_end(&a[2]));
		} else {
			ASSERT_EQ(1, res);
		}
		ASSERT_NULL(actor_end(&a[1]));
		ASSERT_EQ(1ul, INFO(barrier, &self->b).uses);
	}
}

TEST(of_one_lets_everyone_pass)
{
	struct oa_barrier b = OA_BARRIER_INIT(1);

	for (int i = 0; i < 10; i++) {
		EXPECT_EQ(1, oa_barrier_wait(&b));
		EXPECT_EQ(1, oa_barrier_wait_until(&b, 0));
	}
	EXPECT_EQ(20ul, INFO(barrier, &b).uses);
	EXPECT_EQ(0ul, INFO(barrier, &b).waits);
	EXPECT_OK(oa_barrier_destroy(&b));
}

static void expect_unusable(struct oa_barrier *b)
{
	struct oa_sync_info i = OA_SYNC_INFO_INIT;

	EXPECT_REFUSED(b, oa_barrier_wait(b), -EINVAL);
	EXPECT_REFUSED(b, oa_barrier_wait_until(b, OA_FOREVER), -EINVAL);
	EXPECT_REFUSED(b, oa_barrier_wait_until(b, 0), -EINVAL);
	EXPECT_REFUSED(b, oa_barrier_destroy(b), -EINVAL);
	EXPECT_REFUSED(b, oa_barrier_info(b, &i), -EINVAL);
}

static void *uses_the_unusable(void *arg)
{
	struct oa_barrier zero = { 0 }, none = OA_BARRIER_INIT(0);

	expect_unusable(&zero);
	expect_unusable(&none);
	return arg;
}

SYNC_TEST(barrier, that_was_not_made)
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
	struct oa_barrier b = OA_BARRIER_INIT(2);

	EXPECT_REFUSED(&b, oa_barrier_init(&b, 0), -EINVAL);
	EXPECT_ERR(oa_barrier_init(NULL, 1), -EINVAL);
	EXPECT_ERR(oa_barrier_wait(NULL), -EINVAL);
	EXPECT_ERR(oa_barrier_wait_until(NULL, 0), -EINVAL);
	EXPECT_ERR(oa_barrier_destroy(NULL), -EINVAL);
	EXPECT_INFO_CHECKS(barrier, &b);
	EXPECT_EQ(2ul, INFO(barrier, &b).limit);
}

HARNESS_MAIN
