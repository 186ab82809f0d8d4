// SPDX-License-Identifier: MIT
/*
 * Shields: inside, no call fails because of a cancel, whenever it came; it
 * takes effect when the outermost is left, and is never lost.
 */
#include "points.h"

#include <sched.h>
#include <stdlib.h>
#include <unistd.h>

FIXTURE(shield) {
	unsigned int n, inside;
	int flag, fds[2];
	struct oa_event go;
};
VARIANTS_WORKERS(shield);

typedef struct shield_fixture_data data;

FIXTURE_SETUP(shield)
{
}

FIXTURE_TEARDOWN(shield)
{
}

#define SHIELD_TEST(name) \
	TASK_TEST_F_TIMEOUT(shield, name, 90, .workers = variant->workers, \
			    .max_blocking = 1)

static int code_of(oa_fn fn, void *arg)
{
	void *result;

	ASSERT_OK(oa_join(oa_spawn(fn, arg), &result));
	return (int)(intptr_t)result;
}

/* Each call, once. */

static void begin(struct caller *c, const struct point *p, oa_fn fn)
{
	*c = (struct caller){ .p = p, .o = p->make(p, 1) };
	c->t = oa_spawn(fn, c);
	ASSERT_OK(oa_task_error(c->t));
}

static long end(struct caller *c)
{
	void *result;

	ASSERT_OK(oa_join(c->t, &result));
	return (intptr_t)result;
}

static void *calls_in_shield(void *arg)
{
	struct caller *c = arg;
	long ret;

	ASSERT_OK(oa_shield_enter());
	TELL(c->state, 1);
	ret = c->p->call(c->o);
	ASSERT_OK(oa_shield_leave());
	OF(c->p, EXPECT_EQ(1, oa_cancelled()));
	EXPECT_ERR(oa_yield(), -ECANCELED);
	return (void *)ret;
}

static void *is_cancelled_and_calls(void *arg)
{
	ASSERT_OK(oa_cancel(oa_self()));
	return calls_in_shield(arg);
}

static void *calls_and_is_cancelled_inside(void *arg)
{
	struct caller *c = arg;
	long ret;

	ASSERT_OK(oa_shield_enter());
	ASSERT_OK(oa_cancel(oa_self()));
	TELL(c->state, 1);
	ret = c->p->call(c->o);
	ASSERT_OK(oa_shield_leave());
	EXPECT_ERR(oa_yield(), -ECANCELED);
	return (void *)ret;
}

static void expect_no_cut(const struct point *p, long ret)
{
	OF(p, EXPECT_NE((long)-ECANCELED, ret));
	OF(p, EXPECT_NE((long)-ETIMEDOUT, ret));
	if (p->left)
		OF(p, EXPECT_EQ(0l, p->left(NULL)));
}

/* @waits: whether it is cancelled while it does. */
static void go_on(oa_fn fn, bool waits)
{
	struct caller c;

	for_each_point(p) {
		if (!p->open)
			continue;
		begin(&c, p, fn);
		until_waits(&c);
		for (int i = 0; waits && i < 2; i++)
			ASSERT_OK(oa_cancel(c.t));
		for (int i = 0; i < 5; i++)
			ASSERT_OK(oa_yield());
		OF(p, EXPECT_EQ(OA_TASK_PARKED, task_state(NULL, c.t)));
		p->open(c.o);
		expect_no_cut(p, end(&c));
		p->unmake(c.o, true);
	}
}

SHIELD_TEST(each_call_after_a_cancel)
{
	go_on(is_cancelled_and_calls, false);
}

SHIELD_TEST(each_call_when_the_cancel_comes_inside)
{
	go_on(calls_and_is_cancelled_inside, false);
}

SHIELD_TEST(each_call_while_it_waits)
{
	go_on(calls_in_shield, true);
}

static void *brief_in_shield(void *arg)
{
	struct caller *c = arg;

	ASSERT_OK(oa_cancel(oa_self()));
	ASSERT_OK(oa_shield_enter());
	OF(c->p, EXPECT_OK(c->p->call(c->o)));
	ASSERT_OK(oa_shield_leave());
	OF(c->p, EXPECT_ERR(c->p->call(c->o), -ECANCELED));
	return NULL;
}

SHIELD_TEST(each_call_that_does_not_wait)
{
	struct caller c;

	for_each_point(p) {
		if (!(p->flags & POINT_BRIEF))
			continue;
		begin(&c, p, brief_in_shield);
		end(&c);
		p->unmake(c.o, false);
	}
}

/* Time is not held back. */

static void *late_in_shield(void *arg)
{
	struct caller *c = arg;
	struct oa_deadline d;
	long ret = 0;

	ASSERT_OK(oa_cancel(oa_self()));
	ASSERT_OK(oa_shield_enter());
	OA_WITHIN(&d, 200 * OA_USEC)
		ret = c->p->call(c->o);
	OF(c->p, EXPECT_EQ(1, oa_deadline_fired(&d)));
	ASSERT_OK(oa_shield_leave());
	return (void *)ret;
}

SHIELD_TEST(each_call_is_late_all_the_same)
{
	struct caller c;

	for_each_point(p) {
		if (p->flags & (POINT_STUBBORN | POINT_BRIEF))
			continue;
		c = (struct caller){ .p = p, .o = p->make(p, 0) };
		c.t = oa_spawn(late_in_shield, &c);
		OF(p, EXPECT_EQ((long)-ETIMEDOUT, end(&c)));
		if (p->intact)
			p->intact(c.o);
		p->unmake(c.o, false);
	}
}

/* Nesting and bad use. */

static void *nests(void *arg)
{
	enum { DEEP = 255 };

	ASSERT_OK(oa_cancel(oa_self()));
	for (int i = 0; i < DEEP; i++)
		ASSERT_OK(oa_shield_enter());
	EXPECT_ERR(oa_shield_enter(), -EOVERFLOW);
	for (int i = 0; i < DEEP; i++) {
		EXPECT_OK(oa_sleep(1));
		EXPECT_EQ(1, oa_cancelled());
		ASSERT_OK(oa_shield_leave());
	}
	EXPECT_ERR(oa_sleep(1), -ECANCELED);
	EXPECT_ERR(oa_shield_leave(), -EINVAL);
	EXPECT_ERR(oa_sleep(1), -ECANCELED);
	/* Once more, and nothing is forgotten. */
	ASSERT_OK(oa_shield_enter());
	EXPECT_OK(oa_yield());
	ASSERT_OK(oa_shield_leave());
	EXPECT_ERR(oa_yield(), -ECANCELED);
	return arg;
}

SHIELD_TEST(they_nest)
{
	EXPECT_OK(code_of(nests, NULL));
	ASSERT_OK(oa_join(oa_spawn(nests, NULL, .block = true), NULL));
	/* The next in the slot knows nothing of it. */
	for (int i = 0; i < 100; i++)
		EXPECT_OK(code_of(nests, NULL));
}

static void *is_not_cancelled(void *arg)
{
	for (int i = 0; i < 3; i++) {
		ASSERT_OK(oa_shield_enter());
		EXPECT_EQ(0, oa_cancelled());
		EXPECT_OK(oa_yield());
		ASSERT_OK(oa_shield_leave());
		EXPECT_EQ(0, oa_cancelled());
		EXPECT_OK(oa_yield());
	}
	return arg;
}

SHIELD_TEST(without_a_cancel)
{
	EXPECT_OK(code_of(is_not_cancelled, NULL));
}

TEST(outside_a_task)
{
	EXPECT_ERR(oa_shield_enter(), -EPERM);
	EXPECT_ERR(oa_shield_leave(), -EPERM);
}

/* It ends inside one: by return, by exit. */

static void *ends_inside(void *arg)
{
	ASSERT_OK(oa_shield_enter());
	if (arg)
		ASSERT_OK(oa_cancel(oa_self()));
	if (oa_now() & 1)
		oa_exit(arg);
	return arg;
}

SHIELD_TEST(a_task_ends_inside)
{
	for (int i = 0; i < 50; i++) {
		void *result;

		ASSERT_OK(oa_join(oa_spawn(ends_inside, self), &result));
		EXPECT_EQ((void *)self, result);
		EXPECT_OK(code_of(ends_inside, NULL));
	}
	/* As good as any other. */
	EXPECT_OK(code_of(is_not_cancelled, NULL));
}

static void *starts_inside(void *arg)
{
	oa_task_t t;

	ASSERT_OK(oa_shield_enter());
	t = oa_spawn(arg ? NULL : is_not_cancelled, NULL);
	ASSERT_OK(oa_cancel(oa_self()));
	EXPECT_OK(oa_join(t, NULL));
	ASSERT_OK(oa_shield_leave());
	return NULL;
}

SHIELD_TEST(what_it_starts_is_not_shielded)
{
	EXPECT_OK(code_of(starts_inside, NULL));
}

/* Other ways to be cancelled. */

static void *waits_in_shield(void *arg)
{
	data *s = arg;

	ASSERT_OK(oa_shield_enter());
	COUNT(s->n);
	EXPECT_OK(oa_event_wait(&s->go));
	ASSERT_OK(oa_shield_leave());
	EXPECT_ERR(oa_sleep(1), -ECANCELED);
	return NULL;
}

SHIELD_TEST(holds_back_a_token)
{
	struct oa_token token = OA_TOKEN_INIT;
	oa_task_t t = oa_spawn(waits_in_shield, self, .token = &token);

	task_wait_until(SEEN(self->n) &&
			task_state(NULL, t) == OA_TASK_PARKED);
	ASSERT_OK(oa_token_cancel(&token));
	ASSERT_OK(oa_yield());
	EXPECT_ERR(oa_token_destroy(&token), -EBUSY);
	ASSERT_OK(oa_event_set(&self->go));
	ASSERT_OK(oa_join(t, NULL));
	EXPECT_OK(oa_token_destroy(&token));
}

static void *shuts_down(void *arg)
{
	data *s = arg;

	ASSERT_OK(oa_go(waits_in_shield, s));
	task_wait_until(SEEN(s->n));
	ASSERT_OK(oa_shutdown(NULL, OA_SHUTDOWN_GRACEFUL));
	EXPECT_EQ(1, oa_cancelled());
	ASSERT_OK(oa_shield_enter());
	EXPECT_OK(oa_sleep(OA_MSEC));
	ASSERT_OK(oa_shield_leave());
	EXPECT_ERR(oa_sleep(1), -ECANCELED);
	ASSERT_OK(oa_event_set(&s->go));
	return NULL;
}

TEST_F(shield, holds_back_a_shutdown)
{
	struct oa_ended e;

	ASSERT_OK(oa_run(shuts_down, self, .workers = variant->workers,
			 .ended = &e));
	EXPECT_EQ(2u, e.ran);
	EXPECT_EQ(2u, e.cancelled);
}

/* Calls that have others work for them: those are not dropped either. */

static void *blocks(void *arg)
{
	data *s = arg;

	COUNT(s->n);
	while (!SEEN(s->flag))
		sched_yield();
	return s;
}

static void *blocks_in_shield(void *arg)
{
	data *s = arg;

	ASSERT_OK(oa_shield_enter());
	COUNT(s->inside);
	EXPECT_EQ(arg, oa_block(blocks, s));
	EXPECT_EQ(arg, oa_block(blocks, s));
	ASSERT_OK(oa_shield_leave());
	EXPECT_ERR(oa_err_code(oa_block(blocks, s)), -ECANCELED);
	return NULL;
}

static void *selects_in_shield(void *arg)
{
	data *s = arg;
	struct oa_case c = OA_CASE_FD(s->fds[0], POLLIN);
	struct oa_case again = OA_CASE_FD(s->fds[0], POLLIN);

	ASSERT_OK(oa_shield_enter());
	COUNT(s->inside);
	EXPECT_EQ(0, oa_select(&c, 1));
	EXPECT_EQ(0, oa_select(&again, 1));
	ASSERT_OK(oa_shield_leave());
	EXPECT_ERR(oa_select(&c, 1), -ECANCELED);
	return NULL;
}

static void *shuts_down_around(void *arg)
{
	static const oa_fn fns[] = {
		blocks_in_shield, blocks_in_shield, selects_in_shield,
	};
	data *s = arg;
	oa_task_t t[3];

	ASSERT_EQ(0, pipe(s->fds));
	for (int i = 0; i < 3; i++)
		t[i] = oa_spawn(fns[i], s);
	/* One is on the pool, one waits for a place, one selects. */
	task_wait_until(SEEN(s->inside) == 3 && SEEN(s->n) == 1);
	for (int i = 0; i < 3; i++)
		task_wait_until(task_state(NULL, t[i]) == OA_TASK_PARKED);
	ASSERT_OK(oa_shutdown(NULL, OA_SHUTDOWN_GRACEFUL));
	for (int i = 0; i < 3; i++)
		ASSERT_OK(oa_detach(t[i]));
	ASSERT_OK(oa_shield_enter());
	/* What begins afterwards. */
	struct oa_case room = OA_CASE_FD(s->fds[1], POLLOUT);

	EXPECT_EQ(0, oa_select(&room, 1));
	TELL(s->flag, 1);
	EXPECT_EQ(arg, oa_block(blocks, s));
	ASSERT_EQ(1, write(s->fds[1], "", 1));
	ASSERT_OK(oa_shield_leave());
	return NULL;
}

TEST_F(shield, holds_back_a_shutdown_from_helpers)
{
	ASSERT_OK(oa_run(shuts_down_around, self, .workers = variant->workers,
			 .max_blocking = 1));
	EXPECT_EQ(5u, self->n);
	for (int i = 0; i < 2; i++)
		ASSERT_EQ(0, close(self->fds[i]));
}

/*
 * A canceller at any moment: a task goes in and out of shields, and waits in
 * both. Outside a wait may be cut, inside never, and in the end it is told.
 */

struct walk {
	oa_task_t t;
	struct oa_sem sem;
	unsigned int inside, outside;
	unsigned int wait;
	int go, told;
};

static void *walks(void *arg)
{
	struct walk *w = arg;

	TELL(w->go, 1);
	for (int i = 0; !w->told && i < 2000; i++) {
		ASSERT_OK(oa_shield_enter());
		if (i % 3 == 0)
			ASSERT_OK(oa_shield_enter());
		ASSERT_OK(i % 2 ? oa_yield() : oa_sleep(OA_USEC));
		ASSERT_OK(oa_sem_wait(&w->sem));
		w->inside++;
		if (i % 3 == 0)
			ASSERT_OK(oa_shield_leave());
		ASSERT_OK(oa_shield_leave());
		if (oa_sem_wait(&w->sem)) {
			ASSERT_EQ(1, oa_cancelled());
			ASSERT_ERR(oa_yield(), -ECANCELED);
			w->told = 1;
		} else {
			w->outside++;
		}
	}
	TELL(w->go, 2);
	return NULL;
}

static void *feeds(void *arg)
{
	struct walk *w = arg;

	while (SEEN(w->go) != 2) {
		if (oa_sem_value(&w->sem) < 2)
			ASSERT_OK(oa_sem_post(&w->sem));
		ASSERT_OK(oa_yield());
	}
	return NULL;
}

static void *cancels_soon(void *arg)
{
	struct walk *w = arg;
	unsigned int wait = w->wait;

	while (!SEEN(w->go))
		sched_yield();
	while (wait--)
		sched_yield();
	oa_cancel(w->t);
	return NULL;
}

SHIELD_TEST(a_cancel_at_any_moment)
{
	long rounds = SCALED(50, 10);
	unsigned int seed = (unsigned int)harness_seed();

	for (long i = 0; i < rounds; i++) {
		struct walk w = { .wait = (unsigned int)rand_r(&seed) % 30 };
		oa_task_t f;
		pthread_t th;

		w.t = oa_spawn(walks, &w);
		f = oa_spawn(feeds, &w);
		thread_start(&th, cancels_soon, &w);
		ASSERT_OK(oa_join(w.t, NULL));
		thread_end(th);
		ASSERT_OK(oa_join(f, NULL));
		EXPECT_TRUE(w.told || w.inside == 2000);
	}
}

/* The same in requests: a byte a turn. */

struct bytes {
	int fds[2];
	oa_task_t t;
	int go;
	unsigned int n;
};

static void *reads_in_shields(void *arg)
{
	struct bytes *b = arg;
	ssize_t n = 1;
	char c;

	while (n == 1) {
		ASSERT_OK(oa_shield_enter());
		ASSERT_EQ(1, oa_read(b->fds[0], &c, 1));
		ASSERT_OK(oa_shield_leave());
		COUNT(b->n);
		n = oa_read(b->fds[0], &c, 1);
		if (n == 1)
			COUNT(b->n);
	}
	ASSERT_EQ(-ECANCELED, n);
	TELL(b->go, 1);
	return NULL;
}

static void *cancels_later(void *arg)
{
	struct bytes *b = arg;

	while (SEEN(b->n) < 5)
		sched_yield();
	oa_cancel(b->t);
	return NULL;
}

SHIELD_TEST(a_cancel_of_reads_at_any_moment)
{
	long rounds = SCALED(60, 10);

	for (long i = 0; i < rounds; i++) {
		struct bytes b = { .go = 0 };
		unsigned int sent = 0;
		pthread_t th;
		int left = 0;
		char c;

		ASSERT_EQ(0, pipe(b.fds));
		b.t = oa_spawn(reads_in_shields, &b);
		thread_start(&th, cancels_later, &b);
		while (!SEEN(b.go)) {
			/* One at a time: it waits for each. */
			if (SEEN(b.n) == sent) {
				ASSERT_EQ(1, write(b.fds[1], "x", 1));
				sent++;
			}
			ASSERT_OK(oa_yield());
		}
		ASSERT_OK(oa_join(b.t, NULL));
		thread_end(th);
		if (b.n < sent)
			left = (int)read(b.fds[0], &c, 1);
		EXPECT_EQ(sent, b.n + (unsigned int)left);
		close(b.fds[0]);
		close(b.fds[1]);
	}
}

HARNESS_MAIN
