// SPDX-License-Identifier: MIT
/* Of cases that are ready together each gets its share. */
#include "actors.h"

#include <unistd.h>

#define CASES	8

FIXTURE(select_fair) {
	struct oa_chan *ch[CASES];
	struct oa_sem sem;
	struct oa_event event;
	int fds[2];
	unsigned int share[CASES], rounds;
};
VARIANTS_WORKERS(select_fair);

typedef struct select_fair_fixture_data data;

FIXTURE_SETUP(select_fair)
{
	self->rounds = (unsigned int)SCALED(500, 150) * CASES;
	for (int i = 0; i < CASES; i++)
		ASSERT_OK(oa_chan_create(&self->ch[i], sizeof(int), 0,
					 OA_CHAN_UNBOUNDED));
	ASSERT_OK(oa_event_set(&self->event));
	ASSERT_OK(oa_sem_init(&self->sem, 1000000));
	ASSERT_EQ(0, pipe(self->fds));
	ASSERT_EQ(1, write(self->fds[1], "x", 1));
}

FIXTURE_TEARDOWN(select_fair)
{
	for (int i = 0; i < CASES; i++)
		ASSERT_OK(oa_chan_destroy(self->ch[i]));
	close(self->fds[0]);
	close(self->fds[1]);
}

/* Of @rounds drawn for @n with luck, each has at least half its share. */
static void expect_fair(const data *d, unsigned int n)
{
	for (unsigned int i = 0; i < n; i++)
		if (!EXPECT_GE(d->share[i], d->rounds / n / 2))
			TEST_LOG("case %u of %u", i, n);
}

static int select_by(unsigned int verb, struct oa_case *c, size_t n)
{
	switch (verb % 3) {
	case 0: return oa_select(c, n);
	case 1: return oa_tryselect(c, n);
	default: return oa_select_until(c, n, 1);
	}
}

static void draw_lots(data *d, struct oa_case *c, unsigned int n)
{
	for (unsigned int verb = 0; verb < 3; verb++) {
		memset(d->share, 0, sizeof(d->share));
		for (unsigned int i = 0; i < d->rounds; i++) {
			int k = select_by(verb, c, n);

			ASSERT_GE(k, 0);
			ASSERT_LT(k, (int)n);
			ASSERT_GE(c[k].res, 0);
			d->share[k]++;
		}
		expect_fair(d, n);
	}
}

static void *receives(void *arg)
{
	data *d = arg;
	struct oa_case c[CASES];
	int x = 0;

	for (unsigned int n = 2; n <= CASES; n += 3) {
		for (unsigned int i = 0; i < n; i++) {
			c[i] = (struct oa_case)OA_CASE_RECV(d->ch[i], &x);
			for (unsigned int k = 0; k < 3 * d->rounds; k++)
				ASSERT_OK(oa_chan_send(d->ch[i], &x));
		}
		draw_lots(d, c, n);
	}
	return NULL;
}

static void *sends(void *arg)
{
	data *d = arg;
	struct oa_case c[CASES];
	int x = 0;

	for (unsigned int i = 0; i < CASES; i++)
		c[i] = (struct oa_case)OA_CASE_SEND(d->ch[i], &x);
	draw_lots(d, c, CASES);
	return NULL;
}

static void *all_kinds(void *arg)
{
	data *d = arg;
	int x = 0, y = 0;
	struct oa_case c[CASES] = {
		OA_CASE_SEND(d->ch[0], &x), OA_CASE_RECV(d->ch[1], &y),
		OA_CASE_EVENT(&d->event), OA_CASE_SEM(&d->sem),
		OA_CASE_AT(1), OA_CASE_EVENT(&d->event), OA_CASE_AT(1),
		OA_CASE_SEM(&d->sem),
	};

	for (unsigned int k = 0; k < 3 * d->rounds; k++)
		ASSERT_OK(oa_chan_send(d->ch[1], &x));
	draw_lots(d, c, CASES);
	return NULL;
}

#define BY_ALL(name) \
	TASK_TEST_F(select_fair, name, .workers = variant->workers) \
	{ \
		for (unsigned int i = 0; i < WHO_MIXED; i++) { \
			struct actor a; \
			actor_start(&a, WHO_MIXED, i, name, self); \
			actor_end(&a); \
		} \
	} \
	struct harness_variant

BY_ALL(receives);
BY_ALL(sends);
BY_ALL(all_kinds);

/* Cases that are not ready take no share from those that are. */
TASK_TEST_F(select_fair, among_many_that_are_not, .workers = variant->workers)
{
	struct oa_case c[100];
	int x = 0;

	for (int i = 0; i < 100; i++)
		c[i] = (struct oa_case)OA_CASE_RECV(self->ch[0], &x);
	c[13] = (struct oa_case)OA_CASE_EVENT(&self->event);
	c[14] = (struct oa_case)OA_CASE_SEM(&self->sem);
	c[99] = (struct oa_case)OA_CASE_EVENT(&self->event);
	for (unsigned int i = 0; i < self->rounds; i++) {
		int k = oa_select(c, 100);

		ASSERT_TRUE(k == 13 || k == 14 || k == 99);
		self->share[k == 99 ? 2 : k - 13]++;
	}
	expect_fair(self, 3);
}

/* A descriptor that is ready is not for ever passed over by what is near. */
TASK_TEST_F(select_fair, a_descriptor_has_its_turn,
	    .workers = variant->workers)
{
	struct oa_case c[] = {
		OA_CASE_EVENT(&self->event),
		OA_CASE_FD(self->fds[0], POLLIN),
		OA_CASE_SEM(&self->sem),
		OA_CASE_FD(self->fds[1], POLLOUT),
	};

	/* As many as make half a share a matter of one in 10^8, not of luck. */
	self->rounds = 400;
	for (unsigned int i = 0; i < self->rounds; i++) {
		int k = oa_select(c, ARRAY_N(c));

		ASSERT_GE(k, 0);
		if (k % 2)
			ASSERT_TRUE(c[k].res & (POLLIN | POLLOUT));
		self->share[k]++;
	}
	expect_fair(self, ARRAY_N(c));
}

/* Many who select what comes to all alike: each gets some. */

struct chooser {
	data *d;
	unsigned int got;
};

static void *chooses(void *arg)
{
	struct chooser *ch = arg;
	data *d = ch->d;
	int x, i;
	struct oa_case c[] = {
		OA_CASE_RECV(d->ch[0], &x), OA_CASE_RECV(d->ch[1], &x),
	};

	for (;;) {
		i = oa_select(c, 2);
		ASSERT_GE(i, 0);
		if (c[i].res)
			break;
		ch->got++;
		give_way();
	}
	ASSERT_ERR(c[i].res, -EPIPE);
	return NULL;
}

static void each_gets_some(data *d, enum who who)
{
	enum { N = 6 };
	struct chooser ch[N];
	struct actor a[N];
	unsigned int n = (unsigned int)SCALED(3000, 300), got = 0;

	for (unsigned int i = 0; i < N; i++) {
		ch[i] = (struct chooser){ .d = d };
		actor_start(&a[i], who, i, chooses, &ch[i]);
	}
	task_wait_until(CHAN(d->ch[0], receivers) == N &&
			CHAN(d->ch[1], receivers) == N);
	for (unsigned int i = 0; i < n; i++) {
		ASSERT_OK(oa_chan_send(d->ch[i % 2], &i));
		if (!(i % N))
			ASSERT_OK(oa_yield());
	}
	/* The last may take long, or be one who is asleep. */
	task_wait_until(!oa_chan_len(d->ch[0]) && !oa_chan_len(d->ch[1]));
	ASSERT_OK(oa_chan_close(d->ch[0]));
	ASSERT_OK(oa_chan_close(d->ch[1]));
	for (int i = 0; i < N; i++) {
		actor_end(&a[i]);
		got += ch[i].got;
		/* They waited in line. */
		EXPECT_GT(ch[i].got, 0u);
	}
	EXPECT_EQ(n, got);
}

TASK_TEST_F(select_fair, each_of_many_gets_some, .workers = variant->workers)
{
	each_gets_some(self, WHO_TASK);
}

TASK_TEST_F(select_fair, each_of_many_threads, .workers = variant->workers)
{
	each_gets_some(self, WHO_THREAD);
}

TASK_TEST_F(select_fair, each_of_many_of_any_kind,
	    .workers = variant->workers, .max_blocking = ACTORS_ON_POOL)
{
	each_gets_some(self, WHO_MIXED);
}

HARNESS_MAIN
