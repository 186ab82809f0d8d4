// SPDX-License-Identifier: MIT
/* Hints: where a task that can run at once is put. */
#include "actors.h"

FIXTURE(hint) { int order[64]; unsigned int n; struct oa_sem sem; };
VARIANTS_WORKERS(hint);

typedef struct hint_fixture_data data;

static data *now;

FIXTURE_SETUP(hint)
{
	now = self;
}

FIXTURE_TEARDOWN(hint)
{
}

#define ORDER_TEST(name) TASK_TEST_F(hint, name, .workers = 1)
#define HINT_TEST(name)	TASK_TEST_F(hint, name, .workers = variant->workers, \
				    .max_blocking = 1)

static void *notes(void *arg)
{
	unsigned int i = COUNT(now->n) - 1;

	if (i < ARRAY_N(now->order))
		now->order[i] = (int)(intptr_t)arg;
	return arg;
}

static void expect_order(const int *want, unsigned int n)
{
	task_wait_until(SEEN(now->n) == n);
	for (unsigned int i = 0; i < n; i++)
		EXPECT_EQ(want[i], now->order[i]);
}

#define EXPECT_ORDER(...) ({ \
	static const int _want[] = { __VA_ARGS__ }; \
	expect_order(_want, ARRAY_N(_want)); })

ORDER_TEST(back)
{
	for (int i = 0; i < 4; i++)
		ASSERT_OK(oa_go(notes, as_result(i), .hint = OA_HINT_BACK));
	EXPECT_EQ(0u, self->n);
	EXPECT_ORDER(0, 1, 2, 3);
}

ORDER_TEST(next)
{
	ASSERT_OK(oa_go(notes, as_result(1)));
	ASSERT_OK(oa_go(notes, as_result(2)));
	ASSERT_OK(oa_go(notes, as_result(0), .hint = OA_HINT_NEXT));
	EXPECT_EQ(0u, self->n);
	EXPECT_ORDER(0, 1, 2);
}

ORDER_TEST(at_once)
{
	ASSERT_OK(oa_go(notes, as_result(1)));
	ASSERT_OK(oa_go(notes, as_result(0), .hint = OA_HINT_INLINE));
	/* It has run, the other has not. */
	EXPECT_EQ(1u, self->n);
	notes(as_result(5));
	EXPECT_ORDER(0, 5, 1);
}

static void *suspends(void *arg)
{
	notes(arg);
	ASSERT_OK(oa_sem_wait(&now->sem));
	return notes(arg);
}

ORDER_TEST(until_it_suspends)
{
	ASSERT_OK(oa_go(notes, as_result(1)));
	ASSERT_OK(oa_go(suspends, as_result(0), .hint = OA_HINT_INLINE));
	EXPECT_EQ(1u, self->n);
	notes(as_result(5));
	ASSERT_OK(oa_sem_post(&self->sem));
	task_wait_until(SEEN(self->n) == 4);
	EXPECT_EQ(0, self->order[0]);
	EXPECT_EQ(5, self->order[1]);
}

static void *yields(void *arg)
{
	notes(arg);
	ASSERT_OK(oa_yield());
	return notes(arg);
}

ORDER_TEST(until_it_gives_way)
{
	ASSERT_OK(oa_go(notes, as_result(1)));
	ASSERT_OK(oa_go(yields, as_result(0), .hint = OA_HINT_INLINE));
	/* We are before the other. */
	EXPECT_EQ(1u, self->n);
	notes(as_result(5));
	task_wait_until(SEEN(self->n) == 4);
	EXPECT_EQ(5, self->order[1]);
}

static void *nests(void *arg)
{
	intptr_t depth = (intptr_t)arg;

	if (depth < 50)
		ASSERT_OK(oa_go(nests, as_result(depth + 1),
				.hint = OA_HINT_INLINE));
	return notes(arg);
}

/* The innermost first; each that starts one suspends by that. */
static bool innermost_first(data *s)
{
	bool at_once;

	s->n = 0;
	s->order[0] = 0;
	ASSERT_OK(oa_go(nests, as_result(1), .hint = OA_HINT_INLINE));
	at_once = SEEN(s->n);
	task_wait_until(SEEN(s->n) == 50);
	return at_once && s->order[0] == 50;
}

/*
 * Unless eight time slices go by meanwhile: then it is others' turn. Where
 * memory comes slowly, it may take some tries for the stacks to be there.
 */
ORDER_TEST(one_in_the_other)
{
	for (int i = 0; i < 20; i++)
		if (innermost_first(self))
			return;
	FAIL("never the innermost first");
}

static void *exits(void *arg)
{
	notes(arg);
	oa_exit(arg);
}

HINT_TEST(its_result)
{
	enum oa_hint hints[] = { OA_HINT_BACK, OA_HINT_NEXT, OA_HINT_INLINE };

	for (int i = 0; i < 30; i++) {
		oa_fn fn = i % 2 ? notes : exits;

		EXPECT_EQ(i, join_code(oa_spawn(fn, as_result(i),
						.hint = hints[i % 3])));
	}
	EXPECT_EQ(30u, self->n);
}

/* Where it cannot, it is as the next one. */
HINT_TEST(of_one_that_has_to_wait)
{
	oa_task_t t[6];

	self->sem = (struct oa_sem)OA_SEM_INIT(0);
	t[0] = oa_spawn(notes, as_result(0), .hint = OA_HINT_INLINE,
			.sem = &self->sem);
	EXPECT_EQ(0u, SEEN(self->n));
	t[1] = oa_spawn(notes, as_result(1), .hint = OA_HINT_INLINE,
			.delay = OA_MSEC);
	t[2] = oa_spawn(notes, as_result(2), .hint = OA_HINT_INLINE,
			.block = true);
	t[3] = oa_spawn(notes, as_result(3), .hint = OA_HINT_INLINE,
			.worker = OA_WORKER((int)variant->workers - 1));
	t[4] = oa_spawn(notes, as_result(4), .hint = OA_HINT_INLINE,
			.stack_size = 65536);
	t[5] = oa_spawn(notes, as_result(5), .hint = OA_HINT_INLINE,
			.pinned = true, .prio = -3);
	ASSERT_OK(oa_sem_post(&self->sem));
	for (int i = 0; i < 6; i++)
		EXPECT_EQ(i, join_code(t[i]));
	EXPECT_EQ(6u, self->n);
}

static void *starts_from_outside(void *arg)
{
	ASSERT_OK(oa_go(notes, as_result(1), .runtime = arg,
			.hint = OA_HINT_INLINE));
	ASSERT_OK(oa_go(notes, as_result(1), .runtime = arg,
			.hint = OA_HINT_NEXT));
	return NULL;
}

HINT_TEST(from_outside)
{
	struct actor a;

	for (unsigned int i = 0; i < 3; i++) {
		self->n = 0;
		actor_start(&a, WHO_MIXED, i, starts_from_outside,
			    oa_runtime_self());
		actor_end(&a);
		task_wait_until(SEEN(self->n) == 2);
	}
}

static void *is_cancelled(void *arg)
{
	ASSERT_OK(oa_cancel(oa_self()));
	/* No cancellation point: it is started. */
	EXPECT_OK(oa_go(notes, arg, .hint = OA_HINT_INLINE));
	EXPECT_ERR(oa_yield(), -ECANCELED);
	return NULL;
}

static void *cancels_its_starter(void *arg)
{
	ASSERT_OK(oa_cancel(*(oa_task_t *)arg));
	return NULL;
}

static void *is_cancelled_meanwhile(void *arg)
{
	oa_task_t me = oa_self();

	EXPECT_OK(oa_go(cancels_its_starter, &me, .hint = OA_HINT_INLINE,
			.copy = sizeof(me)));
	task_wait_until(oa_cancelled());
	return arg;
}

HINT_TEST(is_no_cancellation_point)
{
	EXPECT_OK(join_code(oa_spawn(is_cancelled, NULL)));
	task_wait_until(SEEN(self->n) == 1);
	EXPECT_OK(join_code(oa_spawn(is_cancelled_meanwhile, NULL)));
}

static void *starts_many(void *arg)
{
	for (int i = 0; i < 200; i++)
		ASSERT_OK(oa_go(i % 2 ? notes : yields, as_result(0),
				.hint = (enum oa_hint)(i % 3),
				.scope = arg));
	return NULL;
}

HINT_TEST(many_at_once)
{
	struct oa_scope s;

	OA_SCOPE(s) {
		for (int i = 0; i < 4; i++)
			ASSERT_OK(oa_go(starts_many, &s, .scope = &s,
					.pinned = i == 3));
	}
	EXPECT_OK(oa_scope_error(&s));
	/* Those that yield note it twice. */
	EXPECT_EQ(4u * 300, SEEN(self->n));
}

HINT_TEST(that_is_none)
{
	EXPECT_ERR(oa_go(notes, NULL, .hint = (enum oa_hint)3), -EINVAL);
	EXPECT_ERR(oa_go(notes, NULL, .hint = (enum oa_hint)-1), -EINVAL);
	EXPECT_EQ(0u, self->n);
}

HARNESS_MAIN
