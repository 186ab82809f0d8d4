// SPDX-License-Identifier: MIT
/*
 * Joins of many, by themselves and as cases: of the first, the others stay as
 * they were; of all, each is joined once, and none before the last has ended
 * where another case may be first.
 */
#include "actors.h"

#define N	16

FIXTURE(join_many) {
	struct oa_event go[N], event;
	oa_task_t t[N];
	struct oa_runtime *rt;
	unsigned int cut;
};
VARIANTS_WORKERS(join_many);

typedef struct join_many_fixture_data data;

FIXTURE_SETUP(join_many)
{
	harness_seed();
}

FIXTURE_TEARDOWN(join_many)
{
}

#define CONFIG .workers = variant->workers, .max_blocking = ACTORS_ON_POOL

#define BY_ALL(name) \
	TASK_TEST_F(join_many, name, CONFIG) \
	{ \
		for (unsigned int i = 0; i < WHO_MIXED; i++) { \
			struct actor a; \
			memset(self->go, 0, sizeof(self->go)); \
			self->rt = oa_runtime_self(); \
			actor_start(&a, WHO_MIXED, i, name, self); \
			actor_end(&a); \
		} \
		task_wait_until(count_tasks(NULL) == 1); \
	} \
	struct harness_variant

static void *echo(void *arg)
{
	return arg;
}

/* How many have done with their event. */
static unsigned int over;

/* Its result is the event that it waits for. */
static void *after(void *arg)
{
	int err = oa_event_wait(arg);

	COUNT(over);
	return err ? oa_err(err) : arg;
}

/* Foreign threads have no runtime of their own. */
static oa_task_t spawn(data *d, oa_fn fn, void *arg)
{
	oa_task_t t = oa_spawn(fn, arg, .runtime = d->rt);

	ASSERT_OK(oa_task_error(t));
	return t;
}

static void spawn_all(data *d)
{
	for (int i = 0; i < N; i++) {
		d->go[i] = (struct oa_event)OA_EVENT_INIT;
		d->t[i] = spawn(d, after, &d->go[i]);
	}
}

static void let_all_go(data *d)
{
	for (int i = 0; i < N; i++)
		ASSERT_OK(oa_event_set(&d->go[i]));
}

static void join_rest(data *d, size_t from)
{
	let_all_go(d);
	for (size_t i = from; i < N; i++) {
		void *r = NULL;

		ASSERT_OK(oa_join(d->t[i], &r));
		ASSERT_EQ((void *)&d->go[i], r);
	}
}

/* ---- the first */

/* In the order in which they end, out of those that are left. */
static void *first_in_turn(void *arg)
{
	data *d = arg;
	void *want[N], *r = NULL;
	size_t left = N, which;

	spawn_all(d);
	for (int i = 0; i < N; i++)
		want[i] = &d->go[i];
	EXPECT_ERR(oa_join_any_until(d->t, N, &which, &r, 1), -ETIMEDOUT);
	EXPECT_EQ((size_t)N, which);
	EXPECT_ERR(oa_join_any_until(d->t, N, NULL, NULL, oa_after(OA_USEC)),
		   -ETIMEDOUT);
	while (left) {
		size_t next = 7 % left;

		ASSERT_OK(oa_event_set(want[next]));
		if (left % 3)
			ASSERT_OK(oa_join_any(d->t, left, &which, &r));
		else
			ASSERT_OK(oa_join_any_until(d->t, left, &which, &r,
						    OA_FOREVER));
		ASSERT_EQ(next, which);
		ASSERT_EQ(want[next], r);
		ASSERT_ERR(oa_join(d->t[next], NULL), -ESRCH);
		left--;
		d->t[next] = d->t[left];
		want[next] = want[left];
	}
	return NULL;
}

BY_ALL(first_in_turn);

/* All end at once: each is told once. */
static void *first_of_all_at_once(void *arg)
{
	data *d = arg;

	for (int round = 0; round < 10; round++) {
		bool seen[N] = { false };

		spawn_all(d);
		let_all_go(d);
		for (size_t left = N; left; left--) {
			size_t which, i;
			void *r = NULL;

			ASSERT_OK(oa_join_any(d->t, left, &which, &r));
			ASSERT_LT(which, left);
			i = (size_t)((struct oa_event *)r - d->go);
			ASSERT_LT(i, (size_t)N);
			ASSERT_FALSE(seen[i]);
			seen[i] = true;
			d->t[which] = d->t[left - 1];
		}
	}
	return NULL;
}

BY_ALL(first_of_all_at_once);

/* The others can be joined, detached, cancelled as ever. */
static void *others_go_on(void *arg)
{
	data *d = arg;

	for (int round = 0; round < 20; round++) {
		size_t which, first = (size_t)round % N;
		unsigned int before = SEEN(over);
		void *r = NULL;

		spawn_all(d);
		ASSERT_OK(oa_event_set(&d->go[first]));
		ASSERT_OK(oa_join_any(d->t, N, &which, NULL));
		ASSERT_EQ(first, which);
		let_all_go(d);
		for (size_t i = 0; i < N; i++) {
			if (i == which) {
				ASSERT_ERR(oa_join(d->t[i], &r), -ESRCH);
			} else if (i % 4 == 3) {
				ASSERT_OK(oa_detach(d->t[i]));
			} else {
				ASSERT_OK(oa_join(d->t[i], &r));
				ASSERT_EQ((void *)&d->go[i], r);
			}
		}
		actor_wait_until(SEEN(over) == before + N);
	}
	return NULL;
}

BY_ALL(others_go_on);

static void *bad_sets(void *arg)
{
	data *d = arg;
	void *r = d;
	size_t which = 7;
	struct oa_join_set set = OA_JOIN_SET_INIT(NULL, 0, NULL);
	struct oa_case any = OA_CASE_JOIN_ANY(&set), all = OA_CASE_JOIN_ALL(&set);

	EXPECT_ERR(oa_join_any(NULL, 0, &which, &r), -EINVAL);
	EXPECT_EQ(0ul, which);
	EXPECT_ERR(oa_join_any(d->t, 0, NULL, NULL), -EINVAL);
	EXPECT_ERR(oa_join_any(NULL, 3, NULL, NULL), -EINVAL);
	EXPECT_ERR(oa_join_any_until(NULL, 3, NULL, NULL, 1), -EINVAL);
	EXPECT_ERR(oa_join_all(NULL, 3, NULL), -EINVAL);
	EXPECT_ERR(oa_join_all_until(NULL, 3, NULL, 1), -EINVAL);
	EXPECT_OK(oa_join_all(NULL, 0, NULL));
	EXPECT_OK(oa_join_all_until(NULL, 0, NULL, 1));
	EXPECT_ERR(oa_select(&any, 1), -EINVAL);
	EXPECT_EQ(0, oa_select(&all, 1));
	EXPECT_EQ(0, all.res);
	set.n = 1;
	EXPECT_ERR(oa_select(&any, 1), -EINVAL);
	EXPECT_ERR(oa_select(&all, 1), -EINVAL);
	any.on = all.on = NULL;
	EXPECT_ERR(oa_tryselect(&any, 1), -EINVAL);
	EXPECT_ERR(oa_tryselect(&all, 1), -EINVAL);
	EXPECT_EQ((void *)d, r);
	return NULL;
}

BY_ALL(bad_sets);

/* One that cannot be joined is told, and the others left alone. */

static void *joins(void *arg)
{
	return oa_err(oa_join(*(oa_task_t *)arg, NULL));
}

static oa_task_t task_gone(data *d)
{
	oa_task_t t = spawn(d, echo, d);

	ASSERT_OK(oa_join(t, NULL));
	return t;
}

TASK_TEST_F(join_many, bad_handles, .workers = variant->workers)
{
	oa_task_t good = oa_spawn(after, &self->go[0]), joined, j, t[3];
	oa_task_t bad[6];
	static const int want[] = {
		-ESRCH, -ESRCH, -EDEADLK, -EINVAL, -EINVAL, -EAGAIN,
	};
	void *r[3] = { self, self, self };
	size_t which;

	joined = oa_spawn(after, &self->go[0]);
	j = oa_spawn(joins, &joined);
	until_state(j, OA_TASK_PARKED);
	bad[0] = (oa_task_t){ 0 };
	bad[1] = task_gone(self);
	bad[2] = oa_self();
	bad[3] = oa_spawn(NULL, NULL);
	bad[4] = joined;
	/* As of a spawn that was one too many. */
	bad[5] = (oa_task_t){ EAGAIN };
	for (int i = 0; i < 6; i++) {
		struct oa_join_set set = OA_JOIN_SET_INIT(t, 2, r);
		struct oa_case c = OA_CASE_JOIN_ANY(&set);

		t[0] = good;
		t[1] = bad[i];
		EXPECT_ERR(oa_join_any(t, 2, &which, r), want[i]);
		EXPECT_EQ(1ul, which);
		EXPECT_EQ(0, oa_select(&c, 1));
		EXPECT_ERR(c.res, want[i]);
		EXPECT_EQ(1ul, set.which);
		c = (struct oa_case)OA_CASE_JOIN(bad[i], NULL);
		EXPECT_EQ(0, oa_select(&c, 1));
		EXPECT_ERR(c.res, want[i]);
	}
	EXPECT_EQ((void *)self, r[0]);
	/* Of all, the first error, and all that can be are joined. */
	for (int i = 0; i < 6; i++) {
		for (int how = 0; how < 2; how++) {
			struct oa_join_set set = OA_JOIN_SET_INIT(t, 3, r);
			struct oa_case c = OA_CASE_JOIN_ALL(&set);

			t[0] = bad[i];
			t[1] = oa_spawn(echo, &r[1]);
			t[2] = bad[(i + 1) % 6];
			r[1] = self;
			if (how) {
				EXPECT_EQ(0, oa_select(&c, 1));
				EXPECT_ERR(c.res, want[i]);
			} else {
				EXPECT_ERR(oa_join_all(t, 3, r), want[i]);
			}
			EXPECT_EQ((void *)self, r[0]);
			EXPECT_EQ((void *)&r[1], r[1]);
			EXPECT_EQ((void *)self, r[2]);
			EXPECT_ERR(oa_join(t[1], NULL), -ESRCH);
		}
	}
	ASSERT_OK(oa_event_set(&self->go[0]));
	ASSERT_OK(oa_join(good, NULL));
	EXPECT_OK(join_code(j));
}

/* The same handle twice in one set is one task. */
static void *twice(void *arg)
{
	data *d = arg;
	oa_task_t t[3];
	size_t which;
	void *r[3] = { d, d, d };

	for (int i = 0; i < 20; i++) {
		struct oa_event go = OA_EVENT_INIT;

		t[0] = t[1] = t[2] = spawn(d, after, &go);
		EXPECT_ERR(oa_join_any_until(t, 3, NULL, NULL,
					     oa_after(OA_USEC)), -ETIMEDOUT);
		ASSERT_OK(oa_event_set(&go));
		if (i % 2) {
			ASSERT_OK(oa_join_any(t, 3, &which, &r[0]));
			EXPECT_LT(which, 3ul);
		} else {
			ASSERT_ERR(oa_join_all(t, 3, r), -ESRCH);
		}
		EXPECT_EQ((void *)&go, r[0]);
		EXPECT_EQ((void *)d, r[1]);
		EXPECT_ERR(oa_join(t[0], NULL), -ESRCH);
	}
	return NULL;
}

BY_ALL(twice);

/* ---- all */

static void *all_of_them(void *arg)
{
	data *d = arg;

	for (int round = 0; round < 10; round++) {
		struct oa_join_set set;
		struct oa_case c = OA_CASE_JOIN_ALL(&set);
		void *r[N] = { NULL };

		set = (struct oa_join_set)OA_JOIN_SET_INIT(d->t, N, r);
		spawn_all(d);
		/* In an order of its own. */
		for (int i = 0; i < N; i++)
			ASSERT_OK(oa_event_set(&d->go[i * 7 % N]));
		switch (round % 5) {
		case 0:
			ASSERT_OK(oa_join_all(d->t, N, r));
			break;
		case 1:
			ASSERT_OK(oa_join_all_until(d->t, N, r, OA_FOREVER));
			break;
		case 2:
			ASSERT_EQ(0, oa_select(&c, 1));
			ASSERT_EQ(0, c.res);
			break;
		case 3:
			while (oa_tryselect(&c, 1) == -EAGAIN)
				give_way();
			ASSERT_EQ(0, c.res);
			break;
		default:
			ASSERT_OK(oa_join_all(d->t, N, NULL));
			for (int i = 0; i < N; i++)
				r[i] = &d->go[i];
			break;
		}
		for (int i = 0; i < N; i++) {
			ASSERT_EQ((void *)&d->go[i], r[i]);
			ASSERT_ERR(oa_join(d->t[i], NULL), -ESRCH);
		}
	}
	return NULL;
}

BY_ALL(all_of_them);

static void until_ended(data *d, size_t i)
{
	actor_wait_until(task_state(d->rt, d->t[i]) == OA_TASK_ENDED);
}

/* Until its time is up: what was joined is, in order; the rest can be yet. */
static void *all_but_some(void *arg)
{
	data *d = arg;

	for (size_t gone = 0; gone < N - 1; gone += 2) {
		void *r[N];

		for (int i = 0; i < N; i++)
			r[i] = d;
		spawn_all(d);
		for (size_t i = 0; i < gone; i++)
			ASSERT_OK(oa_event_set(&d->go[i]));
		/* One further on has ended, too: it waits its turn. */
		ASSERT_OK(oa_event_set(&d->go[N - 1]));
		for (size_t i = 0; i < gone; i++)
			until_ended(d, i);
		ASSERT_ERR(oa_join_all_until(d->t, N, r, gone % 4 ? 1 :
					     oa_after(OA_MSEC)), -ETIMEDOUT);
		for (size_t i = 0; i < N; i++)
			ASSERT_EQ(i < gone ? (void *)&d->go[i] : d, r[i]);
		join_rest(d, gone);
	}
	return NULL;
}

BY_ALL(all_but_some);

/* As a case, it takes none before all have ended. */
static void *all_or_none(void *arg)
{
	data *d = arg;

	for (int round = 0; round < 8; round++) {
		void *r[N], *want[N];
		struct oa_join_set set = OA_JOIN_SET_INIT(d->t, N, r);
		struct oa_case c[] = {
			OA_CASE_JOIN_ALL(&set), OA_CASE_EVENT(&d->event),
			OA_CASE_AT(oa_after(round % 2 ? OA_USEC
						      : 1000 * OA_SEC)),
		};

		for (int i = 0; i < N; i++)
			r[i] = want[i] = d;
		ASSERT_OK(oa_event_reset(&d->event));
		spawn_all(d);
		for (int i = 0; i < N; i++)
			if (i != round)
				ASSERT_OK(oa_event_set(&d->go[i]));
		if (!(round % 2))
			ASSERT_OK(oa_event_set(&d->event));
		EXPECT_EQ(round % 2 ? 2 : 1, oa_select(c, 3));
		EXPECT_ERR(oa_tryselect(c, 1), -EAGAIN);
		EXPECT_ERR(oa_select_until(c, 1, oa_after(OA_USEC)), -ETIMEDOUT);
		EXPECT_MEMEQ(want, r, sizeof(r));
		if (round % 4 < 2) {
			join_rest(d, 0);
			continue;
		}
		ASSERT_OK(oa_event_set(&d->go[round]));
		ASSERT_EQ(0, oa_select(c, 1));
		EXPECT_EQ(0, c[0].res);
		for (int i = 0; i < N; i++)
			EXPECT_EQ((void *)&d->go[i], r[i]);
	}
	return NULL;
}

BY_ALL(all_or_none);

/* ---- beside other cases, and cancelled */

static void *selects_first(void *arg)
{
	data *d = arg;
	struct oa_join_set set = OA_JOIN_SET_INIT(d->t, N, NULL);
	struct oa_case c[] = {
		OA_CASE_JOIN_ANY(&set), OA_CASE_EVENT(&d->event),
	};
	int i = oa_select(c, 2);

	if (i)
		return as_result(i);
	EXPECT_EQ(0, c[0].res);
	EXPECT_EQ((void *)&d->go[set.which], set.result);
	return set.result;
}

static void *joins_first(void *arg)
{
	data *d = arg;
	size_t which = 77;
	void *r = NULL;
	int err = oa_join_any(d->t, N, &which, &r);

	EXPECT_EQ(err ? NULL : (void *)&d->go[which], r);
	return err ? oa_err(err) : r;
}

static void *joins_all(void *arg)
{
	data *d = arg;
	void *r[N] = { NULL };
	int err = oa_join_all(d->t, N, r);

	if (!err)
		for (int i = 0; i < N; i++)
			EXPECT_EQ((void *)&d->go[i], r[i]);
	return oa_err(err);
}

/* Each was joined by @a or is still to be joined. */
static void account(data *d, void *joined)
{
	let_all_go(d);
	for (int i = 0; i < N; i++) {
		void *r = NULL;
		int err = oa_join(d->t[i], &r);

		if (joined == (void *)&d->go[i]) {
			ASSERT_ERR(err, -ESRCH);
			continue;
		}
		ASSERT_OK(err);
		ASSERT_EQ((void *)&d->go[i], r);
	}
}

TASK_TEST_F(join_many, cancelled_as_they_end, CONFIG)
{
	for (unsigned int i = 0; i < (unsigned int)SCALED(120, 24); i++) {
		struct actor a;
		void *r;

		self->rt = oa_runtime_self();
		ASSERT_OK(oa_event_reset(&self->event));
		spawn_all(self);
		actor_start(&a, i % 4 == 3 ? WHO_POOL : WHO_TASK, 0,
			    i % 3 ? selects_first : joins_first, self);
		if (i % 2)
			until_state(a.t, OA_TASK_PARKED);
		if (i % 5)
			ASSERT_OK(oa_event_set(&self->go[i % N]));
		if (i % 3 && i % 7 == 0)
			ASSERT_OK(oa_event_set(&self->event));
		/* Before, while and after they end. */
		for (unsigned int n = i % 6; n; n--)
			ASSERT_OK(oa_yield());
		oa_cancel(a.t);
		r = actor_end(&a);
		if (r == oa_err(-ECANCELED))
			self->cut++;
		account(self, r);
	}
	TEST_LOG("%u were cancelled", self->cut);
}

TASK_TEST_F(join_many, all_cancelled_as_they_end, CONFIG)
{
	for (unsigned int i = 0; i < (unsigned int)SCALED(80, 24); i++) {
		unsigned int joined = 0;
		struct actor a;
		void *r;

		self->rt = oa_runtime_self();
		spawn_all(self);
		actor_start(&a, i % 4 == 3 ? WHO_POOL : WHO_TASK, 0, joins_all,
			    self);
		if (i % 2)
			until_state(a.t, OA_TASK_PARKED);
		for (unsigned int k = 0; k < i % (N + 1); k++)
			ASSERT_OK(oa_event_set(&self->go[k]));
		/* Before, while and after they end. */
		for (unsigned int n = i % 6; n; n--)
			ASSERT_OK(oa_yield());
		oa_cancel(a.t);
		r = actor_end(&a);
		self->cut += r != NULL;
		ASSERT_TRUE(!r || r == oa_err(-ECANCELED));
		let_all_go(self);
		for (unsigned int k = 0; k < N; k++) {
			int err = oa_join(self->t[k], NULL);

			/* The first so many, and no others. */
			ASSERT_TRUE(!err || err == -ESRCH);
			if (err)
				ASSERT_EQ(k, joined);
			joined += err != 0;
		}
		if (!r)
			ASSERT_EQ((unsigned int)N, joined);
	}
	TEST_LOG("%u were cancelled", self->cut);
}

static void *is_cancelled(void *arg)
{
	data *d = arg;
	size_t which = 1;
	void *r = d;

	ASSERT_OK(oa_cancel(oa_self()));
	EXPECT_ERR(oa_join_any(d->t, N, &which, &r), -ECANCELED);
	EXPECT_EQ((size_t)N, which);
	EXPECT_ERR(oa_join_all(d->t, N, &r), -ECANCELED);
	EXPECT_ERR(oa_join_all(d->t, 0, &r), -ECANCELED);
	EXPECT_EQ((void *)d, r);
	return NULL;
}

TASK_TEST_F(join_many, not_at_all_once_cancelled, CONFIG)
{
	struct oa_deadline level;
	void *r[N] = { NULL };
	size_t which = 1;

	self->rt = oa_runtime_self();
	spawn_all(self);
	let_all_go(self);
	ASSERT_OK(oa_join(oa_spawn(is_cancelled, self), NULL));
	OA_WITHIN(&level, -1) {
		EXPECT_ERR(oa_join_any(self->t, N, &which, r), -ETIMEDOUT);
		EXPECT_ERR(oa_join_all(self->t, N, r), -ETIMEDOUT);
	}
	EXPECT_EQ(1, oa_deadline_fired(&level));
	join_rest(self, 0);
}

/* While one waits nobody else may join; afterwards they may again. */
TASK_TEST_F(join_many, while_it_waits, CONFIG)
{
	for (unsigned int i = 0; i < 4; i++) {
		struct actor a;

		self->rt = oa_runtime_self();
		ASSERT_OK(oa_event_reset(&self->event));
		spawn_all(self);
		actor_start(&a, i % 2 ? WHO_POOL : WHO_TASK, 0, selects_first,
			    self);
		/* Not by its waiter: the event may come before the tasks. */
		until_state(a.t, OA_TASK_PARKED);
		for (int k = 0; k < N; k++) {
			EXPECT_ERR(oa_join_until(self->t[k], NULL, 1), -EINVAL);
			EXPECT_ERR(oa_detach(self->t[k]), -EINVAL);
		}
		ASSERT_OK(oa_event_set(&self->event));
		EXPECT_EQ(as_result(1), actor_end(&a));
		for (int k = 0; k < N; k++)
			EXPECT_ERR(oa_join_until(self->t[k], NULL, 1),
				   -ETIMEDOUT);
		join_rest(self, 0);
	}
}

/* Tasks that never run, on the pool, delayed. */
TASK_TEST_F(join_many, ends_of_all_kinds, CONFIG)
{
	for (int how = 0; how < 3; how++) {
		oa_task_t t[4] = {
			oa_spawn(echo, self, .delay = OA_MSEC),
			oa_spawn(echo, self, .delay = 1000 * OA_SEC),
			oa_spawn(echo, self, .block = true),
			oa_spawn(after, &self->go[0]),
		};
		void *want[4] = {
			self, oa_err(-ECANCELED), self, oa_err(-ECANCELED),
		};
		void *r[4] = { NULL };
		struct oa_join_set set = OA_JOIN_SET_INIT(t, 4, r);
		struct oa_case c = OA_CASE_JOIN_ALL(&set);

		ASSERT_OK(oa_cancel(t[1]));
		ASSERT_OK(oa_cancel(t[3]));
		if (how == 0) {
			ASSERT_OK(oa_join_all(t, 4, r));
		} else if (how == 1) {
			ASSERT_EQ(0, oa_select(&c, 1));
		} else {
			for (size_t left = 4, i; left; left--) {
				void *got = NULL, *w;

				ASSERT_OK(oa_join_any(t, left, &i, &got));
				ASSERT_EQ(want[i], got);
				w = want[i];
				want[i] = want[left - 1];
				want[left - 1] = r[left - 1] = w;
				t[i] = t[left - 1];
			}
		}
		EXPECT_MEMEQ(want, r, sizeof(r));
	}
}

/* More than a select may have cases. */
TASK_TEST_F_TIMEOUT(join_many, of_thousands, 60, .workers = variant->workers)
{
	static oa_task_t t[5000];
	static void *r[5000];
	size_t n = (size_t)SCALED(5000, 600), odd = n / 3 * 2;
	struct oa_join_set set = OA_JOIN_SET_INIT(t, n, r);
	struct oa_case c[] = {
		OA_CASE_JOIN_ALL(&set), OA_CASE_EVENT(&self->event),
	};
	size_t which = 0;
	void *got = NULL;

	for (size_t i = 0; i < n; i++)
		t[i] = oa_spawn(after, &self->go[i == odd]);
	ASSERT_ERR(oa_join_any_until(t, n, &which, &got, oa_after(OA_MSEC)),
		   -ETIMEDOUT);
	ASSERT_OK(oa_event_set(&self->go[1]));
	ASSERT_OK(oa_join_any(t, n, &which, &got));
	EXPECT_EQ(odd, which);
	EXPECT_EQ((void *)&self->go[1], got);
	t[which] = oa_spawn(echo, &t[which]);
	ASSERT_OK(oa_event_set(&self->event));
	EXPECT_EQ(1, oa_select(c, 2));
	ASSERT_OK(oa_event_set(&self->go[0]));
	ASSERT_EQ(0, oa_select(c, 1));
	ASSERT_EQ(0, c[0].res);
	for (size_t i = 0; i < n; i++)
		ASSERT_EQ(i == odd ? (void *)&t[i] : (void *)&self->go[0], r[i]);
}

/* ---- races */

static void *ends_soon(void *arg)
{
	unsigned int turns = (unsigned int)(uintptr_t)arg % 5;

	while (turns--)
		ASSERT_OK(oa_yield());
	return arg;
}

/* A window over many, the first to end replaced by the next. */
static void *window(void *arg)
{
	enum { W = 5 };
	data *d = arg;
	struct random r = random_of((unsigned int)COUNT(d->cut));
	uintptr_t each = (uintptr_t)SCALED(400, 60), next = W, sum = 0;
	oa_task_t t[W];

	for (uintptr_t i = 0; i < W; i++)
		t[i] = spawn(d, ends_soon, (void *)i);
	for (uintptr_t n = 0; n < each; n++) {
		size_t which = 0;
		void *got = NULL;
		int err;

		do
			err = draw(&r, 2) ? oa_join_any(t, W, &which, &got) :
				oa_join_any_until(t, W, &which, &got,
					oa_after(draw(&r, 5000)));
		while (err == -ETIMEDOUT);
		ASSERT_OK(err);
		sum += (uintptr_t)got;
		t[which] = spawn(d, ends_soon, (void *)next++);
	}
	for (size_t left = W; left; left--) {
		size_t which;
		void *got;

		ASSERT_OK(oa_join_any(t, left, &which, &got));
		sum += (uintptr_t)got;
		t[which] = t[left - 1];
	}
	ASSERT_EQ(next * (next - 1) / 2, sum);
	return NULL;
}

TASK_TEST_F(join_many, windows, CONFIG)
{
	struct actor a[6];

	self->rt = oa_runtime_self();
	/* Drawn from by threads of all kinds: by then it is to be known. */
	(void)SCALED(400, 60);
	for (unsigned int i = 0; i < ARRAY_N(a); i++)
		actor_start(&a[i], WHO_MIXED, i, window, self);
	for (unsigned int i = 0; i < ARRAY_N(a); i++)
		actor_end(&a[i]);
}

/* Batches, whose deadlines come about when they end. */
TASK_TEST_F(join_many, all_race_a_deadline, CONFIG)
{
	unsigned int late = 0;
	struct random r = random_of(0);

	for (uintptr_t k = 0; k < (uintptr_t)SCALED(150, 30); k++) {
		void *got[N] = { NULL };
		struct oa_join_set set = OA_JOIN_SET_INIT(self->t, N, got);
		oa_time_t at;
		struct oa_case c[2] = { OA_CASE_JOIN_ALL(&set) };
		int err;

		for (uintptr_t i = 0; i < N; i++)
			self->t[i] = oa_spawn(ends_soon, (void *)(i + 1),
					      .delay = draw(&r, 50000));
		at = oa_after(draw(&r, 100000));
		c[1] = (struct oa_case)OA_CASE_AT(at);
		if (k % 2)
			err = oa_join_all_until(self->t, N, got, at);
		else
			err = oa_select(c, 2) ? -ETIMEDOUT : c[0].res;
		ASSERT_TRUE(!err || err == -ETIMEDOUT);
		late += err != 0;
		for (uintptr_t i = 0; i < N; i++) {
			if (err && !got[i])
				ASSERT_OK(oa_join(self->t[i], &got[i]));
			ASSERT_EQ((void *)(i + 1), got[i]);
			ASSERT_ERR(oa_join(self->t[i], NULL), -ESRCH);
		}
	}
	TEST_LOG("%u timed out", late);
}

/* What a dump says of it. */

static int look_at(const struct oa_task_info *info, void *arg)
{
	if (info->state == OA_TASK_PARKED &&
	    !strcmp(info->waits, "join of any"))
		*(oa_task_t *)arg = info->task;
	return 0;
}

TASK_TEST_F(join_many, says_for_what_it_waits, CONFIG)
{
	oa_task_t j, seen = { 0 };

	self->rt = oa_runtime_self();
	spawn_all(self);
	j = oa_spawn(joins_first, self);
	until_state(j, OA_TASK_PARKED);
	ASSERT_GE(oa_tasks(NULL, look_at, &seen), 0);
	EXPECT_TRUE(oa_task_eq(j, seen));
	ASSERT_OK(oa_event_set(&self->go[3]));
	ASSERT_OK(oa_join(j, NULL));
	account(self, &self->go[3]);
}

HARNESS_MAIN
