// SPDX-License-Identifier: MIT
/*
 * No child outlives its scope: every way to leave one, with every kind of child
 * in it. Children write to the frame of the block, and are counted.
 */
#include "actors.h"

#include <sched.h>
#include <unistd.h>

FIXTURE(leave) { int fds[2]; };
VARIANTS_WORKERS(leave);

FIXTURE_SETUP(leave)
{
	ASSERT_EQ(0, pipe(self->fds));
}

FIXTURE_TEARDOWN(leave)
{
	close(self->fds[0]);
	close(self->fds[1]);
}

/* What is shared by the children of one block, and lies in its frame. */
struct block {
	struct oa_scope s;
	struct oa_scope *at;		/* the scope that children go into */
	struct oa_runtime *rt;
	struct oa_sem sem;
	struct oa_mutex m;
	struct oa_token token;
	unsigned int started, ended, dropped;
	int depth;
	bool last;			/* children go on until they are told */
	int fd;
};

static void drops(void *arg)
{
	COUNT(((struct block *)arg)->dropped);
}

static void *counts(void *arg, int err)
{
	COUNT(((struct block *)arg)->ended);
	return oa_err(err);
}

/* Bodies: each ends soon, or by being told. */

static void *yields(void *arg)
{
	struct block *b = arg;
	int err = 0;

	for (int i = 0; !err && (b->last || i < 20); i++)
		err = oa_yield();
	return counts(arg, err);
}

static void *sleeps(void *arg)
{
	struct block *b = arg;

	return counts(arg, oa_sleep(b->last ? OA_FOREVER : 100 * OA_USEC));
}

static void *reads(void *arg)
{
	struct block *b = arg;
	struct oa_deadline d;
	ssize_t n = 0;
	char c;

	OA_WITHIN(&d, b->last ? OA_FOREVER : 100 * OA_USEC)
		n = oa_read(b->fd, &c, 1);
	return counts(arg, oa_deadline_fired(&d) ? 0 : (int)n);
}

static void *runs(void *arg)
{
	return counts(arg, 0);
}

static void *is_slow_to_end(void *arg)
{
	struct block *b = arg;
	int err = oa_sleep(b->last ? OA_FOREVER : 1);

	ASSERT_OK(oa_shield_enter());
	ASSERT_OK(oa_sleep(200 * OA_USEC));
	ASSERT_OK(oa_shield_leave());
	return counts(arg, err);
}

#define CHILD(fn, ...) ({ \
	int _err = oa_go(fn, b, .scope = b->at, .runtime = b->rt, \
			 .on_drop = drops, ##__VA_ARGS__); \
	if (!_err) \
		COUNT(b->started); \
	ASSERT_TRUE(!_err || _err == -ECANCELED || _err == -ESHUTDOWN); \
	_err; })

static void *starts_children(void *arg)
{
	struct block *b = arg;

	for (int i = 0; i < 3; i++) {
		CHILD(sleeps);
		CHILD(runs, .delay = 50 * OA_USEC);
		oa_yield();
	}
	return counts(arg, 0);
}

/* Has a scope of its own, in its frame, and the same kinds of children. */
static void *nests(void *arg)
{
	struct block *b = arg, in = {
		.rt = b->rt, .last = b->last, .fd = b->fd,
	};
	int err;

	OA_SCOPE(in.s) {
		struct block *up = b;

		in.at = &in.s;
		b = &in;
		CHILD(sleeps);
		CHILD(yields);
		CHILD(reads);
		b = up;
	}
	err = oa_scope_error(&in.s);
	ASSERT_EQ(in.started, in.ended + in.dropped);
	return counts(arg, err);
}

/* A scope that it leaves open for its end to see to. */
static void *leaves_open(void *arg)
{
	struct block *b = arg;
	struct oa_scope s;

	ASSERT_OK(oa_scope_open(&s));
	if (!oa_go(sleeps, b, .scope = &s, .on_drop = drops))
		COUNT(b->started);
	COUNT(b->ended);
	if (b->last)
		oa_exit(NULL);
	return NULL;
}

static void start_all(struct block *b)
{
	b->at = &b->s;
	CHILD(runs);
	CHILD(yields);
	CHILD(sleeps);
	CHILD(sleeps, .name = "sleeps", .pinned = true);
	CHILD(reads);
	CHILD(is_slow_to_end);
	CHILD(starts_children);
	CHILD(nests);
	CHILD(leaves_open);
	CHILD(sleeps, .block = true);
	CHILD(runs, .delay = b->last ? 1000 * OA_SEC : 50 * OA_USEC);
	CHILD(runs, .timeout = 1000 * OA_SEC);
	CHILD(sleeps, .token = &b->token);
	/* One after the other; if they wait for ever, so do the next. */
	CHILD(sleeps, .sem = &b->sem);
	CHILD(sleeps, .sem = &b->sem);
	CHILD(sleeps, .mutex = &b->m);
	CHILD(sleeps, .mutex = &b->m, .block = true);
}

static void expect_all_ended(const struct block *b)
{
	/* Those that are told to end may be before they have started any. */
	if (!b->last)
		ASSERT_GT(b->started, 0u);
	ASSERT_EQ(b->started, SEEN(b->ended) + SEEN(b->dropped));
	ASSERT_OK(oa_mutex_destroy((struct oa_mutex *)&b->m));
	ASSERT_EQ(1u, oa_sem_value(&b->sem));
	ASSERT_OK(oa_token_destroy((struct oa_token *)&b->token));
}

#define BLOCK(last_) { \
	.last = (last_), .fd = *(int *)arg, .sem = OA_SEM_INIT(1), \
	.rt = oa_runtime_self() ?: dump_runtime, }

/* The ways. Each function has a block in its frame and leaves it. */

static void *at_its_end(void *arg)
{
	struct block b = BLOCK(false);

	OA_SCOPE(b.s)
		start_all(&b);
	expect_all_ended(&b);
	EXPECT_OK(oa_scope_error(&b.s));
	return NULL;
}

static void *by_break(void *arg)
{
	struct block b = BLOCK(false);

	OA_SCOPE(b.s) {
		start_all(&b);
		if (SEEN(b.started))
			break;
		FAIL("not left");
	}
	expect_all_ended(&b);
	return NULL;
}

static void *by_continue(void *arg)
{
	struct block b = BLOCK(false);
	int turns = 0;

	for (int i = 0; i < 2; i++) {
		OA_SCOPE(b.s) {
			start_all(&b);
			continue;
		}
		expect_all_ended(&b);
		turns++;
	}
	ASSERT_EQ(2, turns);
	return NULL;
}

static void *by_goto(void *arg)
{
	struct block b = BLOCK(false), in = BLOCK(false);

	OA_SCOPE(b.s) {
		start_all(&b);
		OA_SCOPE(in.s) {
			start_all(&in);
			goto out;
		}
		FAIL("not left");
	}
out:
	expect_all_ended(&b);
	expect_all_ended(&in);
	return NULL;
}

/* What it returns is computed before the wait. */
static unsigned int returns_from(struct block *b)
{
	OA_SCOPE(b->s) {
		start_all(b);
		return SEEN(b->started);
	}
	FAIL("not left");
}

static void *by_return(void *arg)
{
	struct block b = BLOCK(false);

	ASSERT_GT(returns_from(&b), 0u);
	expect_all_ended(&b);
	return NULL;
}

static void *by_a_wait(void *arg)
{
	struct block b = BLOCK(false);

	ASSERT_OK(oa_scope_open(&b.s));
	for (int i = 0; i < 2; i++) {
		start_all(&b);
		ASSERT_OK(oa_scope_wait(&b.s));
		expect_all_ended(&b);
	}
	return NULL;
}

static void *by_its_cancel(void *arg)
{
	struct block b = BLOCK(true);

	OA_SCOPE(b.s) {
		start_all(&b);
		if (oa_now() & 1)
			oa_yield();
		ASSERT_OK(oa_scope_cancel(&b.s));
	}
	expect_all_ended(&b);
	EXPECT_ERR(oa_scope_error(&b.s), -ECANCELED);
	return NULL;
}

static void *fails(void *arg)
{
	return counts(arg, -EIO);
}

static void *by_an_error(void *arg)
{
	struct block b_ = BLOCK(true), *b = &b_;

	OA_SCOPE(b->s) {
		start_all(b);
		CHILD(fails);
	}
	expect_all_ended(b);
	EXPECT_ERR(oa_scope_error(&b->s), -EIO);
	return NULL;
}

static void *by_a_token(void *arg)
{
	struct block b = BLOCK(true);

	OA_SCOPE(b.s) {
		start_all(&b);
		/* Of one that fails by it, and so all others do. */
		ASSERT_OK(oa_token_cancel(&b.token));
	}
	ASSERT_OK(oa_token_destroy(&b.token));
	b.token = (struct oa_token)OA_TOKEN_INIT;
	expect_all_ended(&b);
	EXPECT_ERR(oa_scope_error(&b.s), -ECANCELED);
	return NULL;
}

static void *by_a_deadline(void *arg)
{
	struct block b = BLOCK(true);
	struct oa_deadline d;

	OA_WITHIN(&d, OA_MSEC) {
		OA_SCOPE(b.s)
			start_all(&b);
	}
	expect_all_ended(&b);
	EXPECT_ERR(oa_scope_error(&b.s), -ETIMEDOUT);
	EXPECT_EQ(1, oa_deadline_fired(&d));
	return NULL;
}

static void *cancelled_itself(void *arg)
{
	struct block b = BLOCK(true);

	OA_SCOPE(b.s) {
		start_all(&b);
		ASSERT_OK(oa_cancel(oa_self()));
	}
	expect_all_ended(&b);
	EXPECT_ERR(oa_scope_error(&b.s), -ECANCELED);
	return NULL;
}

static const struct way {
	const char *name;
	oa_fn fn;
	bool task;		/* not for threads */
} ways[] = {
	{ "at its end", at_its_end, false },
	{ "by break", by_break, false },
	{ "by continue", by_continue, false },
	{ "by goto", by_goto, false },
	{ "by return", by_return, false },
	{ "by a wait", by_a_wait, false },
	{ "by its cancel", by_its_cancel, false },
	{ "by an error", by_an_error, false },
	{ "by a token", by_a_token, false },
	{ "by a deadline", by_a_deadline, true },
	{ "cancelled itself", cancelled_itself, true },
};

static void leave_by(int *fd, const struct way *w, enum who who)
{
	struct actor a;

	actor_start(&a, who, 0, w->fn, fd);
	actor_end(&a);
}

#define LEAVE_TEST(name) \
	TASK_TEST_F_TIMEOUT(leave, name, 90, .workers = variant->workers, \
			    .max_blocking = 8)

static void leave_all(int *fd, enum who who)
{
	dump_runtime = oa_runtime_self();
	for (unsigned int i = 0; i < ARRAY_N(ways); i++)
		if (who != WHO_THREAD || !ways[i].task)
			leave_by(fd, &ways[i], who);
}

LEAVE_TEST(a_task)
{
	leave_all(&self->fds[0], WHO_TASK);
}

LEAVE_TEST(a_task_on_the_pool)
{
	leave_all(&self->fds[0], WHO_POOL);
}

LEAVE_TEST(a_thread)
{
	leave_all(&self->fds[0], WHO_THREAD);
}

/* From outside, at any moment. */

static void *is_told(void *arg)
{
	struct block b = BLOCK(true);

	OA_SCOPE(b.s)
		start_all(&b);
	expect_all_ended(&b);
	return NULL;
}

static void *cancels_it(void *arg)
{
	oa_task_t *t = arg;

	for (uint64_t i = oa_now() % 128; i--;)
		give_way();
	oa_cancel(*t);
	return NULL;
}

LEAVE_TEST(cancelled_by_others)
{
	long rounds = SCALED(30, 5);

	for (unsigned int i = 0; i < (unsigned int)rounds; i++) {
		struct actor a;
		oa_task_t t = oa_spawn(is_told, &self->fds[0],
				       .block = i % 5 == 4);

		actor_start(&a, WHO_MIXED, i, cancels_it, &t);
		/* It may have been cancelled before it began. */
		join_code(t);
		actor_end(&a);
	}
}

LEAVE_TEST(late)
{
	for (int i = 0; i < 10; i++) {
		oa_task_t t = oa_spawn(is_told, &self->fds[0],
				       .timeout = (50 + 100 * i) * OA_USEC);

		join_code(t);
	}
}

/* A task that ends with scopes open: the frame is gone, the children wait. */

struct heap { struct block b; };

/* None that needs the scope itself. */
static void start_some(struct block *b)
{
	CHILD(sleeps);
	CHILD(is_slow_to_end);
	CHILD(nests);
	CHILD(sleeps, .block = true);
	CHILD(runs, .delay = 1000 * OA_SEC);
	CHILD(sleeps, .sem = &b->sem);
	CHILD(sleeps, .sem = &b->sem);
}

static void *ends_with_it_open(void *arg)
{
	struct heap *h = arg;
	struct oa_scope deep[3];

	/* Several, the innermost with the children of the block. */
	for (int i = 0; i < 3; i++)
		ASSERT_OK(oa_scope_open(&deep[i]));
	h->b.at = &deep[2];
	start_some(&h->b);
	h->b.at = &deep[0];
	start_some(&h->b);
	if (h->b.depth % 2)
		oa_exit(oa_err(-EIO));
	if (h->b.depth % 3 == 0)
		oa_cancel(oa_self());
	return h;
}

LEAVE_TEST(by_the_end_of_its_opener)
{
	int *arg = &self->fds[0];

	for (int i = 0; i < 12; i++) {
		struct heap h = { .b = BLOCK(true) };
		void *result;

		h.b.depth = i;
		ASSERT_OK(oa_join(oa_spawn(ends_with_it_open, &h,
					   .block = i % 4 == 3), &result));
		expect_all_ended(&h.b);
		/* Its result is its own. */
		EXPECT_EQ(i % 2 ? oa_err(-EIO) : &h, result);
	}
}

/* With a scope open, in a scope, whose end waits for all of it. */
static void *ends_likewise(void *arg)
{
	return ends_with_it_open(arg) == arg ? NULL : oa_err(-EINVAL);
}

LEAVE_TEST(by_the_end_of_a_child_with_another_open)
{
	int *arg = &self->fds[0];

	for (int i = 0; i < 6; i++) {
		struct heap h = { .b = BLOCK(true) };
		struct oa_scope s;

		h.b.depth = 2 * i;
		OA_SCOPE(s)
			ASSERT_OK(oa_go(ends_likewise, &h, .scope = &s));
		expect_all_ended(&h.b);
		EXPECT_OK(oa_scope_error(&s));
	}
}

/* The runtime ends while blocks are open. */

static void *shuts_down(void *arg)
{
	for (int i = 0; i < 4; i++)
		ASSERT_OK(oa_go(is_told, arg));
	for (uint64_t i = oa_now() % 64; i--;)
		if (oa_yield())
			return NULL;
	ASSERT_OK(oa_shutdown(NULL, OA_SHUTDOWN_GRACEFUL));
	return NULL;
}

TEST_F(leave, by_a_shutdown, .timeout = 60)
{
	for (int i = 0; i < 10; i++) {
		struct oa_ended e;

		ASSERT_OK(oa_run(shuts_down, &self->fds[0], .ended = &e,
				 .workers = variant->workers,
				 .max_blocking = 8));
		EXPECT_EQ(0u, e.abandoned);
	}
}

HARNESS_MAIN
