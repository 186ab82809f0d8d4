// SPDX-License-Identifier: MIT
/*
 * Shutting down at once, and at a deadline: what has not started is dropped,
 * what is suspended is abandoned, and nobody outside waits for any of it.
 */
#include "points.h"

#include <sched.h>
#include <stdlib.h>
#include <unistd.h>

/* What a call had allocated when it was abandoned is abandoned with it. */
const char *__lsan_default_suppressions(void)
	__attribute__((visibility("default")));
const char *__lsan_default_suppressions(void)
{
	return "leak:oa_poll\nleak:oa_select\nleak:oa_sendmsg\nleak:oa_recvmsg\n"
	       "leak:oa_writev\nleak:oa_readv\nleak:oa_futex\nleak:oa_join";
}

FIXTURE(now) {
	unsigned int ran, dropped, back;
	int fds[2], flag, stop;
	struct oa_event go;
	int64_t left;			/* as the event told */
	unsigned int ends;
};
VARIANTS_WORKERS(now);

typedef struct now_fixture_data data;

static void on_event(const struct oa_runtime_event *ev, void *user)
{
	data *s = user;

	if (ev->kind == OA_EVENT_ABANDON)
		TELL(s->left, ev->value ? ev->value : 1);
	if (ev->kind == OA_EVENT_END)
		COUNT(s->ends);
}

#define TELLS(s)	.on_event = on_event, .user = (s)

/* A busy machine may have kept a thread away; its runtime stays. */
static void skip_if_left(data *s)
{
	if (SEEN(s->left))
		SKIP("a worker took longer than 200 ms to come");
}

FIXTURE_SETUP(now)
{
	ASSERT_EQ(0, pipe(self->fds));
}

FIXTURE_TEARDOWN(now)
{
	close(self->fds[0]);
	close(self->fds[1]);
}

#define NOW_TEST(name)	TEST_F(now, name, .timeout = 60)

static void *runs(void *arg)
{
	COUNT(((data *)arg)->ran);
	return NULL;
}

static void drops(void *arg)
{
	COUNT(((data *)arg)->dropped);
}

static void *sleeps(void *arg)
{
	data *s = arg;

	COUNT(s->ran);
	oa_sleep(OA_FOREVER);
	COUNT(s->back);
	return NULL;
}

static void *reads(void *arg)
{
	data *s = arg;
	char c;

	COUNT(s->ran);
	oa_read(s->fds[0], &c, 1);
	COUNT(s->back);
	return NULL;
}

static void *sleeps_in_shield(void *arg)
{
	ASSERT_OK(oa_shield_enter());
	return sleeps(arg);
}

static void *waits_for_event(void *arg)
{
	data *s = arg;

	COUNT(s->ran);
	oa_event_wait(&s->go);
	COUNT(s->back);
	return NULL;
}

static void *yields(void *arg)
{
	data *s = arg;

	COUNT(s->ran);
	while (!oa_yield())
		;
	COUNT(s->back);
	return NULL;
}

/* Something of each kind; how many were started. */
static unsigned int start_all(data *s, struct oa_runtime *rt)
{
	static const oa_fn fns[] = {
		sleeps, reads, sleeps_in_shield, waits_for_event, yields,
	};
	unsigned int n = 0;

	for (unsigned int i = 0; i < ARRAY_N(fns); i++)
		for (int k = 0; k < 20; k++, n++)
			ASSERT_OK(oa_go(fns[i], s, .runtime = rt,
					.on_drop = drops));
	for (int k = 0; k < 20; k++, n++)
		ASSERT_OK(oa_go(runs, s, .runtime = rt, .on_drop = drops,
				.delay = 1000 * OA_SEC));
	return n;
}

static void *shuts_down(void *arg)
{
	data *s = arg;

	start_all(s, NULL);
	while (SEEN(s->ran) < 100)
		ASSERT_OK(oa_yield());
	ASSERT_OK(oa_shutdown(NULL, OA_SHUTDOWN_NOW));
	oa_sleep(1);
	COUNT(s->back);
	return NULL;
}

NOW_TEST(from_a_task)
{
	struct oa_ended e;

	ASSERT_OK(oa_run(shuts_down, self, .workers = variant->workers,
			 .ended = &e, TELLS(self)));
	skip_if_left(self);
	EXPECT_EQ(0u, self->back);
	EXPECT_EQ(20u, self->dropped);
	EXPECT_EQ(20u, e.dropped);
	EXPECT_EQ(0u, e.ran);
	EXPECT_EQ(101u, e.abandoned);
}

static void *keeps(void *arg)
{
	data *s = arg;

	TELL(s->flag, 1);
	oa_sleep(OA_FOREVER);
	COUNT(s->back);
	return NULL;
}

static struct oa_runtime *begin(data *s, unsigned int workers)
{
	struct oa_runtime *rt;

	ASSERT_OK(oa_start(&rt, keeps, s, .workers = workers,
			   .max_blocking = 4, TELLS(s)));
	dump_runtime = rt;
	wait_until(SEEN(s->flag));
	return rt;
}

static void end(data *s, struct oa_runtime *rt, struct oa_ended *e)
{
	ASSERT_OK(oa_runtime_wait_until(rt, e, oa_after(20 * OA_SEC)));
	ASSERT_OK(oa_runtime_free(rt));
	dump_runtime = NULL;
	skip_if_left(s);
}

NOW_TEST(from_outside)
{
	struct oa_runtime *rt = begin(self, variant->workers);
	unsigned int n = start_all(self, rt);
	struct oa_ended e;
	oa_time_t before;

	wait_until(SEEN(self->ran) == 100);
	before = oa_now();
	ASSERT_OK(oa_shutdown(rt, OA_SHUTDOWN_NOW));
	EXPECT_ERR(oa_go(runs, self, .runtime = rt), -ESHUTDOWN);
	ASSERT_OK(oa_runtime_wait(rt, &e));
	/* Not when what is delayed would be due. */
	EXPECT_LT(oa_now() - before, 100 * OA_SEC);
	EXPECT_EQ(n + 1u, e.ran + e.dropped + e.abandoned);
	EXPECT_EQ(20u, self->dropped);
	EXPECT_EQ(0u, self->back);
	/* Of one that has ended. */
	EXPECT_OK(oa_shutdown(rt, OA_SHUTDOWN_NOW));
	EXPECT_OK(oa_shutdown(rt, OA_SHUTDOWN_GRACEFUL));
	EXPECT_OK(oa_shutdown_until(rt, OA_SHUTDOWN_DRAIN, 1));
	EXPECT_ERR(oa_go(runs, self, .runtime = rt), -ESHUTDOWN);
	end(self, rt, NULL);
}

NOW_TEST(of_what_has_not_begun)
{
	struct oa_sem sem = OA_SEM_INIT(0);
	struct oa_latch latch = OA_LATCH_INIT(100);
	struct oa_barrier barrier = OA_BARRIER_INIT(100);
	struct oa_mutex m = OA_MUTEX_INIT;
	struct oa_runtime *rt = begin(self, variant->workers);
	struct oa_ended e;
	oa_task_t t;
	void *result;

	ASSERT_OK(oa_mutex_lock(&m));
	for (int i = 0; i < 5; i++) {
		ASSERT_OK(oa_go(runs, self, .runtime = rt, .on_drop = drops,
				.sem = &sem));
		ASSERT_OK(oa_go(runs, self, .runtime = rt, .on_drop = drops,
				.latch = &latch));
		ASSERT_OK(oa_go(runs, self, .runtime = rt, .on_drop = drops,
				.barrier = &barrier));
		ASSERT_OK(oa_go(runs, self, .runtime = rt, .on_drop = drops,
				.mutex = &m));
	}
	t = oa_spawn(runs, self, .runtime = rt, .on_drop = drops, .sem = &sem,
		     .copy = 0);
	ASSERT_OK(oa_shutdown(rt, OA_SHUTDOWN_NOW));
	ASSERT_OK(oa_join(t, &result));
	EXPECT_ERR(oa_err_code(result), -ECANCELED);
	end(self, rt, &e);
	EXPECT_EQ(21u, self->dropped);
	EXPECT_EQ(0u, self->ran);
	EXPECT_EQ(21u, e.dropped);
	/* The objects are as good as ever, and nobody is in them. */
	ASSERT_OK(oa_mutex_unlock(&m));
	EXPECT_OK(oa_mutex_destroy(&m));
	EXPECT_OK(oa_sem_destroy(&sem));
	EXPECT_OK(oa_barrier_destroy(&barrier));
}

/* Whoever waits for one of them is told. */

static void *joins(void *arg)
{
	void *result = NULL;
	int err = oa_join(*(oa_task_t *)arg, &result);

	return oa_err(err ? err : oa_err_code(result));
}

NOW_TEST(joins_from_outside_are_told)
{
	struct oa_runtime *rt = begin(self, variant->workers);
	static const oa_fn fns[] = { sleeps, reads, sleeps_in_shield,
				     waits_for_event };
	oa_task_t t[4];
	pthread_t th[4];
	void *code;

	for (int i = 0; i < 4; i++) {
		t[i] = oa_spawn(fns[i], self, .runtime = rt);
		thread_start(&th[i], joins, &t[i]);
	}
	wait_until(SEEN(self->ran) == 4);
	ASSERT_OK(oa_shutdown(rt, OA_SHUTDOWN_NOW));
	for (int i = 0; i < 4; i++) {
		ASSERT_EQ(0, pthread_join(th[i], &code));
		EXPECT_ERR(oa_err_code(code), -ECANCELED);
	}
	end(self, rt, NULL);
}

NOW_TEST(joins_afterwards_are_told)
{
	struct oa_runtime *rt = begin(self, variant->workers);
	oa_task_t t = oa_spawn(sleeps, self, .runtime = rt);
	oa_task_t u = oa_spawn(runs, self, .runtime = rt);
	void *result = NULL;

	wait_until(SEEN(self->ran) == 2);
	wait_until(task_state(rt, u) == OA_TASK_ENDED);
	wait_until(task_state(rt, t) == OA_TASK_PARKED);
	ASSERT_OK(oa_shutdown(rt, OA_SHUTDOWN_NOW));
	ASSERT_OK(oa_runtime_wait(rt, NULL));
	ASSERT_OK(oa_join(t, &result));
	EXPECT_ERR(oa_err_code(result), -ECANCELED);
	ASSERT_OK(oa_join(u, &result));
	EXPECT_EQ(NULL, result);
	end(self, rt, NULL);
}

NOW_TEST(scopes_and_tokens_of_others)
{
	struct oa_runtime *rt = begin(self, variant->workers);
	struct oa_token token = OA_TOKEN_INIT;
	struct oa_scope s;

	ASSERT_OK(oa_scope_open(&s));
	for (int i = 0; i < 20; i++)
		ASSERT_OK(oa_go(i % 2 ? sleeps : sleeps_in_shield, self,
				.runtime = rt, .scope = &s, .token = &token,
				.on_drop = drops));
	ASSERT_OK(oa_go(runs, self, .runtime = rt, .scope = &s,
			.token = &token, .delay = 1000 * OA_SEC,
			.on_drop = drops));
	ASSERT_OK(oa_shutdown(rt, OA_SHUTDOWN_NOW));
	EXPECT_ERR(oa_scope_wait(&s), -ECANCELED);
	EXPECT_OK(oa_token_destroy(&token));
	end(self, rt, NULL);
}

/*
 * Each call: its task is abandoned in it, and what it waited for serves others
 * as if it had not been there.
 */

static void *calls(void *arg)
{
	struct caller *c = arg;

	TELL(c->state, 1);
	c->p->call(c->o);
	TELL(c->state, 2);
	return NULL;
}

static void *calls_again(void *arg)
{
	struct caller *c = arg;

	return (void *)c->p->call(c->o);
}

static bool is_waiting(struct oa_runtime *rt, const struct caller *c)
{
	return SEEN(c->state) && task_state(rt, c->t) == OA_TASK_PARKED;
}

/* It has the right to join, has arrived, is connecting, for ever. */
static bool is_bound(const struct point *p)
{
	static const char *const what[] = { "join", "select", "connect" };

	for (unsigned int i = 0; i < ARRAY_N(what); i++)
		if (!strncmp(p->name, what[i], strlen(what[i])))
			return true;
	return !p->open || p->flags & POINT_MEETS;
}

static void abandon_in(data *s, const struct point *p, unsigned int workers)
{
	struct caller c = { .p = p }, d = { .p = p };
	struct oa_runtime *rt;
	struct oa_ended e;
	void *result;

	c.o = d.o = p->make(p, 2);
	ASSERT_OK(oa_start(&rt, keeps, s, .workers = workers,
			   .max_blocking = 1, TELLS(s)));
	c.t = oa_spawn(calls, &c, .runtime = rt);
	task_wait_until(is_waiting(rt, &c));
	ASSERT_OK(oa_shutdown(rt, OA_SHUTDOWN_NOW));
	ASSERT_OK(oa_join(c.t, &result));
	OF(p, EXPECT_ERR(oa_err_code(result), -ECANCELED));
	ASSERT_OK(oa_runtime_wait(rt, &e));
	OF(p, EXPECT_EQ(2u, e.ran + e.dropped + e.abandoned));
	/* The object lives longer than who was left in its queue. */
	ASSERT_OK(oa_runtime_free(rt));
	d.t = oa_spawn(calls_again, &d);
	task_wait_until(task_state(NULL, d.t) == OA_TASK_PARKED);
	p->open(d.o);
	ASSERT_OK(oa_join(d.t, &result));
	OF(p, EXPECT_NE(oa_err(-ECANCELED), result));
	if (p->left)
		OF(p, EXPECT_EQ(0l, p->left(d.o)));
	p->unmake(d.o, true);
	OF(p, EXPECT_EQ(1, c.state));
	skip_if_left(s);
}

TASK_TEST_F_TIMEOUT(now, abandoned_in_each_call, 90,
		    .workers = variant->workers, .max_blocking = 1)
{
	/* See __lsan_default_suppressions(). */
	harness_leaves_inside();
	for_each_point(p)
		if (!is_bound(p) && strcmp(p->name, "block"))
			abandon_in(self, p, variant->workers);
}

/* Scopes with somebody on the pool, who ends after all others. */

static void *lasts_a_while(void *arg)
{
	data *s = arg;

	COUNT(s->ran);
	while (!SEEN(s->stop))
		sched_yield();
	return NULL;
}

static void *opens_a_scope(void *arg)
{
	data *s = arg;
	struct oa_scope sc;

	ASSERT_OK(oa_scope_open(&sc));
	ASSERT_OK(oa_go(oa_worker_id() < 0 ? sleeps : lasts_a_while, s,
			.scope = &sc, .block = oa_worker_id() >= 0));
	if (oa_worker_id() < 0)
		lasts_a_while(s);
	else
		oa_sleep(OA_FOREVER);
	return NULL;
}

NOW_TEST(a_scope_with_a_child_on_the_pool)
{
	struct oa_runtime *rt;

	ASSERT_OK(oa_start(&rt, opens_a_scope, self, TELLS(self),
			   .workers = variant->workers, .max_blocking = 1));
	wait_until(SEEN(self->ran) == 1);
	ASSERT_OK(oa_shutdown(rt, OA_SHUTDOWN_NOW));
	TELL(self->stop, 1);
	ASSERT_OK(oa_runtime_wait(rt, NULL));
	skip_if_left(self);
	ASSERT_OK(oa_runtime_free(rt));
}

NOW_TEST(a_scope_that_was_opened_on_the_pool)
{
	struct oa_runtime *rt;

	ASSERT_OK(oa_start(&rt, sleeps, self, TELLS(self),
			   .workers = variant->workers, .max_blocking = 1));
	ASSERT_OK(oa_go(opens_a_scope, self, .runtime = rt, .block = true));
	wait_until(SEEN(self->ran) == 3);
	ASSERT_OK(oa_shutdown(rt, OA_SHUTDOWN_NOW));
	TELL(self->stop, 1);
	ASSERT_OK(oa_runtime_wait(rt, NULL));
	skip_if_left(self);
	ASSERT_OK(oa_runtime_free(rt));
}

/* A worker that does not come is left behind. */

static void *computes(void *arg)
{
	data *s = arg;

	TELL(s->flag, 1);
	while (!SEEN(s->stop))
		sched_yield();
	TELL(s->flag, 2);
	oa_sleep(1);
	COUNT(s->back);
	return NULL;
}

static void *blocks_the_thread(void *arg)
{
	data *s = arg;
	char c;

	TELL(s->flag, 1);
	/* With nothing of ours on the way. */
	ASSERT_EQ(1, read(s->fds[0], &c, 1));
	TELL(s->flag, 2);
	oa_sleep(1);
	COUNT(s->back);
	return NULL;
}

/* Its thread is there for ever, so no fixture that counts them. */
FIXTURE(behind) { data d; };
VARIANTS_WORKERS(behind);
LEAVES_THINGS(behind);

FIXTURE_SETUP(behind)
{
	ASSERT_EQ(0, pipe(self->d.fds));
}

FIXTURE_TEARDOWN(behind)
{
}

static void leave_behind(data *s, unsigned int workers, oa_fn fn, bool block)
{
	struct oa_runtime *rt;
	struct oa_ended e;
	oa_time_t before;
	oa_task_t t, u;
	void *result;

	ASSERT_OK(oa_start(&rt, sleeps, s, .workers = workers,
			   TELLS(s), .max_blocking = 1));
	t = oa_spawn(fn, s, .runtime = rt, .block = block);
	wait_until(SEEN(s->flag) == 1);
	u = oa_spawn(runs, s, .runtime = rt, .delay = 1000 * OA_SEC,
		     .on_drop = drops);
	before = oa_now();
	ASSERT_OK(oa_shutdown(rt, OA_SHUTDOWN_NOW));
	ASSERT_OK(oa_runtime_wait(rt, &e));
	EXPECT_GE(oa_now(), before + 200 * OA_MSEC);
	ASSERT_OK(oa_join(u, &result));
	EXPECT_ERR(oa_err_code(result), -ECANCELED);
	EXPECT_EQ(1u, s->dropped);
	EXPECT_EQ(3u, e.ran + e.dropped + e.abandoned);
	EXPECT_EQ(1u, s->ends);
	/* Others may have got no processor. */
	EXPECT_GE(s->left, 1);
	if (workers == 1)
		EXPECT_EQ(1, s->left);
	EXPECT_ERR(oa_go(runs, s, .runtime = rt), -ESHUTDOWN);
	ASSERT_OK(oa_runtime_free(rt));
	/* Now it comes, to nothing. */
	TELL(s->stop, 1);
	ASSERT_EQ(1, write(s->fds[1], "x", 1));
	wait_until(SEEN(s->flag) == 2);
	for (int i = 0; i < 200; i++)
		sched_yield();
	EXPECT_EQ(0u, SEEN(s->back));
	(void)t;
	/* Others go on as ever. */
	ASSERT_OK(oa_run(runs, s, .workers = workers));
	EXPECT_GE(SEEN(s->ran), 1u);
}

TEST_F(behind, a_task_that_computes)
{
	leave_behind(&self->d, variant->workers, computes, false);
}

TEST_F(behind, a_thread_of_the_pool)
{
	const char *slow = harness_slow();

	if (slow && strstr(slow, "thread"))
		SKIP("the thread sanitizer knows no thread that stays");
	leave_behind(&self->d, variant->workers, blocks_the_thread, true);
}

/* With a deadline. */

static void *sleeps_a_little(void *arg)
{
	data *s = arg;

	if (!oa_sleep(OA_MSEC))
		COUNT(s->ran);
	return NULL;
}

static void *sleeps_shortly_after(void *arg)
{
	data *s = arg;

	EXPECT_OK(oa_event_wait(&s->go));
	return sleeps_a_little(arg);
}

NOW_TEST(a_drain_in_time)
{
	struct oa_runtime *rt;
	struct oa_ended e;

	ASSERT_OK(oa_start(&rt, sleeps_shortly_after, self,
			   .workers = variant->workers, TELLS(self)));
	for (int i = 0; i < 20; i++)
		ASSERT_OK(oa_go(sleeps_a_little, self, .runtime = rt,
				.delay = i * 10 * OA_USEC, .on_drop = drops));
	ASSERT_OK(oa_shutdown_until(rt, OA_SHUTDOWN_DRAIN,
				    oa_after(1000 * OA_SEC)));
	ASSERT_OK(oa_event_set(&self->go));
	end(self, rt, &e);
	EXPECT_EQ(21u, self->ran);
	EXPECT_EQ(21u, e.ran);
	EXPECT_EQ(0u, e.dropped + e.abandoned);
}

NOW_TEST(a_drain_that_takes_too_long)
{
	struct oa_runtime *rt = begin(self, variant->workers);
	oa_time_t at = oa_after(20 * OA_MSEC);
	struct oa_ended e;
	unsigned int n;

	n = start_all(self, rt);
	ASSERT_OK(oa_shutdown_until(rt, OA_SHUTDOWN_DRAIN, at));
	EXPECT_ERR(oa_go(runs, self, .runtime = rt), -ESHUTDOWN);
	end(self, rt, &e);
	EXPECT_GE(oa_now(), at);
	EXPECT_EQ(n + 1u, e.ran + e.dropped + e.abandoned);
	EXPECT_EQ(0u, e.ran);
	EXPECT_EQ(self->dropped, e.dropped);
}

/* True: what can be cancelled came to its end in time. */
static bool ends_gracefully(data *self, unsigned int workers, oa_time_t time)
{
	struct oa_runtime *rt;
	struct oa_ended e;
	oa_time_t at;

	self->ran = self->back = 0;
	TELL(self->flag, 0);
	rt = begin(self, workers);
	ASSERT_OK(oa_go(sleeps_in_shield, self, .runtime = rt));
	ASSERT_OK(oa_go(sleeps, self, .runtime = rt));
	wait_until(SEEN(self->ran) == 2);
	at = oa_after(time);
	ASSERT_OK(oa_shutdown_until(rt, OA_SHUTDOWN_GRACEFUL, at));
	end(self, rt, &e);
	EXPECT_GE(oa_now(), at);
	EXPECT_EQ(self->back, e.ran);
	EXPECT_EQ(3u, e.ran + e.abandoned);
	EXPECT_GE(e.abandoned, 1u);
	return e.ran == 2;
}

NOW_TEST(a_graceful_one_with_a_shield)
{
	oa_time_t time = 20 * OA_MSEC;

	while (!ends_gracefully(self, variant->workers, time))
		time *= 4;
}

NOW_TEST(a_deadline_that_is_past)
{
	static const oa_time_t past[] = { 0, 1, -1, INT64_MIN };

	for (unsigned int i = 0; i < ARRAY_N(past); i++) {
		struct oa_runtime *rt;
		struct oa_ended e;

		TELL(self->flag, 0);
		rt = begin(self, variant->workers);
		ASSERT_OK(oa_shutdown_until(rt, OA_SHUTDOWN_DRAIN, past[i]));
		end(self, rt, &e);
		EXPECT_EQ(1u, e.abandoned);
	}
}

NOW_TEST(no_deadline)
{
	struct oa_runtime *rt = begin(self, variant->workers);
	struct oa_ended e;

	ASSERT_OK(oa_shutdown_until(rt, OA_SHUTDOWN_GRACEFUL, OA_FOREVER));
	end(self, rt, &e);
	EXPECT_EQ(1u, e.ran);
	EXPECT_EQ(1u, self->back);
}

NOW_TEST(the_earliest_of_several_deadlines)
{
	struct oa_runtime *rt = begin(self, variant->workers);
	oa_time_t at = oa_after(20 * OA_MSEC);
	struct oa_ended e;

	ASSERT_OK(oa_shutdown_until(rt, OA_SHUTDOWN_DRAIN,
				    oa_after(1000 * OA_SEC)));
	ASSERT_OK(oa_shutdown_until(rt, OA_SHUTDOWN_DRAIN, at));
	ASSERT_OK(oa_shutdown_until(rt, OA_SHUTDOWN_DRAIN,
				    oa_after(500 * OA_SEC)));
	ASSERT_OK(oa_shutdown(rt, OA_SHUTDOWN_DRAIN));
	end(self, rt, &e);
	EXPECT_GE(oa_now(), at);
	EXPECT_EQ(1u, e.abandoned);
}

/* While somebody waits already, and with nobody who waits. */

static void *waits_for_it(void *arg)
{
	ASSERT_OK(oa_runtime_wait(arg, NULL));
	return NULL;
}

NOW_TEST(a_deadline_while_others_wait)
{
	struct oa_runtime *rt = begin(self, variant->workers);
	pthread_t th[2];

	for (int i = 0; i < 2; i++)
		thread_start(&th[i], waits_for_it, rt);
	ASSERT_OK(oa_shutdown_until(rt, OA_SHUTDOWN_DRAIN, oa_after(OA_MSEC)));
	for (int i = 0; i < 2; i++)
		thread_end(th[i]);
	end(self, rt, NULL);
}

static void *sets_a_deadline(void *arg)
{
	data *s = arg;

	ASSERT_OK(oa_go(sleeps, s));
	ASSERT_OK(oa_go(sleeps_in_shield, s));
	ASSERT_OK(oa_shutdown_until(NULL, OA_SHUTDOWN_DRAIN,
				    oa_after(5 * OA_MSEC)));
	EXPECT_OK(oa_sleep(OA_USEC));
	oa_sleep(OA_FOREVER);
	COUNT(s->back);
	return NULL;
}

NOW_TEST(a_deadline_by_a_task)
{
	struct oa_ended e;

	ASSERT_OK(oa_run(sets_a_deadline, self, .workers = variant->workers,
			 .ended = &e, TELLS(self)));
	skip_if_left(self);
	EXPECT_EQ(3u, e.abandoned + e.dropped + e.ran);
	EXPECT_EQ(0u, self->back);
}

TEST(bad_use)
{
	struct oa_runtime *rt;
	data s = { .ran = 0 };

	ASSERT_OK(oa_start(&rt, keeps, &s, .workers = 1));
	EXPECT_ERR(oa_shutdown_until(rt, (enum oa_shutdown_how)77, 1), -EINVAL);
	EXPECT_ERR(oa_shutdown(NULL, OA_SHUTDOWN_NOW), -EPERM);
	EXPECT_ERR(oa_shutdown_until(NULL, OA_SHUTDOWN_DRAIN, 1), -EPERM);
	ASSERT_OK(oa_shutdown(rt, OA_SHUTDOWN_GRACEFUL));
	ASSERT_OK(oa_runtime_wait(rt, NULL));
	ASSERT_OK(oa_runtime_free(rt));
}

/* At any moment: work of all kinds goes on, somebody ends it. */

struct storm {
	unsigned int started, ran, dropped, seed;
	int fds[2];
	struct oa_mutex m;
	struct oa_sem sem;
	struct oa_runtime *rt;
};

static void storm_drop(void *arg)
{
	COUNT((*(struct storm **)arg)->dropped);
}

static void *storm_body(void *arg);

static void storm_spawn(struct storm *s, unsigned int *rnd)
{
	struct oa_task_opts o = OA_TASK_OPTS_INIT;
	struct oa_scope sc;
	int err;

	o.copy = sizeof(s);
	o.on_drop = storm_drop;
	o.delay = rand_r(rnd) % 3 ? 0 : rand_r(rnd) % 200000;
	o.sem = rand_r(rnd) % 4 ? NULL : &s->sem;
	o.block = rand_r(rnd) % 16 == 0;
	o.timeout = rand_r(rnd) % 4 ? 0 : rand_r(rnd) % 200000;
	if (rand_r(rnd) % 3) {
		err = oa_go_with(storm_body, &s, &o);
		if (!err)
			COUNT(s->started);
		return;
	}
	/* Not for what the one who waits may hold itself. */
	o.sem = NULL;
	o.block = false;
	if (rand_r(rnd) % 2) {
		oa_task_t t = oa_spawn_with(storm_body, &s, &o);

		if (oa_task_error(t))
			return;
		COUNT(s->started);
		if (oa_join(t, NULL))
			oa_detach(t);
		return;
	}
	o.scope = &sc;
	OA_SCOPE(sc)
		if (!oa_go_with(storm_body, &s, &o))
			COUNT(s->started);
}

static void *storm_body(void *arg)
{
	struct storm *s = *(struct storm **)arg;
	unsigned int rnd = SEEN(s->started) * 2654435761u ^ s->seed;
	struct oa_deadline d;
	char c;

	/* On the pool nothing ends a read, nor the wait for a lock. */
	bool pool = oa_worker_id() < 0;

	for (int i = 0; i < 4; i++) {
		switch (rand_r(&rnd) % (pool ? 2 : 7)) {
		case 0:
			oa_sleep(rand_r(&rnd) % 300000);
			break;
		case 2:
			OA_WITHIN(&d, rand_r(&rnd) % 300000)
				oa_read(s->fds[0], &c, 1);
			break;
		case 3:
			if (!oa_mutex_lock(&s->m)) {
				oa_yield();
				oa_mutex_unlock(&s->m);
			}
			break;
		case 1:
			ASSERT_OK(oa_shield_enter());
			oa_sleep(rand_r(&rnd) % 100000);
			ASSERT_OK(oa_shield_leave());
			break;
		default:
			storm_spawn(s, &rnd);
		}
	}
	COUNT(s->ran);
	return NULL;
}

static void *storm_first(void *arg)
{
	struct storm *s = arg;
	unsigned int rnd = s->seed;

	while (!oa_yield() && SEEN(s->started) < 3000)
		storm_spawn(s, &rnd);
	COUNT(s->ran);
	return NULL;
}

/* One of the many ways. */
static void end_it(struct storm *s, unsigned int *rnd)
{
	oa_time_t at = oa_after(rand_r(rnd) % 400000);

	switch (rand_r(rnd) % 4) {
	case 0:
		ASSERT_OK(oa_shutdown_until(s->rt, OA_SHUTDOWN_DRAIN, at));
		break;
	case 1:
		ASSERT_OK(oa_shutdown_until(s->rt, OA_SHUTDOWN_GRACEFUL, at));
		break;
	case 2:
		ASSERT_OK(oa_shutdown(s->rt, OA_SHUTDOWN_DRAIN));
		break;
	}
	if (rand_r(rnd) % 2)
		sched_yield();
	ASSERT_OK(oa_shutdown(s->rt, OA_SHUTDOWN_NOW));
}

static void *ends_it(void *arg)
{
	struct storm *s = arg;
	unsigned int rnd = s->seed ^ 0x5555;

	end_it(s, &rnd);
	return NULL;
}

static void check_storm(const struct storm *s, const struct oa_ended *e,
			unsigned int more)
{
	/* Beside those counted: the first, and who ended it. */
	if (s->started + more != e->ran + e->dropped + e->abandoned)
		TEST_LOG("ran %u of %llu, dropped %u of %llu, abandoned %llu",
			 s->ran, (unsigned long long)e->ran, s->dropped,
			 (unsigned long long)e->dropped,
			 (unsigned long long)e->abandoned);
	ASSERT_EQ(s->started + more, e->ran + e->dropped + e->abandoned);
	ASSERT_GE(e->dropped, (uint64_t)s->dropped);
	ASSERT_LE(e->dropped, (uint64_t)s->dropped + more);
	ASSERT_GE(e->ran + more, (uint64_t)s->ran);
}

static struct oa_post_node signalled;

static void on_signal(int sig HARNESS_UNUSED)
{
	ASSERT_OK(oa_post_prepared(&signalled));
}

static void storms(data *self, unsigned int workers, int from)
{
	unsigned int seed = (unsigned int)harness_seed();
	long rounds = SCALED(25, 6);

	for (unsigned int i = 0; i < (unsigned int)rounds; i++) {
		struct storm s = {
			.seed = seed + i, .fds = { self->fds[0] },
			.sem = OA_SEM_INIT(2),
		};
		unsigned int when = (unsigned int)rand_r(&seed) % 300;
		struct oa_ended e;
		pthread_t th;

		TELL(self->left, 0);
		ASSERT_OK(oa_start(&s.rt, storm_first, &s, .workers = workers,
				   .max_blocking = 2, TELLS(self)));
		dump_runtime = s.rt;
		wait_until(SEEN(s.started) >= when);
		if (from == 0) {
			end_it(&s, &seed);
		} else if (from == 1) {
			while (oa_go(ends_it, &s, .runtime = s.rt))
				;
		} else if (from == 2) {
			thread_start(&th, ends_it, &s);
			end_it(&s, &seed);
			thread_end(th);
		} else {
			signalled = (struct oa_post_node)
				OA_POST_NODE(s.rt, ends_it, &s);
			ASSERT_EQ(0, raise(SIGUSR2));
		}
		ASSERT_OK(oa_runtime_wait(s.rt, &e));
		ASSERT_OK(oa_runtime_free(s.rt));
		dump_runtime = NULL;
		skip_if_left(self);
		check_storm(&s, &e, from % 2 ? 2 : 1);
	}
}

/* Threads start tasks meanwhile: each start that succeeded is accounted for. */

struct starter {
	struct oa_runtime *rt;
	data *s;
	unsigned int started;
};

static void *starts_until_refused(void *arg)
{
	struct starter *st = arg;
	int err;

	do {
		err = oa_go(st->started % 3 ? runs : sleeps, st->s,
			    .runtime = st->rt, .on_drop = drops,
			    .delay = st->started % 5 ? 0 : OA_USEC);
		st->started += !err;
	} while (!err);
	ASSERT_ERR(err, -ESHUTDOWN);
	return NULL;
}

static void starts_meanwhile(data *self, unsigned int workers, int round)
{
	struct starter st[2];
	struct oa_runtime *rt;
	struct oa_ended e;
	pthread_t th[2];

	TELL(self->flag, 0);
	self->dropped = 0;
	self->left = 0;
	ASSERT_OK(oa_start(&rt, keeps, self, .workers = workers,
			   TELLS(self), .max_blocking = 1));
	wait_until(SEEN(self->flag));
	for (int i = 0; i < 2; i++) {
		st[i] = (struct starter){ rt, self, 0 };
		thread_start(&th[i], starts_until_refused, &st[i]);
	}
	for (int i = round * 7 % 50; i--;)
		sched_yield();
	ASSERT_OK(oa_shutdown(rt, OA_SHUTDOWN_NOW));
	ASSERT_OK(oa_runtime_wait(rt, &e));
	for (int i = 0; i < 2; i++)
		thread_end(th[i]);
	if (!SEEN(self->left))
		EXPECT_EQ(1u + st[0].started + st[1].started,
			  e.ran + e.dropped + e.abandoned);
	/* Who was left behind may be about to count one. */
	if (!SEEN(self->left))
		EXPECT_EQ((uint64_t)SEEN(self->dropped), e.dropped);
	ASSERT_OK(oa_runtime_free(rt));
}

NOW_TEST(while_threads_start_tasks)
{
	long rounds = SCALED(10, 4);

	for (long i = 0; i < rounds; i++) {
		starts_meanwhile(self, variant->workers, (int)i);
		skip_if_left(self);
	}
}

NOW_TEST(at_any_moment_from_outside)
{
	storms(self, variant->workers, 0);
}

NOW_TEST(at_any_moment_from_a_task)
{
	storms(self, variant->workers, 1);
}

NOW_TEST(at_any_moment_by_a_signal)
{
	signal(SIGUSR2, on_signal);
	storms(self, variant->workers, 3);
}

NOW_TEST(at_any_moment_from_two_threads)
{
	storms(self, variant->workers, 2);
}

HARNESS_MAIN
