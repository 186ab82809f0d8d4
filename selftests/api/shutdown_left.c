// SPDX-License-Identifier: MIT
/*
 * What a shutdown at once leaves: nothing of it runs again, and nothing of it
 * is in the way of the runtimes that follow on the same slots, descriptors and
 * numbers.
 */
#include "actors.h"

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <unistd.h>

FIXTURE(left) {
	unsigned int up, back;
	int flag, hog, over, fds[2];
	struct oa_runtime *rt;
	oa_task_t t[3];
};
VARIANTS_WORKERS(left);
LEAVES_THINGS(left);

typedef struct left_fixture_data data;

FIXTURE_SETUP(left)
{
	ASSERT_EQ(0, pipe(self->fds));
}

FIXTURE_TEARDOWN(left)
{
	close(self->fds[0]);
	close(self->fds[1]);
}

static void *nothing(void *arg)
{
	return arg;
}

static void *keeps(void *arg)
{
	oa_sleep(OA_FOREVER);
	return arg;
}

static void *sleeps(void *arg)
{
	data *s = arg;

	COUNT(s->up);
	oa_sleep(OA_FOREVER);
	COUNT(s->back);
	return NULL;
}

static void end(data *s, struct oa_ended *e)
{
	ASSERT_OK(oa_shutdown(s->rt, OA_SHUTDOWN_NOW));
	ASSERT_OK(oa_runtime_wait(s->rt, e));
	ASSERT_OK(oa_runtime_free(s->rt));
	dump_runtime = NULL;
}

/* The one that ends it returns without another call. */

static void *ends_it(void *arg)
{
	data *s = arg;

	for (int i = 0; i < 20; i++)
		ASSERT_OK(oa_go(sleeps, s));
	while (SEEN(s->up) < 20)
		ASSERT_OK(oa_yield());
	ASSERT_OK(oa_shutdown(NULL, OA_SHUTDOWN_NOW));
	return NULL;
}

TEST_F(left, none_goes_on_after_who_ended_it)
{
	struct oa_ended e;

	ASSERT_OK(oa_run(ends_it, self, .workers = variant->workers,
			 .ended = &e, NOTES_LEFT));
	EXPECT_EQ(0u, SEEN(self->back));
	/* The one that ends it may be among them. */
	skip_if_any_left();
	EXPECT_EQ(20u, e.abandoned);
}

/*
 * A worker that is left behind with a task in its hands that has not begun: it
 * never does, and is dropped once.
 */

#define ITS_STACK	((size_t)1 << 20)

static void stays_until_told(data *s)
{
	TELL(s->hog, 1);
	wait_until(SEEN(s->hog) == 2);
}

/* Not from the heap, where a tool may look into the guards of what stays. */
static void *reserves(size_t size, size_t align, void *ctx)
{
	void *p;

	/* Not a region of many. */
	if (size < 2 * ITS_STACK)
		stays_until_told(ctx);
	ASSERT_EQ(4096ul, align);
	p = mmap(NULL, size, PROT_READ | PROT_WRITE,
		 MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
	return p == MAP_FAILED ? NULL : p;
}

static void releases(void *base, size_t size, void *ctx)
{
	(void)ctx;
	ASSERT_EQ(0, munmap(base, size));
}

static void counts_drop(void *arg)
{
	COUNT(((data *)arg)->up);
}

static void *begins(void *arg)
{
	COUNT(((data *)arg)->back);
	return NULL;
}

static void *waits_to_keep(void *arg)
{
	TELL(((data *)arg)->flag, 1);
	return keeps(arg);
}

/* How many threads there are without it. */
static unsigned int begin_to_keep(data *s, unsigned int workers)
{
	unsigned int threads = harness_nr_threads();

	ASSERT_OK(oa_start(&s->rt, waits_to_keep, s, .workers = workers,
			   .watch = OA_FOREVER, .stack_size = 128 << 10,
			   .stacks = { reserves, releases, s }));
	dump_runtime = s->rt;
	wait_until(SEEN(s->flag));
	return threads;
}

/* The worker is there again, and goes. */
static void let_go(data *s, unsigned int threads)
{
	TELL(s->hog, 2);
	wait_until(harness_nr_threads() == threads);
}

TEST_F(left, none_begins_whose_stack_comes_late)
{
	unsigned int threads = begin_to_keep(self, variant->workers);
	struct oa_ended e;

	ASSERT_OK(oa_go(begins, self, .runtime = self->rt,
			.stack_size = ITS_STACK, .on_drop = counts_drop));
	wait_until(SEEN(self->hog) == 1);
	end(self, &e);
	let_go(self, threads);
	EXPECT_EQ(0u, SEEN(self->back));
	EXPECT_EQ(1u, SEEN(self->up));
	EXPECT_EQ(1u, e.abandoned);
	EXPECT_EQ(1u, e.dropped);
}

TEST_F(left, who_joins_one_that_never_began_is_told)
{
	unsigned int threads = begin_to_keep(self, variant->workers);
	oa_task_t t = oa_spawn(begins, self, .runtime = self->rt,
			       .stack_size = ITS_STACK, .on_drop = counts_drop);
	void *result;

	wait_until(SEEN(self->hog) == 1);
	end(self, NULL);
	TELL(self->hog, 2);
	ASSERT_OK(oa_join(t, &result));
	EXPECT_ERR(oa_err_code(result), -ECANCELED);
	let_go(self, threads);
	EXPECT_EQ(0u, SEEN(self->back));
	EXPECT_EQ(1u, SEEN(self->up));
}

static void drops_slowly(void *arg)
{
	counts_drop(arg);
	stays_until_told(arg);
}

/* It is being dropped already. */
TEST_F(left, none_is_dropped_twice)
{
	unsigned int threads = begin_to_keep(self, variant->workers);

	ASSERT_OK(oa_go(begins, self, .runtime = self->rt,
			.delay = 1000 * OA_SEC, .on_drop = drops_slowly));
	ASSERT_OK(oa_shutdown(self->rt, OA_SHUTDOWN_GRACEFUL));
	wait_until(SEEN(self->hog) == 1);
	end(self, NULL);
	let_go(self, threads);
	EXPECT_EQ(0u, SEEN(self->back));
	EXPECT_EQ(1u, SEEN(self->up));
}

static void *gives_way_late(void *arg)
{
	stays_until_told(arg);
	oa_yield();
	COUNT(((data *)arg)->back);
	return NULL;
}

/* It ran when it was left alone, and makes a call instead of coming to its end. */
TEST_F(left, who_joins_one_that_was_left_alone_is_told)
{
	unsigned int threads = begin_to_keep(self, variant->workers);
	oa_task_t t = oa_spawn(gives_way_late, self, .runtime = self->rt);
	struct oa_ended e;
	void *result;

	wait_until(SEEN(self->hog) == 1);
	end(self, &e);
	TELL(self->hog, 2);
	ASSERT_OK(oa_join(t, &result));
	EXPECT_ERR(oa_err_code(result), -ECANCELED);
	let_go(self, threads);
	EXPECT_EQ(0u, SEEN(self->back));
	EXPECT_EQ(2u, e.abandoned);
}

/* A worker that is left behind, with others ready on it, which are joined. */

static void *gives_way(void *arg)
{
	data *s = arg;

	COUNT(s->up);
	while (!SEEN(s->hog))
		ASSERT_OK(oa_yield());
	COUNT(s->back);
	return NULL;
}

static void *computes(void *arg)
{
	data *s = arg;

	while (SEEN(s->up) < 3)
		ASSERT_OK(oa_yield());
	TELL(s->hog, 1);
	while (SEEN(s->hog) < 2)
		;
	TELL(s->hog, 3);
	return NULL;
}

static void *counts(void *arg)
{
	ASSERT_OK(oa_yield());
	return arg;
}

static void *uses_the_slots(void *arg)
{
	oa_task_t t[200];
	void *result;

	TELL(((data *)arg)->hog, 2);
	for (int round = 0; round < 20; round++) {
		for (uintptr_t i = 0; i < 200; i++)
			t[i] = oa_spawn(counts, (void *)(i + 1));
		for (uintptr_t i = 0; i < 200; i++) {
			ASSERT_OK(oa_join(t[i], &result));
			ASSERT_EQ((void *)(i + 1), result);
		}
	}
	return NULL;
}

TEST_F(left, none_goes_on_behind_who_did_not_come)
{
	void *result;

	ASSERT_OK(oa_start(&self->rt, keeps, self, .workers = 1,
			   .watch = OA_FOREVER));
	for (int i = 0; i < 3; i++)
		self->t[i] = oa_spawn(gives_way, self, .runtime = self->rt);
	ASSERT_OK(oa_go(computes, self, .runtime = self->rt));
	wait_until(SEEN(self->hog) == 1);
	ASSERT_OK(oa_shutdown(self->rt, OA_SHUTDOWN_NOW));
	ASSERT_OK(oa_runtime_wait(self->rt, NULL));
	for (int i = 0; i < 3; i++) {
		ASSERT_OK(oa_join(self->t[i], &result));
		EXPECT_EQ(oa_err(-ECANCELED), result);
	}
	ASSERT_OK(oa_runtime_free(self->rt));
	ASSERT_OK(oa_run(uses_the_slots, self, .workers = variant->workers));
	wait_until(SEEN(self->hog) == 3);
	EXPECT_EQ(0u, SEEN(self->back));
}

/* Threads of the pool use what lies on the stacks of tasks that wait. */

static void *writes_there(void *arg)
{
	struct { data *s; int n; } *there = arg;

	TELL(there->s->flag, 1);
	while (!SEEN(there->s->over))
		there->n++;
	TELL(there->s->flag, 2);
	return NULL;
}

static void *lends(void *arg)
{
	struct { data *s; int n; } mine = { .s = arg };
	struct oa_deadline d;

	OA_WITHIN(&d, 1000 * OA_SEC)
		oa_block(writes_there, &mine);
	return NULL;
}

static void *lends_grown(void *arg)
{
	return oa_call_grown(lends, arg, 1 << 20, 2 << 20);
}

/* Stacks have been given up, if they are: now the thread may end. */
static void on_end(const struct oa_runtime_event *ev, void *user)
{
	if (ev->kind == OA_EVENT_END)
		TELL(((data *)user)->over, 1);
}

static void lend_and_end(data *s, unsigned int workers, oa_fn fn, size_t size)
{
	TELL(s->flag, 0);
	TELL(s->over, 0);
	ASSERT_OK(oa_start(&s->rt, keeps, s, .workers = workers,
			   .max_blocking = 1, .on_event = on_end, .user = s));
	ASSERT_OK(oa_go(fn, s, .runtime = s->rt, .stack_size = size));
	wait_until(SEEN(s->flag) == 1);
	end(s, NULL);
	wait_until(SEEN(s->flag) == 2);
}

TEST_F(left, stacks_stay_while_the_pool_uses_them)
{
	lend_and_end(self, variant->workers, lends, 80000);
	lend_and_end(self, variant->workers, lends_grown, 0);
}

/* Closes in all states; the numbers are good for others afterwards. */

#define PIPES 100

static int pipes[PIPES][2];

static void *closes(void *arg)
{
	int *p = arg;

	oa_close(p[1]);
	oa_close(p[0]);
	return NULL;
}

static void *closes_all(void *arg)
{
	unsigned int *done = arg;

	for (int i = 0; i < PIPES; i++)
		ASSERT_OK(oa_go(closes, pipes[i]));
	for (unsigned int i = 0; i < *done; i++)
		ASSERT_OK(oa_yield());
	ASSERT_OK(oa_shutdown(NULL, OA_SHUTDOWN_NOW));
	return NULL;
}

static void *uses_the_numbers(void *arg)
{
	struct oa_deadline d;
	int p[2], fds[2 * PIPES];
	int n = 0;
	char c = 1;

	while (n < 2 * PIPES) {
		ASSERT_EQ(0, pipe(p));
		fds[n++] = p[0];
		fds[n++] = p[1];
		OA_WITHIN(&d, 10 * OA_SEC) {
			EXPECT_EQ(1, oa_write(p[1], &c, 1));
			EXPECT_EQ(1, oa_read(p[0], &c, 1));
		}
	}
	while (n--)
		ASSERT_OK(oa_close(fds[n]));
	return arg;
}

TEST_F(left, numbers_that_were_being_closed)
{
	for (unsigned int turns = 0; turns < 12; turns += 2) {
		for (int i = 0; i < PIPES; i++)
			ASSERT_EQ(0, pipe(pipes[i]));
		ASSERT_OK(oa_run(closes_all, &turns,
				 .workers = variant->workers));
		ASSERT_OK(oa_run(uses_the_numbers, NULL,
				 .workers = variant->workers));
		/* Those that were not closed after all. */
		for (int i = 0; i < PIPES; i++) {
			close(pipes[i][0]);
			close(pipes[i][1]);
		}
	}
}

/* A descriptor that a worker has used which was left behind. */

static void *uses_and_computes(void *arg)
{
	data *s = arg;
	char c = 1;

	ASSERT_EQ(1, oa_write(s->fds[1], &c, 1));
	ASSERT_EQ(1, oa_read(s->fds[0], &c, 1));
	TELL(s->hog, 1);
	while (SEEN(s->hog) < 2)
		;
	return NULL;
}

static void *closes_both(void *arg)
{
	data *s = arg;

	EXPECT_OK(oa_close(s->fds[0]));
	EXPECT_OK(oa_close(s->fds[1]));
	ASSERT_EQ(0, pipe(s->fds));
	return NULL;
}

TEST_F(left, a_close_after_who_did_not_come)
{
	ASSERT_OK(oa_start(&self->rt, keeps, self, .workers = 1,
			   .watch = OA_FOREVER));
	ASSERT_OK(oa_go(uses_and_computes, self, .runtime = self->rt));
	wait_until(SEEN(self->hog) == 1);
	end(self, NULL);
	ASSERT_OK(oa_run(closes_both, self, .workers = variant->workers));
	TELL(self->hog, 2);
}

/* A close that one of those begins, and never comes back from. */

static void *computes_and_closes(void *arg)
{
	data *s = arg;

	TELL(s->hog, 1);
	while (SEEN(s->hog) < 2)
		;
	oa_close(s->fds[0]);
	COUNT(s->back);
	return NULL;
}

static void *uses_the_number(void *arg)
{
	data *s = arg;
	struct oa_deadline d;
	char c = 1;

	OA_WITHIN(&d, 10 * OA_SEC) {
		EXPECT_EQ(1, oa_write(s->fds[1], &c, 1));
		EXPECT_EQ(1, oa_read(s->fds[0], &c, 1));
		EXPECT_OK(oa_close(s->fds[0]));
		EXPECT_OK(oa_close(s->fds[1]));
	}
	ASSERT_EQ(0, pipe(s->fds));
	return NULL;
}

TEST_F(left, a_close_by_who_did_not_come, .timeout = 60)
{
	int was = self->fds[0];
	unsigned int threads;

	ASSERT_OK(oa_start(&self->rt, keeps, self, .workers = 1,
			   .watch = OA_FOREVER));
	ASSERT_OK(oa_go(computes_and_closes, self, .runtime = self->rt));
	wait_until(SEEN(self->hog) == 1);
	end(self, NULL);
	threads = harness_nr_threads();
	TELL(self->hog, 2);
	wait_until(harness_nr_threads() < threads);
	EXPECT_EQ(0u, SEEN(self->back));
	if (fcntl(was, F_GETFD) < 0) {
		close(self->fds[1]);
		ASSERT_EQ(0, pipe(self->fds));
		EXPECT_EQ(was, self->fds[0]);
	}
	ASSERT_OK(oa_run(uses_the_number, self, .workers = variant->workers));
}

/*
 * Requests that were being cancelled when a worker was left behind: others that
 * wait on the same slots are cancelled and timed out as ever.
 */

#define READERS 100

static void *reads_until_cancelled(void *arg)
{
	data *s = arg;
	struct oa_deadline d;
	int ret = 0;
	char c;

	COUNT(s->up);
	while (ret != -ECANCELED)
		OA_WITHIN(&d, 300 * OA_USEC)
			ret = (int)oa_read(s->fds[0], &c, 1);
	return NULL;
}

static void *hogs(void *arg)
{
	data *s = arg;

	TELL(s->hog, 1);
	while (SEEN(s->hog) < 2)
		;
	return NULL;
}

struct canceller { data *s; oa_task_t t[READERS]; };

static void *cancels(void *arg)
{
	struct canceller *c = arg;

	for (int i = 0; i < READERS; i++)
		oa_cancel(c->t[i]);
	return NULL;
}

static void *reads_with_a_deadline(void *arg)
{
	data *s = arg;
	struct oa_deadline d;
	char c;

	OA_WITHIN(&d, OA_MSEC)
		EXPECT_ERR((int)oa_read(s->fds[0], &c, 1), -ETIMEDOUT);
	return NULL;
}

static void *many_read(void *arg)
{
	oa_task_t t[4 * READERS];

	for (int i = 0; i < 4 * READERS; i++)
		t[i] = oa_spawn(reads_with_a_deadline, arg);
	ASSERT_OK(oa_join_all(t, 4 * READERS, NULL));
	return NULL;
}

TEST_F(left, cancels_when_one_did_not_come, .timeout = 60)
{
	long rounds = SCALED(3, 1);

	for (long k = 0; k < rounds; k++) {
		struct canceller c = { .s = self };
		pthread_t th;

		TELL(self->hog, 0);
		TELL(self->up, 0);
		ASSERT_OK(oa_start(&self->rt, keeps, self, .workers = 4,
				   .watch = OA_FOREVER));
		for (int i = 0; i < READERS; i++)
			c.t[i] = oa_spawn(reads_until_cancelled, self,
					  .runtime = self->rt);
		wait_until(SEEN(self->up) == READERS);
		ASSERT_OK(oa_go(hogs, self, .runtime = self->rt));
		wait_until(SEEN(self->hog) == 1);
		thread_start(&th, cancels, &c);
		for (long i = k * 20; i--;)
			sched_yield();
		end(self, NULL);
		thread_end(th);
		ASSERT_OK(oa_run(many_read, self,
				 .workers = variant->workers));
		TELL(self->hog, 2);
	}
}

/* A mutex was handed to one that had not started. */

static void on_held(const struct oa_runtime_event *ev, void *user)
{
	if (ev->kind == OA_EVENT_HELD)
		COUNT(((data *)user)->back);
}

static struct oa_mutex mutex;

static void *hands_over(void *arg)
{
	ASSERT_OK(oa_mutex_lock(&mutex));
	for (int i = 0; i < 3; i++)
		ASSERT_OK(oa_go(nothing, arg, .mutex = &mutex));
	ASSERT_OK(oa_yield());
	ASSERT_OK(oa_mutex_unlock(&mutex));
	ASSERT_OK(oa_shutdown(NULL, OA_SHUTDOWN_NOW));
	return NULL;
}

static void *starts_many(void *arg)
{
	oa_task_t t[300];

	for (int i = 0; i < 300; i++)
		t[i] = oa_spawn(nothing, arg);
	ASSERT_OK(oa_join_all(t, 300, NULL));
	return NULL;
}

TEST_F(left, a_mutex_that_was_handed_over)
{
	ASSERT_OK(oa_run(hands_over, self, .workers = variant->workers,
			 .on_event = on_held, .user = self));
	ASSERT_OK(oa_run(starts_many, self, .workers = variant->workers,
			 .on_event = on_held, .user = self));
	EXPECT_EQ(0u, SEEN(self->back));
}

/* Who asks whether it has been cancelled does not go on either. */

static void *asks(void *arg)
{
	data *s = arg;

	COUNT(s->up);
	while (oa_cancelled() != 1)
		;
	COUNT(s->back);
	return NULL;
}

TEST_F(left, none_goes_on_that_asks)
{
	struct oa_ended e;

	ASSERT_OK(oa_start(&self->rt, sleeps, self,
			   .workers = variant->workers,
			   .watch = OA_FOREVER));
	ASSERT_OK(oa_go(asks, self, .runtime = self->rt));
	wait_until(SEEN(self->up) == 2);
	end(self, &e);
	EXPECT_EQ(0u, SEEN(self->back));
	EXPECT_EQ(2u, e.abandoned);
}

HARNESS_MAIN
