// SPDX-License-Identifier: MIT
/* An object of the user's own, made from struct oa_waitable alone. */
#include "actors.h"

#include <stdlib.h>

/* A box for one number: full or empty; who finds it empty can wait. */
struct box {
	struct oa_waitable w;
	pthread_mutex_t lock;
	struct oa_waiter head;	/* in a ring; next is NULL: in no list */
	bool full;
	int x, err;
	unsigned int enlisted, takes;
};

static void unlink_waiter(struct box *b, struct oa_waiter *n)
{
	n->prev->next = n->next;
	n->next->prev = n->prev;
	n->next = n->prev = NULL;
	b->enlisted--;
}

static int box_take(struct oa_waitable *w, void *data)
{
	struct box *b = (struct box *)w;
	int err = 0;

	pthread_mutex_lock(&b->lock);
	b->takes++;
	if (b->full) {
		*(int *)data = b->x;
		b->full = false;
	} else {
		err = b->err ? b->err : -EAGAIN;
	}
	pthread_mutex_unlock(&b->lock);
	return err;
}

static int box_enlist(struct oa_waitable *w, struct oa_waiter *n)
{
	struct box *b = (struct box *)w;
	bool ready;

	pthread_mutex_lock(&b->lock);
	ready = b->full || b->err;
	if (!ready) {
		n->next = &b->head;
		n->prev = b->head.prev;
		n->prev->next = n;
		b->head.prev = n;
		b->enlisted++;
	}
	pthread_mutex_unlock(&b->lock);
	return ready;
}

static void box_delist(struct oa_waitable *w, struct oa_waiter *n)
{
	struct box *b = (struct box *)w;

	pthread_mutex_lock(&b->lock);
	if (n->next)
		unlink_waiter(b, n);
	pthread_mutex_unlock(&b->lock);
}

static const struct oa_waitable_ops box_ops = {
	box_take, box_enlist, box_delist,
};

static void box_init(struct box *b)
{
	*b = (struct box){ .w = { &box_ops } };
	pthread_mutex_init(&b->lock, NULL);
	b->head.next = b->head.prev = &b->head;
}

static void box_end(struct box *b)
{
	EXPECT_EQ(0u, b->enlisted);
	EXPECT_TRUE(b->head.next == &b->head);
	pthread_mutex_destroy(&b->lock);
}

/* Straight to the first whose select has not ended; -EAGAIN: no room. */
static int box_put(struct box *b, int x)
{
	struct oa_waiter *n;
	int err = 0;

	pthread_mutex_lock(&b->lock);
	while ((n = b->head.next) != &b->head) {
		void *data = n->data;

		unlink_waiter(b, n);
		if (oa_waiter_wake(n, 1)) {
			*(int *)data = x;
			goto out;
		}
	}
	if (b->full) {
		err = -EAGAIN;
	} else {
		b->full = true;
		b->x = x;
	}
out:
	pthread_mutex_unlock(&b->lock);
	return err;
}

/* From now on every case on it has this outcome. */
static void box_break(struct box *b, int err)
{
	struct oa_waiter *n;

	pthread_mutex_lock(&b->lock);
	b->err = err;
	while ((n = b->head.next) != &b->head) {
		unlink_waiter(b, n);
		oa_waiter_wake(n, err);
	}
	pthread_mutex_unlock(&b->lock);
}

static unsigned int box_waiters(struct box *b)
{
	unsigned int n;

	pthread_mutex_lock(&b->lock);
	n = b->enlisted;
	pthread_mutex_unlock(&b->lock);
	return n;
}

#define N	3

FIXTURE(waitable) {
	struct box box[N];
	struct oa_event event;
	unsigned int each, sent, got;
	uint64_t sent_sum, got_sum;
};
VARIANTS_WORKERS(waitable);

typedef struct waitable_fixture_data data;

FIXTURE_SETUP(waitable)
{
	/* Drawn from by threads of all kinds: by then it is to be known. */
	harness_seed();
	for (int i = 0; i < N; i++)
		box_init(&self->box[i]);
}

FIXTURE_TEARDOWN(waitable)
{
	for (int i = 0; i < N; i++)
		box_end(&self->box[i]);
}

static void box_cases(data *d, struct oa_case *c, int *x)
{
	for (int i = 0; i < N; i++)
		c[i] = (struct oa_case)OA_CASE_WAITABLE(&d->box[i], x);
}

#define BY_ALL(name) \
	TASK_TEST_F(waitable, name, .workers = variant->workers, \
		    .max_blocking = ACTORS_ON_POOL) \
	{ \
		for (unsigned int i = 0; i < WHO_MIXED; i++) { \
			struct actor a; \
			actor_start(&a, WHO_MIXED, i, name, self); \
			actor_end(&a); \
		} \
	} \
	struct harness_variant

static void *ready_or_not(void *arg)
{
	data *d = arg;
	struct oa_case c[N];
	int x = -1;

	box_cases(d, c, &x);
	EXPECT_ERR(oa_tryselect(c, N), -EAGAIN);
	EXPECT_ERR(oa_select_until(c, N, 1), -ETIMEDOUT);
	EXPECT_ERR(oa_select_until(c, N, oa_after(OA_MSEC)), -ETIMEDOUT);
	for (int i = 0; i < N; i++)
		EXPECT_EQ(0u, box_waiters(&d->box[i]));
	for (int i = 0; i < 2 * N; i++) {
		ASSERT_OK(box_put(&d->box[i % N], i));
		ASSERT_EQ(i % N, i % 2 ? oa_select(c, N) :
					 oa_tryselect(c, N));
		EXPECT_EQ(0, c[i % N].res);
		EXPECT_EQ(i, x);
	}
	/* An outcome is what take says, too. */
	box_break(&d->box[1], -EXDEV);
	ASSERT_EQ(1, oa_tryselect(c, N));
	EXPECT_ERR(c[1].res, -EXDEV);
	ASSERT_EQ(1, oa_select(c, N));
	EXPECT_ERR(c[1].res, -EXDEV);
	d->box[1].err = 0;
	return NULL;
}

BY_ALL(ready_or_not);

struct waits {
	data *d;
	int at, x, res;
};

static void *waits_for_all(void *arg)
{
	struct waits *w = arg;
	struct oa_case c[N + 1];

	box_cases(w->d, c, &w->x);
	c[N] = (struct oa_case)OA_CASE_EVENT(&w->d->event);
	w->at = oa_select(c, N + 1);
	w->res = w->at < 0 ? 0 : c[w->at].res;
	return NULL;
}

static unsigned int waiting_in_all(data *d)
{
	unsigned int least = box_waiters(&d->box[0]);

	for (int i = 1; i < N; i++)
		if (box_waiters(&d->box[i]) < least)
			least = box_waiters(&d->box[i]);
	return least;
}

TASK_TEST_F(waitable, woken, .workers = variant->workers)
{
	for (int i = 0; i < 2 * N * WHO_MIXED; i++) {
		struct waits w = { .d = self };
		struct actor a;
		int k = i % N;

		actor_start(&a, WHO_MIXED, (unsigned int)(i / N),
			    waits_for_all, &w);
		task_wait_until(waiting_in_all(self) == 1);
		if (i < N * WHO_MIXED)
			ASSERT_OK(box_put(&self->box[k], 100 + i));
		else
			box_break(&self->box[k], -EXDEV);
		/* Withdrawn from all, or about to be: it will not take this. */
		actor_end(&a);
		ASSERT_EQ(k, w.at);
		if (i < N * WHO_MIXED) {
			EXPECT_EQ(1, w.res);
			EXPECT_EQ(100 + i, w.x);
		} else {
			EXPECT_ERR(w.res, -EXDEV);
			self->box[k].err = 0;
		}
		for (int b = 0; b < N; b++)
			EXPECT_EQ(0u, box_waiters(&self->box[b]));
	}
}

/* Something else comes first: the waiter is passed over, the next is served. */
TASK_TEST_F(waitable, passed_over, .workers = variant->workers,
	    .max_blocking = ACTORS_ON_POOL)
{
	for (unsigned int i = 0; i < 3 * WHO_MIXED; i++) {
		struct waits w[2] = { { .d = self }, { .d = self } };
		struct actor a[2];
		int x = 0;

		actor_start(&a[0], WHO_MIXED, i, waits_for_all, &w[0]);
		task_wait_until(waiting_in_all(self) == 1);
		actor_start(&a[1], WHO_MIXED, i / 3, waits_for_all, &w[1]);
		task_wait_until(waiting_in_all(self) == 2);
		/* The first has two at once and can take one of them. */
		ASSERT_OK(box_put(&self->box[0], 1));
		ASSERT_OK(box_put(&self->box[1], 2));
		ASSERT_OK(box_put(&self->box[2], 3));
		actor_end(&a[0]);
		actor_end(&a[1]);
		EXPECT_EQ(0, w[0].at);
		EXPECT_EQ(1, w[0].x);
		EXPECT_EQ(1, w[1].at);
		EXPECT_EQ(2, w[1].x);
		EXPECT_OK(box_take(&self->box[2].w, &x));
		EXPECT_EQ(3, x);
	}
}

TASK_TEST_F(waitable, cancelled, .workers = variant->workers)
{
	for (int i = 0; i < 50; i++) {
		struct waits w = { .d = self };
		struct actor a;
		int x = 0;

		actor_start(&a, i % 4 == 3 ? WHO_POOL : WHO_TASK, 0,
			    waits_for_all, &w);
		task_wait_until(waiting_in_all(self) == 1);
		ASSERT_OK(oa_cancel(a.t));
		/* Who is on his way out takes nothing. */
		ASSERT_OK(box_put(&self->box[i % N], i));
		actor_end(&a);
		if (w.at == -ECANCELED) {
			EXPECT_OK(box_take(&self->box[i % N].w, &x));
			EXPECT_EQ(i, x);
		} else {
			EXPECT_EQ(i % N, w.at);
			EXPECT_EQ(i, w.x);
		}
		EXPECT_EQ(0u, waiting_in_all(self));
	}
}

/* The same one twice in a select. */
static void *twice(void *arg)
{
	data *d = arg;
	int a = -1, b = -1, i;
	struct oa_case c[] = {
		OA_CASE_WAITABLE(&d->box[0], &a),
		OA_CASE_WAITABLE(&d->box[0], &b),
	};

	i = oa_select(c, 2);
	ASSERT_TRUE(i == 0 || i == 1);
	EXPECT_EQ(5, i ? b : a);
	EXPECT_EQ(-1, i ? a : b);
	return NULL;
}

TASK_TEST_F(waitable, the_same_twice, .workers = variant->workers)
{
	for (unsigned int i = 0; i < 4 * WHO_MIXED; i++) {
		struct actor a;

		if (i % 2)
			ASSERT_OK(box_put(&self->box[0], 5));
		actor_start(&a, WHO_MIXED, i / 4, twice, self);
		if (!(i % 2)) {
			task_wait_until(box_waiters(&self->box[0]) == 2);
			ASSERT_OK(box_put(&self->box[0], 5));
		}
		actor_end(&a);
		EXPECT_FALSE(self->box[0].full);
	}
}

/* Beside all other kinds. */
static void *among_others(void *arg)
{
	data *d = arg;
	struct oa_sem sem = OA_SEM_INIT(0);
	struct oa_chan *ch;
	int x = 0, y = 0, z = 3, n[5] = { 0 };

	ASSERT_OK(oa_chan_create(&ch, sizeof(int), 1, OA_CHAN_BOUNDED));
	ASSERT_OK(oa_event_set(&d->event));
	for (int i = 0; i < 200; i++) {
		struct oa_case c[] = {
			OA_CASE_WAITABLE(&d->box[0], &x), OA_CASE_SEM(&sem),
			OA_CASE_RECV(ch, &y), OA_CASE_EVENT(&d->event),
			OA_CASE_AT(1),
		};
		int k;

		box_put(&d->box[0], 4);
		if (!oa_sem_value(&sem))
			ASSERT_OK(oa_sem_post(&sem));
		oa_chan_send_until(ch, &z, 1);
		k = oa_select(c, ARRAY_N(c));
		ASSERT_GE(k, 0);
		EXPECT_EQ(0, c[k].res);
		n[k]++;
	}
	for (int i = 0; i < 5; i++)
		EXPECT_GT(n[i], 5);
	EXPECT_EQ(4, x);
	EXPECT_EQ(3, y);
	if (d->box[0].full)
		EXPECT_OK(box_take(&d->box[0].w, &x));
	ASSERT_OK(oa_event_reset(&d->event));
	ASSERT_OK(oa_chan_destroy(ch));
	return NULL;
}

BY_ALL(among_others);

/* In full swing: what is put is taken, once. */

struct part {
	data *d;
	unsigned int me;
};

static void *puts_all(void *arg)
{
	struct part *p = arg;
	data *d = p->d;
	struct random r = random_of(p->me);

	for (unsigned int i = 0; i < d->each; i++) {
		int x = (int)draw(&r, 100000);

		while (box_put(&d->box[draw(&r, N)], x))
			give_way();
		COUNT(d->sent);
		__atomic_add_fetch(&d->sent_sum, (uint64_t)x,
				   __ATOMIC_RELAXED);
	}
	return NULL;
}

static void *takes_all(void *arg)
{
	struct part *p = arg;
	data *d = p->d;
	struct random r = random_of(100 + p->me);
	struct oa_case c[N + 1];
	int x, i;

	box_cases(d, c, &x);
	c[N] = (struct oa_case)OA_CASE_EVENT(&d->event);
	for (;;) {
		i = draw(&r, 2) ? oa_select(c, N + 1) :
			oa_select_until(c, N + 1, oa_after(draw(&r, 9000)));
		if (i == -ETIMEDOUT)
			continue;
		ASSERT_GE(i, 0);
		if (i == N)
			break;
		ASSERT_TRUE(c[i].res == 0 || c[i].res == 1);
		COUNT(d->got);
		__atomic_add_fetch(&d->got_sum, (uint64_t)x, __ATOMIC_RELAXED);
	}
	return NULL;
}

static void in_full_swing(data *d, enum who who)
{
	struct part p[6];
	struct actor a[6];
	int x;

	for (unsigned int i = 0; i < 6; i++) {
		p[i] = (struct part){ d, i };
		actor_start(&a[i], who, i % 4, i < 3 ? puts_all : takes_all,
			    &p[i]);
	}
	for (int i = 0; i < 3; i++)
		actor_end(&a[i]);
	ASSERT_OK(oa_event_set(&d->event));
	for (int i = 3; i < 6; i++)
		actor_end(&a[i]);
	for (int i = 0; i < N; i++) {
		while (!box_take(&d->box[i].w, &x)) {
			d->got++;
			d->got_sum += (uint64_t)x;
		}
	}
	EXPECT_EQ(d->sent, d->got);
	EXPECT_EQ(d->sent_sum, d->got_sum);
}

TASK_TEST_F(waitable, in_full_swing, .workers = variant->workers)
{
	self->each = (unsigned int)SCALED(3000, 300);
	in_full_swing(self, WHO_TASK);
}

TASK_TEST_F(waitable, in_full_swing_of_threads, .workers = variant->workers)
{
	self->each = (unsigned int)SCALED(500, 100);
	in_full_swing(self, WHO_THREAD);
}

TASK_TEST_F(waitable, in_full_swing_mixed, .workers = variant->workers,
	    .max_blocking = ACTORS_ON_POOL)
{
	self->each = (unsigned int)SCALED(500, 100);
	in_full_swing(self, WHO_MIXED);
}

TEST_F(waitable, without_a_runtime)
{
	ready_or_not(self);
	among_others(self);
}

HARNESS_MAIN
