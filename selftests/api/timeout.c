// SPDX-License-Identifier: MIT
/*
 * A task with a .timeout: its calls fail when it is over, and it is dropped if
 * it has not begun by then, wherever it stands.
 */
#include "points.h"

#include <unistd.h>

FIXTURE(timeout) {
	unsigned int ran, dropped, late;
	int flag;
	struct oa_event go;
};
VARIANTS_WORKERS(timeout);

typedef struct timeout_fixture_data data;

FIXTURE_SETUP(timeout)
{
}

FIXTURE_TEARDOWN(timeout)
{
}

#define TIMEOUT_TEST(name) \
	TASK_TEST_F_TIMEOUT(timeout, name, 90, .workers = variant->workers, \
			    .max_blocking = 1)

#define SHORT	(300 * OA_USEC)
#define LONG	(1000 * OA_SEC)

static int join_code(oa_task_t t)
{
	void *result = NULL;

	ASSERT_OK(oa_join(t, &result));
	return oa_err_code(result);
}

static void *runs(void *arg)
{
	COUNT(((data *)arg)->ran);
	return NULL;
}

static void drops(void *arg)
{
	COUNT(((data *)arg)->dropped);
}

/* While it runs. */

static void *calls(void *arg)
{
	struct caller *c = arg;
	struct oa_deadline d;
	long ret = 0;

	/* A level of its own inside has nothing to do with it. */
	OA_WITHIN(&d, LONG)
		ret = c->p->call(c->o);
	if (ret == -ETIMEDOUT)
		OF(c->p, EXPECT_EQ(-ETIMEDOUT, c->p->call(c->o)));
	OF(c->p, EXPECT_EQ(0, oa_deadline_fired(&d)));
	OF(c->p, EXPECT_EQ(0, oa_cancelled()));
	return oa_err((int)ret);
}

TIMEOUT_TEST(ends_each_call)
{
	struct caller c;

	for_each_point(p) {
		oa_time_t before = oa_now();

		if (p->flags & (POINT_STUBBORN | POINT_BRIEF))
			continue;
		c = (struct caller){ .p = p, .o = p->make(p, 0) };
		c.t = oa_spawn(calls, &c, .timeout = OA_MSEC);
		OF(p, EXPECT_ERR(join_code(c.t), -ETIMEDOUT));
		OF(p, EXPECT_GE(oa_now(), before + OA_MSEC));
		if (p->intact)
			p->intact(c.o);
		p->unmake(c.o, false);
	}
}

static void *has_levels(void *arg HARNESS_UNUSED)
{
	struct oa_deadline d;

	/* An earlier one inside is its own. */
	OA_WITHIN(&d, OA_USEC)
		EXPECT_ERR(oa_sleep(OA_FOREVER), -ETIMEDOUT);
	if (!oa_deadline_fired(&d) || oa_yield())
		return oa_err(-EAGAIN);	/* the outer one was over already */
	OA_WITHIN(&d, 1000 * OA_SEC)
		EXPECT_ERR(oa_sleep(OA_FOREVER), -ETIMEDOUT);
	EXPECT_EQ(0, oa_deadline_fired(&d));
	EXPECT_ERR(oa_yield(), -ETIMEDOUT);
	/* There is nothing to leave. */
	EXPECT_ERR(oa_deadline_leave(&d), -EINVAL);
	EXPECT_ERR(oa_yield(), -ETIMEDOUT);
	/* Cancelled goes before late, and what guards works. */
	ASSERT_OK(oa_cancel(oa_self()));
	EXPECT_ERR(oa_yield(), -ECANCELED);
	ASSERT_OK(oa_shield_enter());
	EXPECT_ERR(oa_yield(), -ETIMEDOUT);
	ASSERT_OK(oa_shield_leave());
	return NULL;
}

/* On a busy machine its time may be over before it has got anywhere. */
static int has_levels_in_time(bool block)
{
	oa_time_t time = 50 * OA_MSEC;
	int err;

	do {
		err = join_code(oa_spawn(has_levels, NULL, .block = block,
					 .timeout = time));
		time *= 4;
	} while (err == -EAGAIN || err == -ETIMEDOUT);
	return err;
}

TIMEOUT_TEST(and_deadlines)
{
	EXPECT_OK(has_levels_in_time(false));
	EXPECT_OK(has_levels_in_time(true));
}

static void *waits_for_go(void *arg)
{
	data *s = arg;

	EXPECT_OK(oa_event_wait(&s->go));
	return runs(arg);
}

static void *starts_another(void *arg)
{
	oa_task_t t = oa_spawn(waits_for_go, arg);

	EXPECT_ERR(oa_join(t, NULL), -ETIMEDOUT);
	EXPECT_OK(oa_detach(t));
	return NULL;
}

TIMEOUT_TEST(is_not_inherited)
{
	oa_time_t time = OA_MSEC;
	int err;

	/* On a busy machine its time may be over before it has begun. */
	do {
		err = join_code(oa_spawn(starts_another, self,
					 .timeout = time));
		time *= 4;
	} while (err == -ETIMEDOUT);
	ASSERT_OK(err);
	ASSERT_OK(oa_event_set(&self->go));
	task_wait_until(SEEN(self->ran));
}

static void *sleeps_shortly(void *arg)
{
	EXPECT_OK(oa_sleep(OA_USEC));
	return runs(arg);
}

TIMEOUT_TEST(is_no_limit)
{
	EXPECT_OK(join_code(oa_spawn(sleeps_shortly, self, .timeout = 0)));
	EXPECT_OK(join_code(oa_spawn(sleeps_shortly, self,
				     .timeout = OA_FOREVER)));
	EXPECT_OK(join_code(oa_spawn(sleeps_shortly, self, .timeout = LONG)));
	EXPECT_OK(join_code(oa_spawn(sleeps_shortly, self, .timeout = LONG,
				     .delay = OA_USEC)));
	EXPECT_EQ(4u, self->ran);
}

TIMEOUT_TEST(that_is_negative)
{
	EXPECT_ERR(oa_go(runs, self, .timeout = -1, .on_drop = drops),
		   -EINVAL);
	EXPECT_ERR(oa_task_error(oa_spawn(runs, self, .timeout = INT64_MIN)),
		   -EINVAL);
	EXPECT_EQ(0u, self->ran + self->dropped);
}

static void *waits_in_turn(void *arg)
{
	return oa_err(oa_sleep(arg ? LONG : OA_USEC));
}

static void *passes_on(void *arg)
{
	EXPECT_ERR(oa_err_code(arg), -ETIMEDOUT);
	return oa_err(oa_yield());
}

TIMEOUT_TEST(of_a_chain)
{
	EXPECT_ERR(join_code(oa_spawn(waits_in_turn, self, .timeout = OA_MSEC,
				      .then = (const oa_fn[]){ passes_on,
							       NULL })),
		   -ETIMEDOUT);
}

/* Before it begins. */

static void not_begun(data *s, oa_task_t t)
{
	EXPECT_ERR(join_code(t), -ETIMEDOUT);
	EXPECT_GE(SEEN(s->dropped), ++s->late);
	EXPECT_EQ(0u, SEEN(s->ran));
}

#define STOPPED	.timeout = SHORT, .on_drop = drops

/* On a busy machine its time may be over before it gets to the latch. */
TIMEOUT_TEST(under_a_latch)
{
	struct oa_sync_info i = OA_SYNC_INFO_INIT;

	for (oa_time_t time = SHORT; i.value != 1; time *= 2) {
		struct oa_latch l = OA_LATCH_INIT(2);

		not_begun(self, oa_spawn(runs, self, .timeout = time,
					 .on_drop = drops, .latch = &l));
		ASSERT_OK(oa_latch_info(&l, &i));
		if (i.value == 1) {
			/* It has arrived. */
			ASSERT_OK(oa_latch_count_down(&l));
			EXPECT_OK(oa_latch_trywait(&l));
		} else {
			ASSERT_EQ(2ul, i.value);
		}
	}
}

TIMEOUT_TEST(under_a_barrier)
{
	struct oa_barrier b = OA_BARRIER_INIT(2);
	struct oa_sync_info i = OA_SYNC_INFO_INIT;

	not_begun(self, oa_spawn(runs, self, STOPPED, .barrier = &b));
	ASSERT_OK(oa_barrier_info(&b, &i));
	EXPECT_EQ(0u, i.value);
	EXPECT_OK(oa_barrier_destroy(&b));
}

TIMEOUT_TEST(under_backpressure)
{
	struct oa_backpressure b = OA_BACKPRESSURE_INIT(1);

	ASSERT_OK(oa_backpressure_enter(&b));
	not_begun(self, oa_spawn(runs, self, STOPPED, .backpressure = &b));
	ASSERT_OK(oa_backpressure_leave(&b));
	EXPECT_OK(oa_backpressure_tryenter(&b));
	ASSERT_OK(oa_backpressure_leave(&b));
}

TIMEOUT_TEST(under_a_semaphore)
{
	struct oa_sem sem = OA_SEM_INIT(0);

	not_begun(self, oa_spawn(runs, self, STOPPED, .sem = &sem));
	EXPECT_OK(oa_sem_destroy(&sem));
	ASSERT_OK(oa_sem_post(&sem));
	EXPECT_EQ(1u, oa_sem_value(&sem));
}

TIMEOUT_TEST(under_a_mutex)
{
	struct oa_mutex m = OA_MUTEX_INIT;

	ASSERT_OK(oa_mutex_lock(&m));
	not_begun(self, oa_spawn(runs, self, STOPPED, .mutex = &m));
	ASSERT_OK(oa_mutex_unlock(&m));
	EXPECT_OK(oa_mutex_destroy(&m));
}

/* What it has taken so far is given back. */
TIMEOUT_TEST(under_the_second_of_two)
{
	struct oa_mutex m = OA_MUTEX_INIT;
	struct oa_sem sem = OA_SEM_INIT(1);

	ASSERT_OK(oa_mutex_lock(&m));
	not_begun(self, oa_spawn(runs, self, STOPPED, .mutex = &m,
				 .sem = &sem));
	EXPECT_EQ(1u, oa_sem_value(&sem));
	ASSERT_OK(oa_mutex_unlock(&m));
}

static void *takes_the_place(void *arg)
{
	data *s = arg;

	TELL(s->flag, 1);
	ASSERT_OK(oa_event_wait(&s->go));
	return NULL;
}

TIMEOUT_TEST(for_a_place_on_the_pool)
{
	oa_task_t t = oa_spawn(takes_the_place, self, .block = true);

	task_wait_until(SEEN(self->flag));
	not_begun(self, oa_spawn(runs, self, STOPPED, .block = true));
	ASSERT_OK(oa_event_set(&self->go));
	EXPECT_OK(join_code(t));
}

/* The only worker is busy for longer than that. */
static void *keeps_busy(void *arg)
{
	data *s = arg;
	oa_time_t until;
	oa_task_t t[3];

	t[0] = oa_spawn(runs, s, STOPPED);
	t[1] = oa_spawn(runs, s, STOPPED, .name = "named", .copy = 0);
	t[2] = oa_spawn(runs, s, .delay = OA_USEC, STOPPED);
	for (until = oa_after(2 * SHORT); oa_now() <= until;)
		;
	for (int i = 0; i < 2; i++)
		not_begun(s, t[i]);
	join_code(t[2]);
	return NULL;
}

TEST_F(timeout, in_a_queue)
{
	struct oa_ended e;

	ASSERT_OK(oa_run(keeps_busy, self, .workers = 1, .ended = &e));
	/* The delayed one counts from the moment at which it may start. */
	EXPECT_EQ(4u, e.ran + e.dropped);
	EXPECT_EQ(e.dropped, self->dropped);
	EXPECT_EQ(e.ran, self->ran + 1u);
}

static void *has_time(void *arg)
{
	data *s = arg;

	if (oa_sleep(OA_USEC))
		return oa_err(-EAGAIN);
	COUNT(s->ran);
	EXPECT_ERR(oa_sleep(LONG), -ETIMEDOUT);
	return NULL;
}

/*
 * The delay is twice the time, so that nothing would be left of it. On a busy
 * machine it may be over before the task has got anywhere.
 */
static void begin_after_twice_the_time(data *s, bool at)
{
	oa_time_t time = 25 * OA_MSEC, before;
	int err;

	do {
		time *= 2;
		before = oa_now();
		err = join_code(at ? oa_spawn(has_time, s, .timeout = time,
					      .at = before + 2 * time)
				   : oa_spawn(has_time, s, .timeout = time,
					      .delay = 2 * time));
	} while (err == -EAGAIN || err == -ETIMEDOUT);
	EXPECT_OK(err);
	EXPECT_GE(oa_now(), before + 3 * time);
}

TIMEOUT_TEST(begins_after_the_delay)
{
	begin_after_twice_the_time(self, false);
	begin_after_twice_the_time(self, true);
	EXPECT_EQ(2u, self->ran);
}

TIMEOUT_TEST(of_one_that_is_cancelled_before)
{
	struct oa_sem sem = OA_SEM_INIT(0);
	oa_task_t t = oa_spawn(runs, self, .timeout = LONG, .on_drop = drops,
			       .sem = &sem);

	ASSERT_OK(oa_cancel(t));
	EXPECT_ERR(join_code(t), -ECANCELED);
	t = oa_spawn(runs, self, .timeout = LONG, .on_drop = drops,
		     .delay = LONG);
	ASSERT_OK(oa_cancel(t));
	EXPECT_ERR(join_code(t), -ECANCELED);
	EXPECT_EQ(2u, self->dropped);
}

/* Many, at the edge: each begins or is dropped, once. */

TIMEOUT_TEST(at_the_edge)
{
	enum { N = 600 };
	static oa_task_t t[N];
	struct oa_sem sem = OA_SEM_INIT(0);
	unsigned int late = 0;

	for (int i = 0; i < N; i++)
		t[i] = oa_spawn(runs, self, .on_drop = drops,
				.timeout = (1 + i % 200) * OA_USEC,
				.delay = i % 3 ? 0 : OA_USEC,
				.sem = i % 2 ? &sem : NULL);
	for (int i = 0; i < N; i++) {
		ASSERT_OK(oa_sem_post(&sem));
		if (i % 8 == 0)
			ASSERT_OK(oa_yield());
	}
	for (int i = 0; i < N; i++) {
		int err = join_code(t[i]);

		ASSERT_TRUE(!err || err == -ETIMEDOUT);
		late += err != 0;
	}
	EXPECT_EQ(late, self->dropped);
	EXPECT_EQ(N - late, self->ran);
	EXPECT_EQ((unsigned int)N, oa_sem_value(&sem));
}

HARNESS_MAIN
