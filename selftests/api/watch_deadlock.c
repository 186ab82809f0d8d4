// SPDX-License-Identifier: MIT
/* Rings of tasks that wait for each other are told, unasked and once. */
#include "watch_test.h"

#include <stdio.h>

FIXTURE(ring) {
	struct heard heard;
	struct oa_mutex m[3];
	struct oa_rwlock rw;
	struct oa_once once;
	oa_task_t t[8];
	unsigned int hold, flag;
	char at[3][32];
};
VARIANTS_WORKERS(ring);

typedef struct ring_fixture_data data;

FIXTURE_SETUP(ring)
{
	self->heard.kind = OA_EVENT_DEADLOCK;
	for (int i = 0; i < 3; i++)
		snprintf(self->at[i], sizeof(self->at[i]), "%p",
			 (void *)&self->m[i]);
}

FIXTURE_TEARDOWN(ring)
{
	for (int i = 0; i < 3; i++)
		EXPECT_OK(oa_mutex_destroy(&self->m[i]));
}

#define WATCHED(...) \
	.workers = variant->workers, .on_event = hear, .user = &self->heard, \
	##__VA_ARGS__

/* One that can be cancelled, and has no deadline. */
static int locks(struct oa_mutex *m)
{
	return oa_mutex_lock_until(m, OA_FOREVER);
}

/* Holds the @i-th and wants the next of @n, once all hold theirs. */
struct part { data *s; unsigned int i, n; oa_time_t deadline; };

static void *holds_and_wants(void *arg)
{
	struct part *p = arg;
	data *s = p->s;
	int err;

	ASSERT_OK(oa_mutex_lock(&s->m[p->i]));
	COUNT(s->hold);
	task_wait_until(SEEN(s->hold) == p->n);
	err = oa_mutex_lock_until(&s->m[(p->i + 1) % p->n], p->deadline);
	if (!err)
		ASSERT_OK(oa_mutex_unlock(&s->m[(p->i + 1) % p->n]));
	ASSERT_OK(oa_mutex_unlock(&s->m[p->i]));
	return oa_err(err);
}

static const char *const names[] = { "abel", "berta", "cain" };

static void __attribute__((noinline))
start_parts(data *s, struct part *p, unsigned int n)
{
	TELL(s->hold, 0);
	for (unsigned int i = 0; i < n; i++) {
		p[i] = (struct part){ s, i, n, OA_FOREVER };
		s->t[i] = oa_spawn(holds_and_wants, &p[i], .name = names[i]);
	}
}

static void end_all(data *s, unsigned int n)
{
	/* The first to give up lets others go on, and end. */
	for (unsigned int i = 0; i < n; i++)
		oa_cancel(s->t[i]);
	for (unsigned int i = 0; i < n; i++)
		ASSERT_OK(oa_join(s->t[i], NULL));
}

static void until_told(data *s, unsigned int n)
{
	/* Asleep, so that the workers have nothing to do. */
	while (SEEN(s->heard.n) < n)
		ASSERT_OK(oa_sleep(100 * OA_MSEC));
}

static void mutexes(data *s, unsigned int n)
{
	struct part p[3];
	char count[32];

	start_parts(s, p, n);
	until_told(s, 1);
	snprintf(count, sizeof(count), "deadlock of %u tasks", n);
	EXPECT_SAYS(s->heard.ev[0].text, count);
	EXPECT_EQ((int64_t)n, s->heard.ev[0].value);
	for (unsigned int i = 0; i < n; i++) {
		EXPECT_SAYS(s->heard.ev[0].text, names[i]);
		EXPECT_SAYS(s->heard.ev[0].text, s->at[i]);
	}
	EXPECT_SAYS(s->heard.ev[0].text, "started at start_parts");
	end_all(s, n);
	EXPECT_EQ(1u, s->heard.n);
}

TASK_TEST_F(ring, of_two_mutexes, WATCHED())
{
	mutexes(self, 2);
}

TASK_TEST_F(ring, of_three_mutexes, WATCHED())
{
	mutexes(self, 3);
}

static bool is_over(oa_task_t t)
{
	int state = task_state(NULL, t);

	return !state || state == OA_TASK_ENDED;
}

/* Two that may have joined each other: what is left of them is thrown away. */
static void end_two(data *s, unsigned int from)
{
	oa_task_t *t = &s->t[from];

	for (unsigned int i = 0; i < 2; i++)
		oa_cancel(t[i]);
	task_wait_until(is_over(t[0]) && is_over(t[1]));
	for (unsigned int i = 0; i < 2; i++)
		oa_detach(t[i]);
	task_wait_until(!task_state(NULL, t[0]) && !task_state(NULL, t[1]));
}

/* Joins. */

struct joint { data *s; unsigned int with; };

static void *joins(void *arg)
{
	struct joint *j = arg;

	task_wait_until(SEEN(j->s->flag));
	return oa_err(oa_join(j->s->t[j->with], NULL));
}

static void start_joints(data *s, struct joint *j, unsigned int at)
{
	TELL(s->flag, 0);
	for (unsigned int i = 0; i < 2; i++) {
		j[i] = (struct joint){ s, at + !i };
		s->t[at + i] = oa_spawn(joins, &j[i], .name = "joint");
	}
	TELL(s->flag, 1);
}

TASK_TEST_F(ring, of_joins, WATCHED())
{
	struct joint j[2];

	start_joints(self, j, 0);
	until_told(self, 1);
	EXPECT_SAYS(self->heard.ev[0].text, "waits for the end of task "
		    "\"joint\"");
	EXPECT_TRUE(oa_task_eq(self->t[0], self->heard.ev[0].task) ||
		    oa_task_eq(self->t[1], self->heard.ev[0].task));
	end_two(self, 0);
}

static void *holds_and_joins(void *arg)
{
	data *s = arg;
	int err;

	ASSERT_OK(oa_mutex_lock(&s->m[0]));
	TELL(s->hold, 1);
	task_wait_until(SEEN(s->flag));
	err = oa_join(s->t[1], NULL);
	ASSERT_OK(oa_mutex_unlock(&s->m[0]));
	return oa_err(err);
}

static void *wants(void *arg)
{
	data *s = arg;
	int err;

	task_wait_until(SEEN(s->hold));
	err = oa_mutex_lock_until(&s->m[0], OA_FOREVER);
	if (!err)
		ASSERT_OK(oa_mutex_unlock(&s->m[0]));
	return oa_err(err);
}

TASK_TEST_F(ring, of_a_mutex_and_a_join, WATCHED())
{
	self->t[0] = oa_spawn(holds_and_joins, self, .name = "keeper");
	self->t[1] = oa_spawn(wants, self, .name = "wanter");
	TELL(self->flag, 1);
	until_told(self, 1);
	EXPECT_SAYS(self->heard.ev[0].text, "waits for the end of task "
		    "\"wanter\"");
	EXPECT_SAYS(self->heard.ev[0].text, self->at[0]);
	EXPECT_SAYS(self->heard.ev[0].text, "held by task \"keeper\"");
	end_two(self, 0);
}

static void *goes_under(void *arg)
{
	return arg;
}

/* It would start under what its joiner holds. */
TASK_TEST_F(ring, with_one_that_has_not_started, WATCHED())
{
	self->t[0] = oa_spawn(holds_and_joins, self, .name = "keeper");
	task_wait_until(SEEN(self->hold));
	self->t[1] = oa_spawn(goes_under, self, .name = "under",
			      .mutex = &self->m[0]);
	TELL(self->flag, 1);
	until_told(self, 1);
	EXPECT_SAYS(self->heard.ev[0].text, "\"under\"");
	EXPECT_SAYS(self->heard.ev[0].text, "held by task \"keeper\"");
	end_two(self, 0);
}

/* Others that know their owner. */

static void wants_rwlock(void *arg)
{
	data *s = arg;

	COUNT(s->hold);
	task_wait_until(SEEN(s->hold) == 2);
	if (!oa_rwlock_wrlock_until(&s->rw, OA_FOREVER))
		ASSERT_OK(oa_rwlock_unlock(&s->rw));
}

static void *runs_once(void *arg)
{
	data *s = arg;

	return oa_err(oa_once_run(&s->once, wants_rwlock, s));
}

static void *holds_rwlock(void *arg)
{
	data *s = arg;
	int err;

	ASSERT_OK(oa_rwlock_wrlock(&s->rw));
	task_wait_until(SEEN(s->hold));
	COUNT(s->hold);
	err = oa_once_run(&s->once, wants_rwlock, s);
	ASSERT_OK(oa_rwlock_unlock(&s->rw));
	return oa_err(err);
}

TASK_TEST_F(ring, of_a_rwlock_and_a_once, WATCHED())
{
	self->t[0] = oa_spawn(runs_once, self, .name = "runner");
	self->t[1] = oa_spawn(holds_rwlock, self, .name = "writer");
	until_told(self, 1);
	EXPECT_SAYS(self->heard.ev[0].text, "waits for the rwlock at ");
	EXPECT_SAYS(self->heard.ev[0].text, "waits for the once at ");
	end_two(self, 0);
}

/* A scope waits for each of its children, and those of theirs. */

static void *child_joins_opener(void *arg)
{
	struct joint *j = arg;

	task_wait_until(SEEN(j->s->flag));
	return oa_err(oa_join(j->s->t[j->with], NULL));
}

static void *idles(void *arg)
{
	(void)arg;
	return oa_err(oa_sleep(OA_FOREVER));
}

static void *opens(void *arg)
{
	struct joint *j = arg;
	struct oa_scope s;

	OA_SCOPE(s) {
		ASSERT_OK(oa_go(idles, NULL, .scope = &s));
		ASSERT_OK(oa_go(child_joins_opener, j, .scope = &s,
				.name = "child"));
		ASSERT_OK(oa_go(idles, NULL, .scope = &s));
	}
	return NULL;
}

TASK_TEST_F(ring, through_a_scope, WATCHED())
{
	struct joint j = { self, 0 };

	self->t[0] = oa_spawn(opens, &j, .name = "opener");
	TELL(self->flag, 1);
	until_told(self, 1);
	EXPECT_SAYS(self->heard.ev[0].text, "deadlock of 2 tasks");
	EXPECT_SAYS(self->heard.ev[0].text, "waits for its scope at ");
	EXPECT_SAYS(self->heard.ev[0].text, "in which is task \"child\"");
	EXPECT_SAYS(self->heard.ev[0].text, "the end of task \"opener\"");
	ASSERT_OK(oa_cancel(self->t[0]));
	task_wait_until(task_state(NULL, self->t[0]) == OA_TASK_ENDED);
	ASSERT_OK(oa_join(self->t[0], NULL));
}

static void *opens_another(void *arg)
{
	struct joint *j = arg;
	struct oa_scope s;

	OA_SCOPE(s)
		ASSERT_OK(oa_go(opens, j, .scope = &s, .name = "between"));
	return NULL;
}

TASK_TEST_F(ring, through_nested_scopes, WATCHED())
{
	struct joint j = { self, 0 };

	self->t[0] = oa_spawn(opens_another, &j, .name = "outer");
	TELL(self->flag, 1);
	until_told(self, 1);
	EXPECT_SAYS(self->heard.ev[0].text, "deadlock of 3 tasks");
	EXPECT_SAYS(self->heard.ev[0].text, "in which is task \"between\"");
	EXPECT_SAYS(self->heard.ev[0].text, "in which is task \"child\"");
	EXPECT_SAYS(self->heard.ev[0].text, "the end of task \"outer\"");
	ASSERT_OK(oa_cancel(self->t[0]));
	task_wait_until(task_state(NULL, self->t[0]) == OA_TASK_ENDED);
	ASSERT_OK(oa_join(self->t[0], NULL));
}

/* With threads that are no workers. */

static void *on_a_thread(void *arg)
{
	data *s = arg;

	ASSERT_OK(oa_mutex_lock(&s->m[1]));
	COUNT(s->hold);
	wait_until(SEEN(s->hold) == 2);
	ASSERT_OK(locks(&s->m[0]));
	ASSERT_OK(oa_mutex_unlock(&s->m[0]));
	ASSERT_OK(oa_mutex_unlock(&s->m[1]));
	return NULL;
}

static void *holds_first(void *arg)
{
	struct part p = { arg, 0, 2, OA_FOREVER };

	return holds_and_wants(&p);
}

TASK_TEST_F(ring, with_a_foreign_thread, WATCHED())
{
	pthread_t th;

	self->t[0] = oa_spawn(holds_first, self, .name = "ours");
	thread_start(&th, on_a_thread, self);
	until_told(self, 1);
	EXPECT_SAYS(self->heard.ev[0].text, "held by a thread");
	EXPECT_SAYS(self->heard.ev[0].text, "held by task \"ours\"");
	end_all(self, 1);
	thread_end(th);
}

TASK_TEST_F(ring, with_a_task_on_the_blocking_pool, WATCHED())
{
	self->t[0] = oa_spawn(holds_first, self, .name = "ours");
	self->t[1] = oa_spawn(on_a_thread, self, .name = "blocker",
			      .block = true);
	until_told(self, 1);
	EXPECT_SAYS(self->heard.ev[0].text, "held by task \"blocker\"");
	end_all(self, 1);
	ASSERT_OK(oa_join(self->t[1], NULL));
}

/* What is none. Another, which is one, tells that a round has been made. */

TASK_TEST_F(ring, with_a_deadline_is_none, WATCHED())
{
	struct part p[2];
	struct joint j[2];

	for (unsigned int i = 0; i < 2; i++) {
		p[i] = (struct part){ self, i, 2,
			i ? oa_after(1000 * OA_SEC) : OA_FOREVER };
		self->t[i] = oa_spawn(holds_and_wants, &p[i],
				      .name = names[i]);
	}
	for (unsigned int i = 0; i < 2; i++)
		task_wait_until(task_state(NULL, self->t[i]) ==
				OA_TASK_PARKED && SEEN(self->hold) == 2);
	start_joints(self, j, 2);
	until_told(self, 1);
	EXPECT_SAYS(self->heard.ev[0].text, "joint");
	EXPECT_EQ(1u, self->heard.n);
	end_two(self, 2);
	end_all(self, 2);
}

TASK_TEST_F(ring, is_told_once, WATCHED())
{
	struct part p[2];
	struct joint j[4];

	start_parts(self, p, 2);
	until_told(self, 1);
	start_joints(self, j, 2);
	until_told(self, 2);
	EXPECT_SAYS(self->heard.ev[1].text, "joint");
	end_two(self, 2);
	/* The same two tasks again would be another. */
	start_joints(self, j + 2, 4);
	until_told(self, 3);
	EXPECT_SAYS(self->heard.ev[2].text, "joint");
	EXPECT_EQ(3u, self->heard.n);
	end_two(self, 4);
	end_all(self, 2);
}

/* Not a ring: a mutex that nobody will ever give back. */

static void *keeps_two(void *arg)
{
	struct oa_mutex *m = arg;

	ASSERT_OK(oa_mutex_lock(&m[0]));
	ASSERT_OK(oa_mutex_lock(&m[1]));
	return NULL;
}

static void *keeps_one(void *arg)
{
	struct oa_mutex *m = arg;

	ASSERT_OK(oa_mutex_lock(&m[2]));
	ASSERT_OK(oa_mutex_lock(&m[3]));
	ASSERT_OK(oa_mutex_unlock(&m[2]));
	return NULL;
}

TASK_TEST_F(ring, who_ends_with_a_mutex, WATCHED())
{
	struct oa_mutex m[4] = { OA_MUTEX_INIT };
	oa_task_t t;

	TELL(self->heard.kind, OA_EVENT_HELD);
	t = oa_spawn(keeps_two, m, .name = "keeper");
	ASSERT_OK(oa_join(t, NULL));
	EXPECT_EQ(1u, SEEN(self->heard.n));
	EXPECT_TRUE(oa_task_eq(t, self->heard.ev[0].task));
	EXPECT_EQ(2, self->heard.ev[0].value);
	EXPECT_SAYS(self->heard.ev[0].text, "\"keeper\"");
	t = oa_spawn(keeps_one, m);
	ASSERT_OK(oa_join(t, NULL));
	EXPECT_EQ(2u, SEEN(self->heard.n));
	EXPECT_EQ(1, self->heard.ev[1].value);
}

static void *goes_nowhere(void *arg)
{
	return arg;
}

static void *keeps_first(void *m)
{
	ASSERT_OK(oa_mutex_lock(m));
	return NULL;
}

/* Who is told of it is not in that task any more, and suspends nothing. */

struct listener {
	struct oa_mutex m;
	int sleep, lock, go;
	unsigned int told;
};

static void tries_to_wait(const struct oa_runtime_event *ev, void *user)
{
	struct listener *l = user;

	if (ev->kind != OA_EVENT_HELD)
		return;
	l->sleep = oa_sleep(1);
	l->lock = oa_mutex_lock(&l->m);
	l->go = oa_go(goes_nowhere, NULL);
	EXPECT_TRUE(oa_task_eq(oa_self(), (oa_task_t){ 0 }));
	COUNT(l->told);
}

TEST_F(ring, who_is_told_of_it_cannot_wait)
{
	struct listener l = { .m = OA_MUTEX_INIT };

	(void)self;
	ASSERT_OK(oa_run(keeps_first, &l, .workers = variant->workers,
			 .on_event = tries_to_wait,
			 .user = &l));
	EXPECT_EQ(1u, l.told);
	EXPECT_ERR(l.sleep, -EPERM);
	EXPECT_ERR(l.lock, -EPERM);
	EXPECT_ERR(l.go, -EPERM);
}

/* While others go on, it is found by the next of the regular rounds. */

static void *goes_on(void *arg)
{
	while (!SEEN(*(unsigned int *)arg))
		ASSERT_OK(oa_yield());
	return NULL;
}

TEST_F(ring, while_others_go_on)
{
	struct part p[2] = {
		{ self, 0, 2, OA_FOREVER }, { self, 1, 2, OA_FOREVER },
	};
	struct oa_runtime *rt;

	ASSERT_OK(oa_start(&rt, goes_on, &self->flag, WATCHED()));
	dump_runtime = rt;
	for (int i = 0; i < 2; i++)
		self->t[i] = oa_spawn(holds_and_wants, &p[i], .runtime = rt);
	wait_until(SEEN(self->heard.n) == 1);
	TELL(self->flag, 1);
	end_all(self, 2);
	ASSERT_OK(oa_runtime_wait(rt, NULL));
	ASSERT_OK(oa_runtime_free(rt));
}

HARNESS_MAIN
