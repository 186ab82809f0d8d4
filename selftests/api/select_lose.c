// SPDX-License-Identifier: MIT
/*
 * What a select did not choose is as it was: elements, permits, events, also
 * when they come from all sides at the same moment, and when the select itself
 * is given up.
 */
#include "actors.h"

#define N	4

FIXTURE(select_lose) {
	struct oa_chan *ch[N];
	struct oa_sem sem[N];
	struct oa_event tick[N];
	unsigned int each, got[N], sent[N], cut;
	uint64_t got_sum, sent_sum;
};
VARIANTS_WORKERS(select_lose);

typedef struct select_lose_fixture_data data;

FIXTURE_SETUP(select_lose)
{
	/* Drawn from by threads of all kinds: by then it is to be known. */
	harness_seed();
	for (int i = 0; i < N; i++) {
		self->tick[i] = (struct oa_event)OA_EVENT_AUTO_INIT;
		/* Rendezvous, bounded, unbounded. */
		ASSERT_OK(oa_chan_create(&self->ch[i], sizeof(int),
					 (size_t)i % 3, i == 3 ?
					 OA_CHAN_UNBOUNDED : OA_CHAN_BOUNDED));
	}
}

FIXTURE_TEARDOWN(select_lose)
{
	for (int i = 0; i < N; i++)
		ASSERT_OK(oa_chan_destroy(self->ch[i]));
}

static void add(uint64_t *sum, int x)
{
	__atomic_add_fetch(sum, (uint64_t)x, __ATOMIC_RELAXED);
}

/* All ready; one goes, the others stay. */

static void *all_ready(void *arg)
{
	data *d = arg;
	int x = 7, y = 0, i;
	bool received, sent, permit, set;

	for (int round = 0; round < 50; round++) {
		struct oa_case c[] = {
			OA_CASE_RECV(d->ch[1], &y), OA_CASE_SEND(d->ch[2], &x),
			OA_CASE_SEM(&d->sem[0]), OA_CASE_EVENT(&d->tick[0]),
			OA_CASE_AT(1),
		};

		ASSERT_OK(oa_chan_trysend(d->ch[1], &x));
		ASSERT_OK(oa_sem_post(&d->sem[0]));
		ASSERT_OK(oa_event_set(&d->tick[0]));
		i = round % 2 ? oa_select(c, ARRAY_N(c)) :
				oa_tryselect(c, ARRAY_N(c));
		ASSERT_GE(i, 0);
		EXPECT_EQ(0, c[i].res);
		received = oa_chan_tryrecv(d->ch[1], &y) == -EAGAIN;
		sent = !oa_chan_tryrecv(d->ch[2], &y);
		permit = oa_sem_trywait(&d->sem[0]) == -EAGAIN;
		set = oa_event_trywait(&d->tick[0]) == -EAGAIN;
		EXPECT_EQ(i == 0, received);
		EXPECT_EQ(i == 1, sent);
		EXPECT_EQ(i == 2, permit);
		EXPECT_EQ(i == 3, set);
	}
	return NULL;
}

TASK_TEST_F(select_lose, all_ready, .workers = variant->workers)
{
	for (unsigned int i = 0; i < WHO_MIXED; i++) {
		struct actor a;

		actor_start(&a, WHO_MIXED, i, all_ready, self);
		actor_end(&a);
	}
}

/* One becomes ready while it waits for all: the others stay. */

struct waits {
	data *d;
	int at, x;
};

static void *waits_for_all(void *arg)
{
	struct waits *w = arg;
	data *d = w->d;
	struct oa_case c[] = {
		OA_CASE_RECV(d->ch[0], &w->x), OA_CASE_RECV(d->ch[1], &w->x),
		OA_CASE_EVENT(&d->tick[0]), OA_CASE_EVENT(&d->tick[1]),
		OA_CASE_SEM(&d->sem[0]), OA_CASE_SEM(&d->sem[1]),
	};

	w->at = oa_select(c, ARRAY_N(c));
	ASSERT_GE(w->at, 0);
	EXPECT_EQ(0, c[w->at].res);
	return NULL;
}

/* All that is given at once is there but for the one that it took. */
static void give_all(data *d, enum who who, unsigned int i)
{
	struct waits w = { .d = d, .at = -1 };
	bool took[6];
	struct actor a;
	int x = 3, sent;

	actor_start(&a, who, i, waits_for_all, &w);
	task_wait_until(SYNC(sem, &d->sem[1], waiters) == 1);
	for (unsigned int k = i; k < i + 3; k++) {
		switch (k % 3) {
		case 0:
			ASSERT_OK(oa_chan_trysend(d->ch[1], &x));
			break;
		case 1:
			ASSERT_OK(oa_event_set(&d->tick[0]));
			ASSERT_OK(oa_event_set(&d->tick[1]));
			break;
		case 2:
			ASSERT_OK(oa_sem_post(&d->sem[0]));
			ASSERT_OK(oa_sem_post(&d->sem[1]));
			break;
		}
	}
	/* It was the first of these, and is there no more. */
	sent = oa_chan_trysend(d->ch[0], &x);
	actor_end(&a);
	EXPECT_ERR(sent, -EAGAIN);
	took[0] = false;
	took[1] = oa_chan_tryrecv(d->ch[1], &x) == -EAGAIN;
	for (int k = 0; k < 2; k++) {
		took[2 + k] = oa_event_trywait(&d->tick[k]) == -EAGAIN;
		took[4 + k] = oa_sem_trywait(&d->sem[k]) == -EAGAIN;
	}
	for (int k = 0; k < 6; k++)
		EXPECT_EQ(w.at == k, took[k]);
}

TASK_TEST_F(select_lose, one_of_many_that_come, .workers = variant->workers)
{
	static const enum who kinds[] = {
		WHO_TASK, WHO_MIXED, WHO_TASK, WHO_THREAD,
	};

	for (unsigned int i = 0; i < (unsigned int)SCALED(72, 24); i++)
		give_all(self, kinds[i / 6 % ARRAY_N(kinds)], i);
}

/* In full swing: givers on each, choosers over all. */

struct part {
	data *d;
	unsigned int me;
};

static void *sends_on_one(void *arg)
{
	struct part *p = arg;
	data *d = p->d;

	for (unsigned int i = 0; i < d->each; i++) {
		int x = (int)i + 1;

		ASSERT_OK(oa_chan_send(d->ch[p->me], &x));
		add(&d->sent_sum, x);
		if (p->me == 3 && !(i % 4))
			give_way();
	}
	return NULL;
}

static void *receives_on_all(void *arg)
{
	struct part *p = arg;
	data *d = p->d;
	struct random r = random_of(p->me);
	int x, i, last[N] = { 0 };
	struct oa_case c[N + 1];
	unsigned int open = N;

	for (i = 0; i < N; i++)
		c[i] = (struct oa_case)OA_CASE_RECV(d->ch[i], &x);
	c[N] = (struct oa_case)OA_CASE_NONE;
	while (open) {
		if (draw(&r, 2))
			c[N] = (struct oa_case)
				OA_CASE_AT(oa_after(draw(&r, 5000)));
		i = draw(&r, 3) ? oa_select(c, N + 1) :
			oa_select_until(c, N + 1, oa_after(draw(&r, 9000)));
		if (i == -ETIMEDOUT || i == N) {
			/* It may have been over before it was waited for. */
			give_way();
			continue;
		}
		ASSERT_GE(i, 0);
		if (c[i].res) {
			ASSERT_ERR(c[i].res, -EPIPE);
			c[i].kind = OA_CASE_KIND_NONE;
			open--;
			continue;
		}
		ASSERT_GT(x, last[i]);
		last[i] = x;
		COUNT(d->got[i]);
		add(&d->got_sum, x);
	}
	return NULL;
}

static void choose_receives(data *d, enum who who)
{
	struct part p[N + 3];
	struct actor a[N + 3];

	for (unsigned int i = 0; i < N + 3; i++) {
		p[i] = (struct part){ d, i };
		actor_start(&a[i], who, i, i < N ? sends_on_one :
			    receives_on_all, &p[i]);
	}
	for (int i = 0; i < N; i++) {
		actor_end(&a[i]);
		ASSERT_OK(oa_chan_close(d->ch[i]));
	}
	for (int i = N; i < N + 3; i++)
		actor_end(&a[i]);
	for (int i = 0; i < N; i++)
		EXPECT_EQ(d->each, d->got[i]);
	EXPECT_EQ(d->sent_sum, d->got_sum);
}

#define BY_ALL(name, n_tasks, n_mixed) \
	TASK_TEST_F(select_lose, name, .workers = variant->workers) \
	{ \
		self->each = (unsigned int)SCALED(n_tasks, (n_tasks) / 8); \
		name(self, WHO_TASK); \
	} \
	TASK_TEST_F(select_lose, name##_threads, .workers = variant->workers) \
	{ \
		self->each = (unsigned int)SCALED(n_mixed, (n_mixed) / 4); \
		name(self, WHO_THREAD); \
	} \
	TASK_TEST_F(select_lose, name##_mixed, .workers = variant->workers, \
		    .max_blocking = ACTORS_ON_POOL) \
	{ \
		self->each = (unsigned int)SCALED(n_mixed, (n_mixed) / 4); \
		name(self, WHO_MIXED); \
	} \
	struct harness_variant

BY_ALL(choose_receives, 1000, 200);

static void *sends_on_all(void *arg)
{
	struct part *p = arg;
	data *d = p->d;
	struct random r = random_of(p->me);
	struct oa_case c[N];
	int x, i;

	for (i = 0; i < N; i++)
		c[i] = (struct oa_case)OA_CASE_SEND(d->ch[i], &x);
	for (unsigned int k = 0; k < d->each; k++) {
		x = (int)draw(&r, 100000) + 1;
		do
			i = draw(&r, 2) ? oa_select(c, N) :
				oa_select_until(c, N,
						oa_after(draw(&r, 9000)));
		while (i == -ETIMEDOUT);
		ASSERT_GE(i, 0);
		ASSERT_EQ(0, c[i].res);
		add(&d->sent_sum, x);
		COUNT(d->sent[i]);
		give_way();
	}
	return NULL;
}

static void *receives_on_one(void *arg)
{
	struct part *p = arg;
	data *d = p->d;
	int x;

	while (!oa_chan_recv(d->ch[p->me], &x)) {
		add(&d->got_sum, x);
		COUNT(d->got[p->me]);
	}
	return NULL;
}

static void choose_sends(data *d, enum who who)
{
	struct part p[N + 3];
	struct actor a[N + 3];

	for (unsigned int i = 0; i < N + 3; i++) {
		p[i] = (struct part){ d, i };
		actor_start(&a[i], who, i, i < N ? receives_on_one :
			    sends_on_all, &p[i]);
	}
	for (int i = N; i < N + 3; i++)
		actor_end(&a[i]);
	for (int i = 0; i < N; i++) {
		ASSERT_OK(oa_chan_close(d->ch[i]));
		actor_end(&a[i]);
		EXPECT_EQ(d->sent[i], d->got[i]);
	}
	EXPECT_EQ(d->sent_sum, d->got_sum);
}

BY_ALL(choose_sends, 1000, 200);

/* Permits and events, which nobody may take twice or lose. */

static void *posts(void *arg)
{
	struct part *p = arg;
	data *d = p->d;

	for (unsigned int i = 0; i < d->each; i++) {
		ASSERT_OK(oa_sem_post(&d->sem[p->me]));
		if (!(i % 8))
			give_way();
	}
	return NULL;
}

static void *takes_permits(void *arg)
{
	struct part *p = arg;
	data *d = p->d;
	struct random r = random_of(p->me);
	struct oa_event *over = &d->tick[N - 1];
	struct oa_case c[N + 1];
	int i;

	for (i = 0; i < N; i++)
		c[i] = (struct oa_case)OA_CASE_SEM(&d->sem[i]);
	c[N] = (struct oa_case)OA_CASE_EVENT(over);
	for (;;) {
		i = draw(&r, 2) ? oa_select(c, N + 1) :
			oa_select_until(c, N + 1, oa_after(draw(&r, 9000)));
		if (i == -ETIMEDOUT)
			continue;
		ASSERT_GE(i, 0);
		ASSERT_EQ(0, c[i].res);
		if (i == N)
			break;
		COUNT(d->got[i]);
	}
	return NULL;
}

static void permits(data *d, enum who who)
{
	struct part p[N + 3];
	struct actor a[N + 3];

	d->tick[N - 1] = (struct oa_event)OA_EVENT_INIT;
	for (unsigned int i = 0; i < N + 3; i++) {
		p[i] = (struct part){ d, i };
		actor_start(&a[i], who, i, i < N ? posts : takes_permits,
			    &p[i]);
	}
	for (int i = 0; i < N; i++)
		actor_end(&a[i]);
	ASSERT_OK(oa_event_set(&d->tick[N - 1]));
	for (int i = N; i < N + 3; i++)
		actor_end(&a[i]);
	for (int i = 0; i < N; i++)
		EXPECT_EQ(d->each, d->got[i] + oa_sem_value(&d->sem[i]));
}

BY_ALL(permits, 2000, 400);

/* Events as locks: who has reset one has it alone, and sets it again. */

static void *borrows_events(void *arg)
{
	struct part *p = arg;
	data *d = p->d;
	struct oa_case c[N];
	int i;

	for (i = 0; i < N; i++)
		c[i] = (struct oa_case)OA_CASE_EVENT(&d->tick[i]);
	for (unsigned int k = 0; k < d->each; k++) {
		i = oa_select(c, 1 + p->me % N);
		ASSERT_GE(i, 0);
		ASSERT_EQ(0, c[i].res);
		ASSERT_EQ(1u, COUNT(d->sent[i]));
		if (k % 3)
			give_way();
		ASSERT_EQ(0u, __atomic_sub_fetch(&d->sent[i], 1,
						 __ATOMIC_ACQ_REL));
		ASSERT_OK(oa_event_set(&d->tick[i]));
	}
	return NULL;
}

static void borrow_events(data *d, enum who who)
{
	struct part p[2 * N];
	struct actor a[2 * N];

	for (int i = 0; i < N; i++)
		ASSERT_OK(oa_event_set(&d->tick[i]));
	for (unsigned int i = 0; i < 2 * N; i++) {
		p[i] = (struct part){ d, i };
		actor_start(&a[i], who, i, borrows_events, &p[i]);
	}
	for (int i = 0; i < 2 * N; i++)
		actor_end(&a[i]);
	for (int i = 0; i < N; i++)
		EXPECT_OK(oa_event_trywait(&d->tick[i]));
}

BY_ALL(borrow_events, 1000, 150);

/* Selects that are cancelled while things come in. */

static void *takes_or_is_cut(void *arg)
{
	data *d = arg;
	int x = 0, i;
	struct oa_case c[] = {
		OA_CASE_RECV(d->ch[0], &x), OA_CASE_RECV(d->ch[1], &x),
		OA_CASE_RECV(d->ch[3], &x), OA_CASE_SEM(&d->sem[0]),
		OA_CASE_EVENT(&d->tick[0]),
	};

	i = oa_select(c, ARRAY_N(c));
	if (i < 0) {
		ASSERT_ERR(i, -ECANCELED);
		COUNT(d->cut);
		return NULL;
	}
	ASSERT_EQ(0, c[i].res);
	if (i < 3) {
		add(&d->got_sum, x);
		COUNT(d->got[0]);
	} else {
		COUNT(d->got[i - 2]);
	}
	return NULL;
}

static void *brings(void *arg)
{
	data *d = arg;

	for (int x = 1; x <= 8; x++) {
		int err = 0;

		switch (x % 4) {
		case 0:
			ASSERT_OK(oa_sem_post(&d->sem[0]));
			COUNT(d->sent[1]);
			break;
		case 1:
			err = oa_chan_trysend(d->ch[0], &x);
			break;
		case 2:
			err = oa_chan_trysend(d->ch[1], &x);
			break;
		case 3:
			err = oa_chan_trysend(d->ch[3], &x);
			break;
		}
		ASSERT_TRUE(!err || err == -EAGAIN);
		if (x % 4 && !err) {
			add(&d->sent_sum, x);
			COUNT(d->sent[0]);
		}
		give_way();
	}
	return NULL;
}

static void *cancels_all(void *arg)
{
	oa_task_t *t = arg;

	for (; t->id; t++) {
		oa_cancel(*t);
		give_way();
	}
	return NULL;
}

static void balance(data *d)
{
	int x;

	for (int i = 0; i < N; i++) {
		while (!oa_chan_tryrecv(d->ch[i], &x)) {
			add(&d->got_sum, x);
			d->got[0]++;
		}
		EXPECT_EQ(0u, CHAN(d->ch[i], receivers));
	}
	while (!oa_sem_trywait(&d->sem[0]))
		d->got[1]++;
	EXPECT_EQ(d->sent_sum, d->got_sum);
	EXPECT_EQ(d->sent[0], d->got[0]);
	EXPECT_EQ(d->sent[1], d->got[1]);
}

TASK_TEST_F(select_lose, cancelled_selects, .workers = variant->workers,
	    .max_blocking = ACTORS_ON_POOL)
{
	enum { M = 10 };

	for (unsigned int k = 0; k < (unsigned int)SCALED(100, 20); k++) {
		oa_task_t t[M + 1];
		struct actor a[2];

		for (int i = 0; i < M; i++)
			t[i] = oa_spawn(takes_or_is_cut, self,
					.block = k % 4 == 3);
		t[M] = (oa_task_t){ 0 };
		if (k % 2)
			task_wait_until(task_state(NULL, t[M - 1]) !=
					OA_TASK_QUEUED);
		actor_start(&a[0], WHO_MIXED, k, brings, self);
		actor_start(&a[1], WHO_MIXED, k / 3, cancels_all, t);
		actor_end(&a[0]);
		actor_end(&a[1]);
		for (int i = 0; i < M; i++)
			ASSERT_OK(oa_join(t[i], NULL));
	}
	balance(self);
	TEST_LOG("%u were cancelled", self->cut);
}

HARNESS_MAIN
