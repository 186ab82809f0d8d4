// SPDX-License-Identifier: MIT
/*
 * What is the same for every call that waits: who waits until when, how it is
 * cancelled, what a deadline does, who is served when others have left.
 */
#include "sync_verbs.h"

#include <sys/mman.h>
#include <unistd.h>

FIXTURE(waits) { struct door d; unsigned int passed; };
VARIANTS_WORKERS(waits);

FIXTURE_SETUP(waits)
{
}

FIXTURE_TEARDOWN(waits)
{
}

/* Who comes to the door, waits, and leaves. */
struct guest {
	struct actor a;
	const struct verb *v;
	struct waits_fixture_data *s;
	oa_time_t deadline;
	bool timed;
	int err;
	unsigned int place;	/* who passed before, this one included */
};

static void *visits(void *arg)
{
	struct guest *g = arg;
	struct door *d = &g->s->d;

	g->err = g->timed ? g->v->timed_wait(d, g->deadline) : g->v->wait(d);
	if (!g->err) {
		g->place = COUNT(g->s->passed);
		g->v->leave(d);
	}
	return oa_err(g->err);
}

static void come(struct guest *g, enum by by, unsigned int i,
		 const struct verb *v, struct waits_fixture_data *s)
{
	g->v = v;
	g->s = s;
	g->place = 0;
	actor_start(&g->a, by, i, visits, g);
}

#define WAITERS_ARE(n)	task_wait_until(door_waiters(v, d) == (n))

/* One after the other, each when the one before it is in the queue. */
static void come_in_order(struct guest *g, unsigned int n, enum by by,
			  const struct verb *v, struct waits_fixture_data *s)
{
	struct door *d = &s->d;
	unsigned int before = door_waiters(v, d);

	for (unsigned int i = 0; i < n; i++) {
		come(&g[i], by, i, v, s);
		WAITERS_ARE(before + i + 1);
	}
}

static void open_for(unsigned int n, const struct verb *v, struct door *d)
{
	if (!v->one_by_one)
		n = 1;
	while (n--)
		v->open(d);
}

/* Lets in the @n that are waiting. */
static void serve(unsigned int n, const struct verb *v,
		  struct waits_fixture_data *s)
{
	unsigned int before = SEEN(s->passed);

	if (!v->one_by_one)
		v->open(&s->d);
	for (unsigned int i = 1; i <= n; i++) {
		if (v->one_by_one)
			v->open(&s->d);
		task_wait_until(SEEN(s->passed) >= before + i);
	}
}

/* It has passed, after @last where the order of coming is promised. */
static unsigned int see_off_one(struct guest *g, unsigned int last)
{
	BY(g->v, EXPECT_OK(actor_code(&g->a)));
	if (g->v->fifo)
		BY(g->v, EXPECT_GT(g->place, last));
	return g->place;
}

static void see_off(struct guest *g, unsigned int n)
{
	unsigned int last = 0;

	for (unsigned int i = 0; i < n; i++)
		last = see_off_one(&g[i], last);
}

static void expect_empty(const struct verb *v, struct door *d)
{
	BY(v, EXPECT_EQ(0u, door_waiters(v, d)));
	if (v->destroy)
		BY(v, EXPECT_OK(v->destroy(d)));
}

SYNC_TEST(waits, until_it_opens)
{
	enum { N = 6 };
	struct oa_sync_info i = OA_SYNC_INFO_INIT;
	struct door *d = &self->d;
	struct guest g[N] = { 0 };

	for_each_verb(v) {
		self->passed = 0;
		v->shut(d, N, N);
		come_in_order(g, N, by, v, self);
		BY(v, EXPECT_EQ(0u, SEEN(self->passed)));
		if (v->destroy)
			BY(v, EXPECT_ERR(v->destroy(d), -EBUSY));
		BY(v, EXPECT_EQ((unsigned int)N, door_waiters(v, d)));
		serve(N, v, self);
		see_off(g, N);
		ASSERT_OK(v->info(d, &i));
		BY(v, EXPECT_GE(i.waits, (uint64_t)N));
		expect_empty(v, d);
	}
}

static void *comes_to_an_open_one(void *arg)
{
	struct guest *g = arg;
	const struct verb *v = g->v;
	struct door *d = &g->s->d;

	/* Past deadlines matter to those alone who have to wait. */
	static const oa_time_t at[] = { OA_FOREVER, 1, 0, -1 };

	if (v->trywait && BY(v, EXPECT_OK(v->trywait(d))))
		v->leave(d);
	if (BY(v, EXPECT_OK(v->wait(d))))
		v->leave(d);
	for (size_t i = 0; v->timed_wait && i < ARRAY_N(at); i++)
		if (BY(v, EXPECT_OK(v->timed_wait(d, at[i]))))
			v->leave(d);
	return NULL;
}

SYNC_TEST(waits, not_when_it_is_open)
{
	struct door *d = &self->d;
	struct guest g[3];

	for_each_verb(v) {
		if (!v->ajar)
			continue;
		/* One after the other: some let in one at a time. */
		v->ajar(d, 18);
		for (unsigned int i = 0; i < ARRAY_N(g); i++) {
			g[i] = (struct guest){ .v = v, .s = self };
			actor_start(&g[i].a, by, i, comes_to_an_open_one,
				    &g[i]);
			actor_end(&g[i].a);
		}
		expect_empty(v, d);
	}
}

static void *tries_a_shut_one(void *arg)
{
	struct guest *g = arg;
	const struct verb *v = g->v;
	struct door *d = &g->s->d;

	static const oa_time_t at[] = { 1, 0, -1, INT64_MIN };

	if (v->trywait)
		BY(v, EXPECT_ERR(v->trywait(d), -EAGAIN));
	for (size_t i = 0; v->timed_wait && i < ARRAY_N(at); i++)
		BY(v, EXPECT_ERR(v->timed_wait(d, at[i]), -ETIMEDOUT));
	if (v->timed_wait)
		BY(v, EXPECT_ERR(v->timed_wait(d, oa_now()), -ETIMEDOUT));
	return NULL;
}

/* A try and a deadline that is past. */
SYNC_TEST(waits, not_without_time)
{
	struct door *d = &self->d;
	struct guest g[3];

	for_each_verb(v) {
		v->shut(d, 15, 15);
		for (unsigned int i = 0; i < ARRAY_N(g); i++) {
			g[i] = (struct guest){ .v = v, .s = self };
			actor_start(&g[i].a, by, i, tries_a_shut_one, &g[i]);
			actor_end(&g[i].a);
		}
		BY(v, EXPECT_EQ(0u, door_waiters(v, d)));
		if (!v->counts)
			v->open(d);
		expect_empty(v, d);
	}
}

SYNC_TEST(waits, no_longer_than_until_the_deadline)
{
	enum { N = 3 };
	struct door *d = &self->d;

	for_each_verb(v) {
		struct guest late[N] = { 0 }, last[N] = { 0 };
		oa_time_t at;

		if (!v->timed_wait)
			continue;
		self->passed = 0;
		v->shut(d, 2 * N, N);
		at = oa_after(OA_MSEC);
		for (unsigned int i = 0; i < N; i++) {
			late[i].timed = true;
			late[i].deadline = at;
			come(&late[i], by, i, v, self);
		}
		for (unsigned int i = 0; i < N; i++)
			BY(v, EXPECT_ERR(actor_code(&late[i].a), -ETIMEDOUT));
		BY(v, EXPECT_GE(oa_now(), at));
		BY(v, EXPECT_EQ(0u, door_waiters(v, d)));
		/* It is as good as before. */
		come_in_order(last, N, by, v, self);
		serve(N, v, self);
		see_off(last, N);
		expect_empty(v, d);
	}
}

TASK_TEST_F(waits, until_cancelled, .workers = variant->workers)
{
	enum { PLAIN, TIMED, OTHER, N };
	struct door *d = &self->d;

	for_each_verb(v) {
		unsigned int left = v->stubborn ? 1 : 2;
		struct guest g[N + 2] = { 0 };

		self->passed = 0;
		v->shut(d, N + left, N);
		g[TIMED].timed = v->timed_wait;
		g[TIMED].deadline = OA_FOREVER;
		come_in_order(g, N, BY_TASKS, v, self);
		for (int i = 0; i < N; i++)
			until_parked(g[i].a.task);
		ASSERT_OK(oa_cancel(g[TIMED].a.task));
		ASSERT_OK(oa_cancel(g[PLAIN].a.task));
		BY(v, EXPECT_ERR(actor_code(&g[TIMED].a), -ECANCELED));
		if (!v->stubborn)
			BY(v, EXPECT_ERR(actor_code(&g[PLAIN].a), -ECANCELED));
		/* The others are not touched. */
		BY(v, EXPECT_EQ(N - left, door_waiters(v, d)));
		BY(v, EXPECT_EQ(OA_TASK_PARKED,
				task_state(NULL, g[OTHER].a.task)));
		BY(v, EXPECT_EQ(0u, SEEN(self->passed)));
		come_in_order(g + N, left, BY_TASKS, v, self);
		serve(N, v, self);
		if (v->stubborn)
			see_off(g, 1);
		see_off(g + OTHER, N + left - OTHER);
		expect_empty(v, d);
	}
}

/* What a task gets that must not wait any more: all but the stubborn fail. */
static void expect_stopped(const struct verb *v, struct door *d, bool open,
			   int err)
{
	if (v->trywait) {
		if (BY(v, EXPECT_ERR(v->trywait(d), open ? 0 : -EAGAIN)) &&
		    open)
			v->leave(d);
	}
	if (!v->stubborn)
		BY(v, EXPECT_ERR(v->wait(d), err));
	else if (open && BY(v, EXPECT_OK(v->wait(d))))
		v->leave(d);
	if (v->timed_wait) {
		BY(v, EXPECT_ERR(v->timed_wait(d, OA_FOREVER), err));
		BY(v, EXPECT_ERR(v->timed_wait(d, oa_after(OA_SEC)), err));
	}
}

struct stopped { const struct verb *v; struct door *d; bool open; };

static void *is_cancelled_and_comes(void *arg)
{
	struct stopped *s = arg;

	ASSERT_OK(oa_cancel(oa_self()));
	expect_stopped(s->v, s->d, s->open, -ECANCELED);
	return NULL;
}

static void *is_late_and_comes(void *arg)
{
	struct stopped *s = arg;
	struct oa_deadline within;

	OA_WITHIN(&within, -1)
		expect_stopped(s->v, s->d, s->open, -ETIMEDOUT);
	if (!s->v->stubborn || s->v->timed_wait)
		BY(s->v, EXPECT_EQ(1, oa_deadline_fired(&within)));
	return NULL;
}

static void come_stopped(struct door *d, oa_fn how)
{
	for_each_verb(v) {
		struct stopped s = { .v = v, .d = d };

		v->shut(d, 3, 3);
		ASSERT_OK(oa_join(oa_spawn(how, &s), NULL));
		BY(v, EXPECT_EQ(0u, door_waiters(v, d)));
		if (!v->counts)
			v->open(d);
		expect_empty(v, d);
		/* Even where there is nothing to wait for. */
		if (!v->ajar || !v->timed_wait)
			continue;
		v->ajar(d, 3);
		s.open = true;
		ASSERT_OK(oa_join(oa_spawn(how, &s), NULL));
		expect_empty(v, d);
	}
}

TASK_TEST_F(waits, not_at_all_once_cancelled, .workers = variant->workers)
{
	come_stopped(&self->d, is_cancelled_and_comes);
}

TASK_TEST_F(waits, not_at_all_past_a_deadline_around,
	    .workers = variant->workers)
{
	come_stopped(&self->d, is_late_and_comes);
}

struct within {
	struct guest g;
	oa_time_t at;
	struct oa_deadline level;
};

static void *comes_within(void *arg)
{
	struct within *w = arg;
	void *res;

	ASSERT_OK(oa_deadline_enter(&w->level, w->at));
	res = visits(&w->g);
	ASSERT_OK(oa_deadline_leave(&w->level));
	return res;
}

TASK_TEST_F(waits, no_longer_than_a_deadline_around,
	    .workers = variant->workers)
{
	struct door *d = &self->d;

	for_each_verb(v) {
		struct within w = { .g = { .v = v, .s = self } };
		struct guest last = { 0 };

		self->passed = 0;
		v->shut(d, 2, 1);
		w.at = oa_after(OA_MSEC);
		actor_start(&w.g.a, BY_TASKS, 0, comes_within, &w);
		if (v->stubborn) {
			WAITERS_ARE(1);
			task_wait_until(oa_now() > w.at + OA_MSEC);
			BY(v, EXPECT_EQ(1u, door_waiters(v, d)));
			serve(1, v, self);
			see_off(&w.g, 1);
			expect_empty(v, d);
			continue;
		}
		BY(v, EXPECT_ERR(actor_code(&w.g.a), -ETIMEDOUT));
		BY(v, EXPECT_GE(oa_now(), w.at));
		BY(v, EXPECT_EQ(1, oa_deadline_fired(&w.level)));
		come_in_order(&last, 1, BY_TASKS, v, self);
		serve(1, v, self);
		see_off(&last, 1);
		expect_empty(v, d);
	}
}

/* The earlier of the two ends it, and each knows whether it was the one. */
TASK_TEST_F(waits, with_two_deadlines, .workers = variant->workers)
{
	struct door *d = &self->d;

	for_each_verb(v) {
		struct within w = { .g = { .v = v, .s = self } };

		if (!v->timed_wait)
			continue;
		w.g.timed = true;
		for (int inner = 0; inner < 2; inner++) {
			oa_time_t soon = oa_after(200 * OA_USEC);
			oa_time_t never = oa_after(1000 * OA_SEC);

			v->shut(d, 1, 1);
			w.at = inner ? never : soon;
			w.g.deadline = inner ? soon : never;
			actor_start(&w.g.a, BY_TASKS, 0, comes_within, &w);
			BY(v, EXPECT_ERR(actor_code(&w.g.a), -ETIMEDOUT));
			BY(v, EXPECT_EQ(!inner, oa_deadline_fired(&w.level)));
			BY(v, EXPECT_EQ(0u, door_waiters(v, d)));
			if (!v->counts)
				v->open(d);
			expect_empty(v, d);
		}
	}
}

static bool leaves_early(unsigned int i)
{
	return i == 0 || i == 3 || i == 4 || i == 8;
}

static void see_off_the_rest(struct guest *g, unsigned int n)
{
	unsigned int last = 0;

	for (unsigned int i = 0; i < n; i++)
		if (!leaves_early(i))
			last = see_off_one(&g[i], last);
}

/* From the head, the middle, two together, the tail; others come instead. */
SYNC_TEST(waits, and_leaves_the_queue)
{
	enum { N = 9, LEAVE = 4, ALL = N + LEAVE };
	struct door *d = &self->d;

	for_each_verb(v) {
		struct guest g[ALL] = { 0 };

		self->passed = 0;
		v->shut(d, ALL, N);
		for (unsigned int i = 0; i < N; i++) {
			g[i].timed = v->stubborn && leaves_early(i);
			g[i].deadline = OA_FOREVER;
			come(&g[i], leaves_early(i) ? BY_TASKS : by, i, v,
			     self);
			WAITERS_ARE(i + 1);
		}
		for (unsigned int i = N; i-- > 0;)
			if (leaves_early(i))
				ASSERT_OK(oa_cancel(g[i].a.task));
		for (unsigned int i = 0; i < N; i++)
			if (leaves_early(i))
				BY(v, EXPECT_ERR(actor_code(&g[i].a),
						 -ECANCELED));
		BY(v, EXPECT_EQ(N - LEAVE + 0u, door_waiters(v, d)));
		BY(v, EXPECT_EQ(0u, SEEN(self->passed)));
		come_in_order(g + N, LEAVE, by, v, self);
		serve(N, v, self);
		see_off_the_rest(g, ALL);
		expect_empty(v, d);
	}
}

/* The same by deadlines, which threads have, too. */
SYNC_TEST(waits, and_leaves_the_queue_in_time)
{
	enum { N = 9, LEAVE = 4, ALL = N + LEAVE };
	struct door *d = &self->d;

	for_each_verb(v) {
		struct guest g[ALL] = { 0 };

		if (!v->timed_wait)
			continue;
		self->passed = 0;
		v->shut(d, ALL, N);
		for (unsigned int i = 0; i < N; i++) {
			g[i].timed = leaves_early(i);
			g[i].deadline = oa_after(OA_MSEC);
			come(&g[i], by, i, v, self);
		}
		for (unsigned int i = 0; i < N; i++)
			if (leaves_early(i))
				BY(v, EXPECT_ERR(actor_code(&g[i].a),
						 -ETIMEDOUT));
		WAITERS_ARE(N - LEAVE + 0u);
		come_in_order(g + N, LEAVE, by, v, self);
		open_for(N, v, d);
		for (unsigned int i = 0; i < ALL; i++)
			if (!leaves_early(i))
				BY(v, EXPECT_OK(actor_code(&g[i].a)));
		expect_empty(v, d);
	}
}

/* Whoever opens meets those whose time is up: each is let in or is late. */
SYNC_TEST(waits, while_time_runs_out)
{
	enum { N = 6 };
	struct door *d = &self->d;
	uint64_t seed = draw_seed(0);
	long rounds = SCALED(6, 2);

	for_each_verb(v) {
		if (!v->timed_wait || v->counts)
			continue;
		for (long round = 0; round < rounds; round++) {
			struct guest g[N] = { 0 };
			uint32_t late = draw(&seed, 150);

			self->passed = 0;
			v->shut(d, N, N);
			for (unsigned int i = 0; i < N; i++) {
				g[i].timed = true;
				g[i].deadline = oa_after(draw(&seed, 200) *
							 OA_USEC);
				come(&g[i], by, i, v, self);
			}
			for (oa_time_t at = oa_after(late * OA_USEC);
			     oa_now() < at;)
				ASSERT_OK(oa_yield());
			open_for(N, v, d);
			for (unsigned int i = 0; i < N; i++) {
				int err = actor_code(&g[i].a);

				BY(v, EXPECT_TRUE(!err || err == -ETIMEDOUT));
			}
			if (v->one_by_one)
				BY(v, EXPECT_EQ((unsigned int)N, self->passed +
						oa_sem_value(&d->sem)));
			expect_empty(v, d);
		}
	}
}

struct herd { struct guest *g; unsigned int n; };

static void *cancels_all(void *arg)
{
	struct herd *h = arg;

	for (unsigned int i = 0; i < h->n; i++) {
		int err = oa_cancel(h->g[i].a.task);

		ASSERT_TRUE(!err || err == -ESRCH);
	}
	return NULL;
}

/* Nothing is lost to one that is let in and cancelled at once. */
SYNC_TEST(waits, while_it_is_cancelled)
{
	enum { N = 6 };
	struct door *d = &self->d;
	long rounds = SCALED(6, 2);

	for_each_verb(v) {
		if (v->counts)
			continue;
		for (long round = 0; round < rounds; round++) {
			struct guest g[N + 1] = { 0 };
			struct herd h = { g, N };
			struct actor a;

			self->passed = 0;
			v->shut(d, N + 1, N + 1);
			come_in_order(g, N + 1, BY_TASKS, v, self);
			actor_start(&a, by, (unsigned int)round, cancels_all,
				    &h);
			open_for(N + 1, v, d);
			for (unsigned int i = 0; i < N; i++) {
				int err = actor_code(&g[i].a);

				BY(v, EXPECT_TRUE(!err || (!v->stubborn &&
							   err == -ECANCELED)));
			}
			/* The one that nobody cancels always gets in. */
			BY(v, EXPECT_OK(actor_code(&g[N].a)));
			if (v->one_by_one)
				BY(v, EXPECT_EQ(N + 1u, self->passed +
						oa_sem_value(&d->sem)));
			actor_end(&a);
			expect_empty(v, d);
		}
	}
}

/* Cancelled, but still in the queue where it has not run since. */
TASK_TEST_F(waits, and_is_passed_over_once_cancelled,
	    .workers = variant->workers)
{
	enum { GONE = 2, N = 4 };
	struct door *d = &self->d;

	for_each_verb(v) {
		struct guest g[N] = { 0 };

		if (v->counts)
			continue;
		self->passed = 0;
		v->shut(d, N, N);
		for (int i = 0; i < GONE; i++) {
			g[i].timed = v->timed_wait;
			g[i].deadline = OA_FOREVER;
		}
		come_in_order(g, N, BY_TASKS, v, self);
		for (int i = 0; i < GONE; i++)
			ASSERT_OK(oa_cancel(g[i].a.task));
		serve(N - GONE, v, self);
		for (int i = 0; i < GONE; i++)
			BY(v, EXPECT_ERR(actor_code(&g[i].a), -ECANCELED));
		see_off(g + GONE, N - GONE);
		if (v->one_by_one)
			BY(v, EXPECT_EQ(0u, oa_sem_value(&d->sem)));
		expect_empty(v, d);
	}
}

/* What the dump says. */

struct look {
	oa_task_t task;
	struct oa_task_info info;
	char waits[32];
};

static int look_at(const struct oa_task_info *info, void *arg)
{
	struct look *l = arg;

	if (!oa_task_eq(info->task, l->task))
		return 0;
	l->info = *info;
	snprintf(l->waits, sizeof(l->waits), "%s", info->waits);
	return 1;
}

static void dump_to(char *buf, size_t n)
{
	int fd = memfd_create("dump", MFD_CLOEXEC);
	ssize_t got;

	ASSERT_GE(fd, 0);
	ASSERT_OK(oa_dump(NULL, fd));
	got = pread(fd, buf, n - 1, 0);
	ASSERT_GT(got, 0);
	buf[got] = '\0';
	close(fd);
}

TASK_TEST_F(waits, and_says_for_what, .workers = variant->workers)
{
	struct door *d = &self->d;
	char text[4096];

	for_each_verb(v) {
		for (int timed = 0; timed < (v->timed_wait ? 2 : 1); timed++) {
			struct look l = { .task = { 0 } };
			struct guest g = { .timed = timed };

			v->shut(d, 1, 1);
			g.deadline = oa_after(1000 * OA_SEC);
			come_in_order(&g, 1, BY_TASKS, v, self);
			until_parked(g.a.task);
			l.task = g.a.task;
			ASSERT_GE(oa_tasks(NULL, look_at, &l), 0);
			BY(v, EXPECT_STREQ(v->waits, l.waits));
			BY(v, EXPECT_EQ(-1, l.info.fd));
			BY(v, EXPECT_EQ(0ul, l.info.waits_task.id));
			BY(v, EXPECT_EQ(timed ? g.deadline : OA_FOREVER,
					l.info.deadline));
			dump_to(text, sizeof(text));
			BY(v, EXPECT_NOT_NULL(strstr(text, v->waits)));
			v->open(d);
			BY(v, EXPECT_OK(actor_code(&g.a)));
			expect_empty(v, d);
		}
	}
}

HARNESS_MAIN
