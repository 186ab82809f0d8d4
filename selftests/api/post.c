// SPDX-License-Identifier: MIT
/* Posts from threads that the runtime does not own. */
#include "api_test.h"

#include <unistd.h>

#define THREADS	8

FIXTURE(post) { struct oa_runtime *rt; int done; unsigned int n, kept; };
VARIANTS_WORKERS(post);

static void *keeper(void *arg)
{
	struct post_fixture_data *s = arg;

	COUNT(s->kept);
	while (!SEEN(s->done))
		if (oa_sleep(200 * OA_USEC))
			break;
	return NULL;
}

FIXTURE_SETUP(post)
{
	ASSERT_OK(oa_start(&self->rt, keeper, self,
			   .workers = variant->workers, .max_posts = 64));
	dump_runtime = self->rt;
}

FIXTURE_TEARDOWN(post)
{
	TELL(self->done, 1);
	ASSERT_OK(oa_runtime_wait(self->rt, NULL));
	ASSERT_OK(oa_runtime_free(self->rt));
}

struct msg {
	unsigned int *n;
	unsigned int thread, seq;
	unsigned char fill[40];
};

static void *take(void *arg)
{
	struct msg *m = arg;

	EXPECT_EQ(0ul, (uintptr_t)m % 16);
	for (size_t i = 0; i < sizeof(m->fill); i++)
		ASSERT_EQ((unsigned char)(m->seq + i), m->fill[i]);
	COUNT(*m->n);
	return NULL;
}

static void fill(struct msg *m, unsigned int seq)
{
	m->seq = seq;
	for (size_t i = 0; i < sizeof(m->fill); i++)
		m->fill[i] = (unsigned char)(seq + i);
}

struct poster {
	struct oa_runtime *rt;
	unsigned int *n, posts, refused;
	bool one_by_one;
};

static void post_one(struct poster *p, struct msg *m)
{
	int err;

	while ((err = oa_post(p->rt, take, m, sizeof(*m))) == -EAGAIN) {
		p->refused++;
		sched_yield();
	}
	ASSERT_OK(err);
	memset(m->fill, 0, sizeof(m->fill));
}

static void *posts(void *arg)
{
	struct poster *p = arg;
	struct msg m = { .n = p->n };

	for (unsigned int i = 0; i < p->posts; i++) {
		fill(&m, i);
		post_one(p, &m);
		/* Until it is served: by then the workers sleep again. */
		if (p->one_by_one)
			while (SEEN(*p->n) <= i)
				usleep(20);
	}
	return NULL;
}

static void from_threads(struct oa_runtime *rt, unsigned int *n,
			 unsigned int each)
{
	struct poster p[THREADS];
	pthread_t th[THREADS];

	for (int i = 0; i < THREADS; i++) {
		p[i] = (struct poster){ .rt = rt, .n = n, .posts = each };
		thread_start(&th[i], posts, &p[i]);
	}
	for (int i = 0; i < THREADS; i++)
		thread_end(th[i]);
	wait_until(SEEN(*n) == THREADS * each);
}

TEST_F(post, from_eight_threads)
{
	from_threads(self->rt, &self->n, (unsigned int)SCALED(2000, 200));
}

/* Each post meets workers that are just going to sleep, or do. */
TEST_F(post, to_parked_workers)
{
	struct poster p = {
		.rt = self->rt, .n = &self->n, .posts = 300,
		.one_by_one = true,
	};

	posts(&p);
	EXPECT_EQ(300u, SEEN(self->n));
}

static void *posts_and_waits(void *arg)
{
	struct poster *p = arg;
	unsigned int mine = 0;
	struct poster one = { .rt = p->rt, .n = &mine, .posts = 100,
			      .one_by_one = true };

	posts(&one);
	EXPECT_EQ(100u, SEEN(mine));
	return NULL;
}

TEST_F(post, in_turns_from_eight_threads)
{
	struct poster p = { .rt = self->rt };
	pthread_t th[THREADS];

	for (int i = 0; i < THREADS; i++)
		thread_start(&th[i], posts_and_waits, &p);
	for (int i = 0; i < THREADS; i++)
		thread_end(th[i]);
}

static void *in_order(void *arg)
{
	struct msg *m = arg;

	EXPECT_EQ(m->seq + 1, COUNT(*m->n));
	return NULL;
}

TEST(posts_of_one_thread_start_in_order)
{
	struct oa_runtime *rt;
	struct post_fixture_data s = { .done = 0 };
	struct msg m = { .n = &s.n };

	ASSERT_OK(oa_start(&rt, keeper, &s, .workers = 1));
	for (m.seq = 0; m.seq < 5000; m.seq++)
		ASSERT_OK(oa_post(rt, in_order, &m, sizeof(m)));
	wait_until(SEEN(s.n) == 5000);
	TELL(s.done, 1);
	ASSERT_OK(oa_runtime_wait(rt, NULL));
	ASSERT_OK(oa_runtime_free(rt));
}

static unsigned int served;

static void *counts_served(void *arg)
{
	EXPECT_NULL(arg);
	EXPECT_NE(0ul, oa_self().id);
	EXPECT_OK(oa_sleep(1));
	COUNT(served);
	return NULL;
}

TEST_F(post, without_data)
{
	served = 0;
	EXPECT_OK(oa_post(self->rt, counts_served, NULL, 0));
	EXPECT_OK(oa_post(self->rt, counts_served, "x", 0));
	wait_until(SEEN(served) == 2);
}

TEST_F(post, bad_arguments)
{
	EXPECT_ERR(oa_post(self->rt, NULL, NULL, 0), -EINVAL);
	EXPECT_ERR(oa_post(self->rt, take, NULL, 1), -EINVAL);
	EXPECT_ERR(oa_post(NULL, take, NULL, 0), -EPERM);
	EXPECT_ERR(oa_post(self->rt, take, "x", ((size_t)1 << 30) + 1),
		   -E2BIG);
}

/* Big ones do not fit into the descriptor. */
struct big { unsigned int *n; unsigned char b[10000]; };

static void *take_big(void *arg)
{
	struct big *m = arg;

	for (size_t i = 0; i < sizeof(m->b); i++)
		ASSERT_EQ((unsigned char)i, m->b[i]);
	COUNT(*m->n);
	return NULL;
}

TEST_F(post, big_data)
{
	struct big m = { .n = &self->n };

	for (unsigned int k = 0; k < 50; k++) {
		for (size_t i = 0; i < sizeof(m.b); i++)
			m.b[i] = (unsigned char)i;
		while (oa_post(self->rt, take_big, &m, sizeof(m)))
			sched_yield();
		memset(m.b, 0xee, sizeof(m.b));
	}
	wait_until(SEEN(self->n) == 50);
}

/* Past the limit. */

static int gate;

static void *waits_at_the_gate(void *arg)
{
	while (!SEEN(gate))
		oa_sleep(100 * OA_USEC);
	COUNT(**(unsigned int **)arg);
	return NULL;
}

TEST_F(post, max_posts)
{
	unsigned int *n = &self->n, ok = 0;
	int err = 0;

	while (ok < 1000) {
		err = oa_post(self->rt, waits_at_the_gate, &n, sizeof(n));
		if (err)
			break;
		ok++;
	}
	EXPECT_ERR(err, -EAGAIN);
	EXPECT_EQ(64u, ok);
	TELL(gate, 1);
	wait_until(SEEN(self->n) == ok);
	/* The places come back. */
	wait_until(!oa_post(self->rt, waits_at_the_gate, &n, sizeof(n)));
	wait_until(SEEN(self->n) == ok + 1);
	TELL(gate, 0);
}

/* Within a task. */

static void *posts_inside(void *arg)
{
	struct msg m = { .n = arg };

	fill(&m, 7);
	EXPECT_OK(oa_post(NULL, take, &m, sizeof(m)));
	EXPECT_OK(oa_post(oa_runtime_self(), take, &m, sizeof(m)));
	return NULL;
}

TEST_F(post, from_a_task)
{
	ASSERT_OK(oa_go(posts_inside, &self->n, .runtime = self->rt));
	wait_until(SEEN(self->n) == 2);
}

/* While the runtime ends. */

struct until_shut {
	struct oa_runtime *rt;
	unsigned int *ran, accepted;
	int up;
};

static void *take_any(void *arg)
{
	struct msg *m = arg;

	COUNT(*m->n);
	return NULL;
}

static void *posts_any_until_refused(void *arg)
{
	struct until_shut *u = arg;
	struct msg m = { .n = u->ran };
	int err;

	while ((err = oa_post(u->rt, take_any, &m, sizeof(m))) != -ESHUTDOWN) {
		ASSERT_TRUE(!err || err == -EAGAIN);
		u->accepted += !err;
		TELL(u->up, 1);
		if (err)
			sched_yield();
	}
	return NULL;
}

static void while_it_ends(unsigned int workers, enum oa_shutdown_how how)
{
	struct until_shut u[THREADS];
	struct post_fixture_data s = { .done = 0 };
	pthread_t th[THREADS];
	struct oa_ended e;
	unsigned int accepted = 0, ran = 0;
	struct oa_runtime *rt;

	ASSERT_OK(oa_start(&rt, keeper, &s, .workers = workers));
	for (int i = 0; i < THREADS; i++) {
		u[i] = (struct until_shut){ .rt = rt, .ran = &ran };
		thread_start(&th[i], posts_any_until_refused, &u[i]);
	}
	for (int i = 0; i < THREADS; i++)
		wait_until(SEEN(u[i].up));
	TELL(s.done, 1);
	ASSERT_OK(oa_shutdown(rt, how));
	for (int i = 0; i < THREADS; i++) {
		thread_end(th[i]);
		accepted += u[i].accepted;
	}
	ASSERT_OK(oa_runtime_wait(rt, &e));
	ASSERT_OK(oa_runtime_free(rt));
	EXPECT_EQ(accepted + 1u, e.ran + e.dropped);
	/* A graceful one drops the keeper, too, if it has not begun. */
	EXPECT_EQ(ran + s.kept, e.ran);
	if (how == OA_SHUTDOWN_DRAIN) {
		EXPECT_EQ(accepted, ran);
		EXPECT_EQ(1u, s.kept);
	}
}

TEST_F(post, while_it_drains)
{
	for (int i = 0; i < 5; i++)
		while_it_ends(variant->workers, OA_SHUTDOWN_DRAIN);
}

TEST_F(post, while_it_stops)
{
	for (int i = 0; i < 5; i++)
		while_it_ends(variant->workers, OA_SHUTDOWN_GRACEFUL);
}

/* Nothing keeps it alive but the posts themselves: over means refused. */
static void *ends_at_once(void *arg)
{
	return arg;
}

TEST_F(post, as_it_ends_by_itself)
{
	for (int i = 0; i < 20; i++) {
		struct until_shut u = { .ran = &self->n };
		unsigned int before = SEEN(self->n);
		struct oa_ended e;

		ASSERT_OK(oa_start(&u.rt, ends_at_once, NULL,
				   .workers = variant->workers));
		for (int k = 0; k < 1000; k++) {
			struct msg m = { .n = u.ran };
			int err = oa_post(u.rt, take_any, &m, sizeof(m));

			if (err) {
				ASSERT_ERR(err, -ESHUTDOWN);
				break;
			}
			u.accepted++;
		}
		ASSERT_OK(oa_runtime_wait(u.rt, &e));
		ASSERT_EQ(u.accepted + 1u, e.ran);
		ASSERT_EQ(u.accepted, SEEN(self->n) - before);
		ASSERT_OK(oa_runtime_free(u.rt));
	}
}

HARNESS_MAIN
