// SPDX-License-Identifier: MIT
/* Posts with options: their order, their bound, what becomes of the dropped. */
#include "api_test.h"

#define POSTS	200

FIXTURE(order) {
	struct oa_runtime *rt;
	int done, hold, held;
	unsigned int n, dropped, late;
	int ran[POSTS];
};
FIXTURE_VARIANT(order) { int none; };
FIXTURE_VARIANT_ADD(order, futex) { 0 };
FIXTURE_VARIANT_ADD(order, ring, "OA_PARK=ring") { 0 };

typedef struct order_fixture_data data;

static void *keeper(void *arg)
{
	data *s = arg;

	while (!SEEN(s->done))
		if (oa_sleep(200 * OA_USEC))
			break;
	return NULL;
}

static void *holds_the_worker(void *arg)
{
	data *s = arg;

	TELL(s->held, 1);
	while (SEEN(s->hold))
		;
	TELL(s->held, 0);
	return NULL;
}

static void hold(data *s)
{
	TELL(s->hold, 1);
	ASSERT_OK(oa_go(holds_the_worker, s, .runtime = s->rt));
	wait_until(SEEN(s->held));
}

static void let_go(data *s, unsigned int n)
{
	TELL(s->hold, 0);
	wait_until(SEEN(s->n) == n && !SEEN(s->held));
}

FIXTURE_SETUP(order)
{
	ASSERT_OK(oa_start(&self->rt, keeper, self, .workers = 1,
			   .max_posts = POSTS));
	dump_runtime = self->rt;
	hold(self);
}

FIXTURE_TEARDOWN(order)
{
	TELL(self->done, 1);
	TELL(self->hold, 0);
	ASSERT_OK(oa_runtime_wait(self->rt, NULL));
	ASSERT_OK(oa_runtime_free(self->rt));
}

struct msg {
	data *s;
	int what;
};

static void *notes(void *arg)
{
	struct msg *m = arg;

	m->s->ran[m->s->n] = m->what;
	COUNT(m->s->n);
	return NULL;
}

static void count_drop(void *arg)
{
	struct msg *m = arg;

	COUNT(m->s->dropped);
	EXPECT_EQ(42, m->what);
}

static int post(data *s, int what, int prio, bool front)
{
	struct msg m = { s, what };

	return oa_post_with((s)->rt, notes, &m, sizeof(m), .prio = prio,
			    .front = front);
}

TEST_F(order, smaller_priorities_first)
{
	for (int p = -1; p >= OA_PRIO_MIN; p--)
		ASSERT_OK(post(self, p, p, false));
	let_go(self, 20);
	for (int i = 0; i < 20; i++)
		EXPECT_EQ(OA_PRIO_MIN + i, self->ran[i]);
}

TEST_F(order, among_equals_as_they_came)
{
	for (int i = 0; i < POSTS; i++)
		ASSERT_OK(post(self, i, i % 2 ? 3 : -3, false));
	let_go(self, POSTS);
	for (int i = 0; i < POSTS; i++)
		EXPECT_EQ(i < POSTS / 2 ? 2 * i : 2 * (i - POSTS / 2) + 1,
			  self->ran[i]);
}

TEST_F(order, a_plain_post_is_one_of_priority_0)
{
	struct msg m = { self, 2 };

	ASSERT_OK(post(self, 4, 1, false));
	ASSERT_OK(oa_post(self->rt, notes, &m, sizeof(m)));
	ASSERT_OK(post(self, 3, 0, false));
	ASSERT_OK(post(self, 1, -1, false));
	let_go(self, 4);
	for (int i = 0; i < 4; i++)
		EXPECT_EQ(i + 1, self->ran[i]);
}

TEST_F(order, to_the_front_of_its_equals)
{
	static const int order[] = { 1, 6, 5, 2, 3, 7, 4 };

	ASSERT_OK(post(self, 2, 0, false));
	ASSERT_OK(post(self, 3, 0, false));
	ASSERT_OK(post(self, 4, 7, false));
	ASSERT_OK(post(self, 5, 0, true));
	ASSERT_OK(post(self, 6, 0, true));
	ASSERT_OK(post(self, 7, 7, true));
	ASSERT_OK(post(self, 1, -7, true));
	let_go(self, 7);
	for (int i = 0; i < 7; i++)
		EXPECT_EQ(order[i], self->ran[i]);
}

/* The urgent pass the rest, but not for ever. */

static void *urgent_again(void *arg)
{
	struct msg m = *(struct msg *)arg;

	if (SEEN(m.s->n))
		return NULL;
	m.s->late++;
	return oa_err(oa_post_with(NULL, urgent_again, &m, sizeof(m),
				   .prio = OA_PRIO_MIN));
}

TEST_F(order, none_waits_for_ever)
{
	struct msg m = { self, 0 };

	ASSERT_OK(post(self, 1, OA_PRIO_MAX, false));
	/* More than a worker takes at once. */
	for (int i = 0; i < 40; i++)
		ASSERT_OK(oa_post_with(self->rt, urgent_again, &m, sizeof(m),
				       .prio = OA_PRIO_MIN));
	let_go(self, 1);
	/* Once in this queue, once among what is ready. */
	EXPECT_LE(self->late, 2u * 8 * (OA_PRIO_MAX - OA_PRIO_MIN) + 64);
	EXPECT_GE(self->late, 40u);
}

TEST_F(order, past_the_bound_they_are_refused_and_counted)
{
	for (int i = 0; i < POSTS; i++)
		ASSERT_OK(post(self, i, i % 5, false));
	EXPECT_EQ((uint64_t)POSTS, STAT(self->rt, posts));
	EXPECT_EQ(0u, STAT(self->rt, posts_refused));
	for (int i = 0; i < 10; i++)
		EXPECT_ERR(post(self, i, OA_PRIO_MIN, true), -EAGAIN);
	EXPECT_EQ((uint64_t)POSTS, STAT(self->rt, posts));
	EXPECT_EQ(10u, STAT(self->rt, posts_refused));
	let_go(self, POSTS);
	self->n = 0;
	wait_until(!post(self, 0, 0, false));
	wait_until(SEEN(self->n) == 1);
}

static char name[OA_TASK_NAME_MAX];

static void *tells_its_name(void *arg)
{
	data *s = *(data **)arg;

	EXPECT_GT(oa_task_name(oa_self(), name, sizeof(name)), 0);
	COUNT(s->n);
	return NULL;
}

TEST_F(order, it_has_a_name)
{
	ASSERT_OK(oa_post_with(self->rt, tells_its_name, &self, sizeof(self),
			       .name = "callback"));
	let_go(self, 1);
	EXPECT_STREQ("callback", name);
}

TEST_F(order, dropped_on_its_copy)
{
	struct msg m = { self, 42 };

	ASSERT_OK(oa_post_with(self->rt, notes, &m, sizeof(m), .prio = 1,
			       .on_drop = count_drop));
	ASSERT_OK(oa_post_with(self->rt, notes, &m, sizeof(m),
			       .on_drop = count_drop));
	m.what = 43;
	ASSERT_OK(oa_shutdown(self->rt, OA_SHUTDOWN_GRACEFUL));
	EXPECT_ERR(oa_post_with(self->rt, notes, &m, sizeof(m),
				.on_drop = count_drop), -ESHUTDOWN);
	EXPECT_EQ(2u, STAT(self->rt, posts));
	EXPECT_EQ(1u, STAT(self->rt, posts_refused));
	TELL(self->hold, 0);
	wait_until(SEEN(self->dropped) == 2);
	EXPECT_EQ(0u, SEEN(self->n));
}

TEST_F(order, bad_arguments)
{
	struct oa_post_opts none = { .size = 0 };
	struct msg m = { self, 0 };

	EXPECT_ERR(post(self, 0, OA_PRIO_MIN - 1, false), -EINVAL);
	EXPECT_ERR(post(self, 0, OA_PRIO_MAX + 1, false), -EINVAL);
	EXPECT_ERR(oa_post_opts(self->rt, notes, &m, sizeof(m), NULL), -EINVAL);
	EXPECT_ERR(oa_post_opts(self->rt, notes, &m, sizeof(m), &none),
		   -EINVAL);
	EXPECT_ERR(oa_post_with(self->rt, NULL, &m, sizeof(m)), -EINVAL);
	EXPECT_ERR(oa_post_with(NULL, notes, &m, sizeof(m)), -EPERM);
	EXPECT_EQ(0u, STAT(self->rt, posts_refused));
	let_go(self, 0);
}

/*
 * A library in C with a thread of its own, which knows nothing of tasks: it
 * calls back with data that is gone when the callback returns.
 */
struct library {
	void (*on_reading)(const int *reading, void *user);
	void *user;
};

static void *library_thread(void *arg)
{
	const struct library *l = arg;

	for (int i = 0; i < POSTS; i++) {
		int reading = i * 37 % POSTS;

		l->on_reading(&reading, l->user);
		reading = -1;
	}
	return NULL;
}

/* What is larger is more urgent. */
static void on_reading(const int *reading, void *user)
{
	ASSERT_OK(post(user, *reading, -1 - *reading / 11, false));
}

TEST_F(order, callbacks_of_another_library)
{
	struct library l = { on_reading, self };
	pthread_t th;

	thread_start(&th, library_thread, &l);
	thread_end(th);
	let_go(self, POSTS);
	for (int i = 1; i < POSTS; i++)
		EXPECT_GE(self->ran[i - 1] / 11, self->ran[i] / 11);
}

HARNESS_MAIN
