// SPDX-License-Identifier: MIT
/* Room on a stack, and calls that go on on another one. */
#include "actors.h"

#include <setjmp.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/resource.h>

#define SMALL	(64 << 10)
#define RED	(24 << 10)
#define PIECE	(16 << 20)

FIXTURE(grown) {
	int out, refuse;
	int n, told, destroyed;
	oa_key_t key;
	struct oa_event event;
	struct oa_coro *co;
	oa_task_t t;
	void *seen;
	enum who who;
};
VARIANTS_WORKERS(grown);

typedef struct grown_fixture_data data;

FIXTURE_SETUP(grown)
{
}

FIXTURE_TEARDOWN(grown)
{
	skip_if_any_left();
	EXPECT_EQ(0, self->out);
}

static void *reserve(size_t size, size_t align, void *ctx)
{
	data *d = ctx;
	void *p;

	if (SEEN(d->refuse))
		return NULL;
	p = mmap(NULL, size, PROT_READ | PROT_WRITE,
		 MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
	EXPECT_LE(align, 4096);
	if (p == MAP_FAILED)
		return NULL;
	/* the pieces of the runtime itself are larger */
	if (size < PIECE)
		COUNT(d->out);
	return p;
}

static void release(void *base, size_t size, void *ctx)
{
	data *d = ctx;

	munmap(base, size);
	if (size < PIECE)
		__atomic_sub_fetch(&d->out, 1, __ATOMIC_ACQ_REL);
}

#define CONFIG \
	.workers = variant->workers, .max_blocking = ACTORS_ON_POOL, \
	.stacks = { reserve, release, self }

/* The test from a task, from one on the blocking pool, from a thread. */
#define ALL(name) \
	TASK_TEST_F(grown, name, CONFIG) \
	{ \
		static const enum who all[] = { WHO_TASK, WHO_POOL, WHO_THREAD }; \
		struct actor a; \
		for (unsigned int i = 0; i < ARRAY_N(all); i++) { \
			self->who = all[i]; \
			actor_start(&a, all[i], 0, name, self); \
			actor_end(&a); \
		} \
	} \
	struct harness_variant

/* On a stack of its own, whatever room there is. */
static void *elsewhere(oa_fn fn, void *arg)
{
	size_t left = oa_stack_left();

	/* a last call may have more: the frame of its caller */
	return oa_call_grown(fn, arg, left + 4096, left + SMALL);
}

static void *bad_use(void *arg)
{
	data *d = arg;

	EXPECT_EQ(oa_err(-EINVAL), oa_call_grown(NULL, d, 0, SMALL));
	EXPECT_EQ(oa_err(-EINVAL), oa_call_grown(bad_use, d, 0, 1));
	EXPECT_EQ(oa_err(-EINVAL), oa_call_grown(bad_use, d, SMALL, SMALL));
	EXPECT_EQ(oa_err(-EINVAL), oa_call_grown(bad_use, d, SIZE_MAX,
						 SIZE_MAX));
	EXPECT_EQ(oa_err(-ENOMEM), oa_call_grown(bad_use, d, SIZE_MAX - 1,
						 SIZE_MAX));
	return NULL;
}

ALL(bad_use);

static void *__attribute__((noinline)) where(void *arg)
{
	volatile char here = 0;

	(void)here;
	*(size_t *)arg = oa_stack_left();
	return __builtin_frame_address(0);
}

static void *room_is_told(void *arg)
{
	volatile char used[8192];
	size_t left = oa_stack_left(), deeper;
	char *here = __builtin_frame_address(0), *at;

	used[0] = 0;
	EXPECT_GT(left, 8192);
	at = where(&deeper);
	EXPECT_LT(deeper, left);
	EXPECT_GT(deeper + 32768, left);
	/* where there is room, the call is a call */
	at = oa_call_grown(where, &deeper, 0, SMALL);
	EXPECT_LT(at, here);
	EXPECT_LT(here - at, 16384);
	/* else it has as much as was asked for, and all of that */
	oa_call_grown(where, &deeper, left + SMALL, left + (1 << 20));
	EXPECT_GE(deeper, left + (1 << 20));
	EXPECT_LT(deeper, left + (1 << 20) + SMALL);
	EXPECT_EQ(left, oa_stack_left());
	used[1] = used[0];
	return arg;
}

ALL(room_is_told);

static void *limited(void *arg)
{
	struct rlimit rl;
	size_t left = oa_stack_left();

	getrlimit(RLIMIT_STACK, &rl);
	if (rl.rlim_cur == RLIM_INFINITY)
		SKIP("a stack without a limit");
	EXPECT_LE(left, rl.rlim_cur);
	EXPECT_GT(left, rl.rlim_cur / 2);
	return arg;
}

TEST(the_main_thread_has_what_its_limit_leaves)
{
	limited(NULL);
}

/* By a pointer, so that no compiler makes a loop of it. */

struct descent {
	long depth;
	int every;		/* so often it suspends */
	long sum;
};

static void *descends(void *arg);

static long __attribute__((noinline)) descend(struct descent *from)
{
	struct descent next = { from->depth - 1, from->every, 0 };
	volatile char frame[1024];

	frame[0] = (char)next.depth;
	frame[1023] = 1;
	if (!from->depth)
		return 0;
	if (from->every && from->depth % from->every == 0)
		give_way();
	ASSERT_EQ(&next, oa_call_grown(descends, &next, RED, SMALL));
	ASSERT_EQ((char)next.depth, frame[0]);
	return next.sum + frame[1023];
}

static void *descends(void *arg)
{
	struct descent *d = arg;

	d->sum = descend(d);
	return d;
}

static void *deep(void *arg)
{
	struct descent d = { SCALED(4000, 1000), 0, 0 };
	size_t left = oa_stack_left();

	descends(&d);
	EXPECT_EQ(SCALED(4000, 1000), d.sum);
	EXPECT_EQ(left, oa_stack_left());
	return arg;
}

ALL(deep);

static void *deep_and_waits(void *arg)
{
	struct descent d = { 1200, 31, 0 };

	descends(&d);
	EXPECT_EQ(1200, d.sum);
	return arg;
}

TASK_TEST_F(grown, many_at_once_with_suspensions, CONFIG)
{
	struct actor a[24];

	for (unsigned int i = 0; i < ARRAY_N(a); i++)
		actor_start(&a[i], i < 8 ? WHO_MIXED : WHO_TASK, i,
			    deep_and_waits, self);
	for (unsigned int i = 0; i < ARRAY_N(a); i++)
		actor_end(&a[i]);
}

/* Each is given back at its own end. */

static void *nothing(void *arg)
{
	return arg;
}

static void *nests(void *arg)
{
	data *d = arg;
	int out = ++d->n;

	EXPECT_EQ(out, d->out);
	if (out < 4)
		EXPECT_EQ(d, elsewhere(nests, d));
	EXPECT_EQ(d, elsewhere(nothing, d));
	EXPECT_EQ(out, d->out);
	return arg;
}

static void *counts_stacks(void *arg)
{
	data *d = arg;

	d->n = 0;
	EXPECT_EQ(d, elsewhere(nests, d));
	EXPECT_EQ(4, d->n);
	EXPECT_EQ(0, d->out);
	return arg;
}

TASK_TEST_F(grown, each_is_given_back_at_once, CONFIG)
{
	struct actor a;

	actor_start(&a, WHO_TASK, 0, counts_stacks, self);
	actor_end(&a);
	actor_start(&a, WHO_POOL, 0, counts_stacks, self);
	actor_end(&a);
}

static void *without_memory(void *arg)
{
	data *d = arg;

	TELL(d->refuse, 1);
	EXPECT_EQ(oa_err(-ENOMEM), elsewhere(nothing, d));
	/* nothing is needed where there is room */
	EXPECT_EQ(d, oa_call_grown(nothing, d, 0, 1 << 20));
	TELL(d->refuse, 0);
	EXPECT_EQ(d, elsewhere(nothing, d));
	return arg;
}

TASK_TEST_F(grown, no_memory, CONFIG)
{
	struct actor a;

	actor_start(&a, WHO_TASK, 0, without_memory, self);
	actor_end(&a);
	actor_start(&a, WHO_POOL, 0, without_memory, self);
	actor_end(&a);
}

/* What ends a task inside. */

static void destroyed(void *value)
{
	data *d = value;

	/* on a stack of its own, where it may wait */
	give_way();
	EXPECT_GT(oa_stack_left(), 8192);
	d->destroyed++;
}

static void *exits(void *arg)
{
	give_way();
	oa_exit(arg);
}

static void *exits_deeper(void *arg)
{
	return elsewhere(exits, arg);
}

static void *exits_inside(void *arg)
{
	data *d = arg;

	ASSERT_OK(oa_setspecific(d->key, d));
	elsewhere(exits_deeper, arg);
	FAIL("came back");
}

TASK_TEST_F(grown, an_exit_inside, CONFIG)
{
	void *result = NULL;

	ASSERT_OK(oa_key_create(&self->key, destroyed));
	for (int i = 1; i <= 20; i++) {
		self->t = oa_spawn(exits_inside, self, .block = i % 2);
		ASSERT_OK(oa_join(self->t, &result));
		EXPECT_EQ((void *)self, result);
		EXPECT_EQ(i, self->destroyed);
		EXPECT_EQ(0, self->out);
	}
	ASSERT_OK(oa_key_delete(self->key));
}

/* What was opened on the grown stack ends before that goes. */

static void *writes_to_it(void *arg)
{
	ASSERT_OK(oa_shield_enter());
	ASSERT_OK(oa_yield());
	ASSERT_OK(oa_sleep(OA_USEC));
	COUNT(*(int *)arg);
	ASSERT_OK(oa_shield_leave());
	return NULL;
}

static void *exits_in_blocks(void *arg)
{
	struct oa_deadline d;
	struct oa_scope s;
	int mine = 0;

	OA_WITHIN(&d, 1000 * OA_SEC) {
		OA_SCOPE(s) {
			for (int i = 0; i < 3; i++)
				ASSERT_OK(oa_go(writes_to_it, &mine,
						.scope = &s));
			exits(arg);
		}
	}
	return NULL;
}

static void *exits_in_blocks_inside(void *arg)
{
	data *d = arg;

	ASSERT_OK(oa_setspecific(d->key, d));
	elsewhere(exits_in_blocks, arg);
	FAIL("came back");
}

TASK_TEST_F(grown, an_exit_in_blocks, CONFIG)
{
	void *result = NULL;

	ASSERT_OK(oa_key_create(&self->key, destroyed));
	for (int i = 1; i <= 20; i++) {
		self->t = oa_spawn(exits_in_blocks_inside, self,
				   .block = i % 2);
		ASSERT_OK(oa_join(self->t, &result));
		EXPECT_EQ((void *)self, result);
		EXPECT_EQ(i, self->destroyed);
		EXPECT_EQ(0, self->out);
	}
	ASSERT_OK(oa_key_delete(self->key));
}

/* A stack like those of tasks is one of those, and goes back to them. */

static void *exits_on_a_plain_one(void *arg)
{
	char used[64 << 10];
	size_t red;

	__asm__ volatile("" : : "r" (used) : "memory");
	red = oa_stack_left() + 4096;
	EXPECT_EQ(arg, oa_call_grown(nothing, arg, red, 0));
	oa_call_grown(exits, arg, red, 0);
	FAIL("came back");
}

TASK_TEST_F(grown, stacks_are_shared_with_tasks, CONFIG)
{
	void *result = NULL;

	for (int i = 0; i < SCALED(5000, 1000); i++) {
		ASSERT_OK(oa_join(oa_spawn(exits_on_a_plain_one, self),
				  &result));
		ASSERT_EQ((void *)self, result);
	}
	EXPECT_EQ(0, self->out);
	EXPECT_LE(STAT(NULL, stacks_new), 32 * (variant->workers + 4));
}

static void *sleeps(void *arg)
{
	data *d = arg;

	COUNT(d->told);
	EXPECT_ERR(oa_sleep(OA_FOREVER), -ECANCELED);
	return oa_err(-ECANCELED);
}

static void *sleeps_inside(void *arg)
{
	return elsewhere(sleeps, arg);
}

TASK_TEST_F(grown, a_cancel_inside, CONFIG)
{
	oa_task_t t = oa_spawn(sleeps_inside, self);

	until_state(t, OA_TASK_PARKED);
	ASSERT_OK(oa_cancel(t));
	EXPECT_EQ(-ECANCELED, join_code(t));
	t = oa_spawn(sleeps_inside, self, .block = true);
	until_state(t, OA_TASK_PARKED);
	ASSERT_OK(oa_cancel(t));
	EXPECT_EQ(-ECANCELED, join_code(t));
}

/* One that is left where it stands. */

static void *sleeps_long(void *arg)
{
	oa_sleep(1000 * OA_SEC);
	return arg;
}

static void *sleeps_long_inside(void *arg)
{
	return elsewhere(sleeps_long, arg);
}

static void *shuts_down(void *arg)
{
	oa_task_t t = oa_spawn(sleeps_long_inside, arg);

	until_state(t, OA_TASK_PARKED);
	oa_shutdown(NULL, OA_SHUTDOWN_NOW);
	oa_yield();
	return arg;
}

TEST_F(grown, a_shutdown_at_once)
{
	oa_run(shuts_down, self, CONFIG, NOTES_LEFT);
	skip_if_any_left();
	EXPECT_EQ(0, self->out);
}

/* Coroutines inside, and inside coroutines. */

static void *generates(void *arg)
{
	oa_coro_suspend(as_result(1));
	give_way();
	oa_coro_suspend(as_result(2));
	return arg;
}

static void *generates_inside(void *arg)
{
	size_t left = oa_stack_left();

	EXPECT_EQ(arg, oa_call_grown(generates, arg, left + 4096, 2 * left));
	EXPECT_EQ(left, oa_stack_left());
	return as_result(3);
}

static void *resumes(void *arg)
{
	data *d = arg;
	size_t left = oa_stack_left();

	ASSERT_OK(oa_coro_create(&d->co, generates_inside, d));
	for (intptr_t i = 1; i <= 3; i++) {
		EXPECT_EQ(as_result(i), oa_coro_resume(d->co, NULL));
		EXPECT_EQ(left, oa_stack_left());
		give_way();
	}
	EXPECT_OK(oa_coro_destroy(d->co));
	/* and one that is destroyed in the midst of it */
	ASSERT_OK(oa_coro_create(&d->co, generates_inside, d));
	EXPECT_EQ(as_result(1), oa_coro_resume(d->co, NULL));
	EXPECT_OK(oa_coro_destroy(d->co));
	return arg;
}

ALL(resumes);

static void *resumes_inside(void *arg)
{
	return elsewhere(resumes, arg);
}

ALL(resumes_inside);

static void *resumes_next(void *arg)
{
	data *d = arg;

	return oa_coro_resume(d->co, NULL);
}

/* The chain goes along with the coroutine, to other tasks and threads. */
TASK_TEST_F(grown, a_coroutine_goes_round, CONFIG)
{
	static const enum who way[] = { WHO_TASK, WHO_THREAD, WHO_POOL };
	struct actor a;

	for (unsigned int i = 0; i < 6; i++) {
		ASSERT_OK(oa_coro_create(&self->co, generates_inside, self));
		for (unsigned int k = 0; k < 3; k++) {
			actor_start(&a, way[(i + k) % 3], 0, resumes_next, self);
			EXPECT_EQ(as_result(k + 1), actor_end(&a));
		}
		EXPECT_OK(oa_coro_destroy(self->co));
	}
}

static void *bounds_are_sane(void *arg)
{
	EXPECT_GT(oa_stack_left(), 0);
	EXPECT_LT(oa_stack_left(), 1 << 20);
	return arg;
}

static void *room_in_a_coroutine(void *arg)
{
	data *d = arg;

	ASSERT_OK(oa_coro_create(&d->co, bounds_are_sane, d));
	EXPECT_EQ((void *)d, oa_coro_resume(d->co, NULL));
	EXPECT_OK(oa_coro_destroy(d->co));
	return arg;
}

ALL(room_in_a_coroutine);

/* A signal's stack is neither the task's nor the thread's. */
static size_t left_in_handler = 1;

static void on_signal(int sig)
{
	(void)sig;
	left_in_handler = oa_stack_left();
}

static void *other_stack(void *arg)
{
	static char alt[65536];
	stack_t ss = { .ss_sp = alt, .ss_size = sizeof(alt) }, old;
	struct sigaction sa = { .sa_handler = on_signal,
				.sa_flags = SA_ONSTACK };

	ASSERT_EQ(0, sigaltstack(&ss, &old));
	ASSERT_EQ(0, sigaction(SIGUSR1, &sa, NULL));
	oa_stack_left();
	raise(SIGUSR1);
	EXPECT_EQ(0, left_in_handler);
	ASSERT_EQ(0, sigaltstack(&old, NULL));
	return arg;
}

TEST(no_room_is_told_of_on_other_stacks)
{
	other_stack(NULL);
}

/* Dumps go on beyond. */
TASK_TEST_F(grown, a_dump, CONFIG)
{
	oa_task_t t = oa_spawn(sleeps_inside, self);
	FILE *null = fopen("/dev/null", "w");

	ASSERT_NOT_NULL(null);
	until_state(t, OA_TASK_PARKED);
	ASSERT_OK(oa_dump(NULL, fileno(null)));
	fclose(null);
	ASSERT_OK(oa_cancel(t));
	EXPECT_EQ(-ECANCELED, join_code(t));
}

/* What is left by longjmp() goes with the task. */

static void *jumps(void *arg)
{
	longjmp(*(jmp_buf *)arg, 1);
}

static void *is_left(void *arg)
{
	jmp_buf back;

	if (!setjmp(back))
		oa_call_grown(jumps, &back, 2 << 20, 4 << 20);
	return arg;
}

TASK_TEST_F(grown, left_by_longjmp, CONFIG)
{
	if (harness_slow())
		SKIP("a jump from stack to stack");
	for (int i = 0; i < 10; i++) {
		ASSERT_OK(oa_join(oa_spawn(is_left, self), NULL));
		ASSERT_EQ(0, SEEN(self->out));
	}
}

HARNESS_MAIN
