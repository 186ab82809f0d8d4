// SPDX-License-Identifier: MIT
/* Posts from signal handlers, whatever they interrupt. */
#include "api_test.h"

#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/syscall.h>
#include <unistd.h>

#define NODES	512

FIXTURE(prepared) {
	struct oa_runtime *rt;
	int done;
	unsigned int n, posted, refused;
	struct oa_post_node nodes[NODES];
};
VARIANTS_WORKERS(prepared);

typedef struct prepared_fixture_data data;

static void *keeper(void *arg)
{
	data *s = arg;

	while (!SEEN(s->done))
		if (oa_sleep(200 * OA_USEC))
			break;
	return NULL;
}

FIXTURE_SETUP(prepared)
{
	ASSERT_OK(oa_start(&self->rt, keeper, self,
			   .workers = variant->workers, .watch = OA_FOREVER));
	dump_runtime = self->rt;
}

FIXTURE_TEARDOWN(prepared)
{
	TELL(self->done, 1);
	ASSERT_OK(oa_runtime_wait(self->rt, NULL));
	ASSERT_OK(oa_runtime_free(self->rt));
	/* No handler runs any more, but perhaps on this thread. */
	if (SEEN(self->posted))
		EXPECT_EQ(SEEN(self->posted), SEEN(self->n));
}

/* What the handler is to do. */
static struct oa_post_node to_post;
static volatile int result, errno_after;

static void on_one(int sig)
{
	(void)sig;
	errno = 4711;
	result = oa_post_prepared(&to_post);
	errno_after = errno;
}

static void *adds_one(void *arg)
{
	COUNT(*(unsigned int *)arg);
	return NULL;
}

static void one_node(data *s)
{
	to_post = (struct oa_post_node)OA_POST_NODE(s->rt, adds_one, &s->n);
}

static void handle(int sig, void (*fn)(int))
{
	struct sigaction sa = { .sa_handler = fn, .sa_flags = SA_RESTART };

	ASSERT_EQ(0, sigaction(sig, &sa, NULL));
}

/* Each meets workers that are just going to sleep, or do. */
TEST_F(prepared, to_parked_workers)
{
	handle(SIGUSR2, on_one);
	one_node(self);
	for (unsigned int i = 0; i < 300; i++) {
		ASSERT_EQ(0, raise(SIGUSR2));
		ASSERT_OK(result);
		ASSERT_EQ(4711, errno_after);
		wait_until(SEEN(self->n) == i + 1);
	}
	EXPECT_EQ(300u, STAT(self->rt, posts));
	EXPECT_EQ(0u, STAT(self->rt, posts_refused));
}

static void *raises(void *arg)
{
	(void)arg;
	pthread_kill(pthread_self(), SIGUSR2);
	return NULL;
}

/* A thread that has never called the library. */
TEST_F(prepared, from_a_stranger)
{
	pthread_t th;

	handle(SIGUSR2, on_one);
	one_node(self);
	for (unsigned int i = 0; i < 20; i++) {
		thread_start(&th, raises, NULL);
		thread_end(th);
		ASSERT_OK(result);
		wait_until(SEEN(self->n) == i + 1);
	}
}

TEST_F(prepared, bad_arguments)
{
	struct oa_post_node no_fn = OA_POST_NODE(self->rt, NULL, NULL);
	struct oa_post_node no_rt = OA_POST_NODE(NULL, adds_one, NULL);
	struct oa_post_node strange = OA_POST_NODE(
		(struct oa_runtime *)&no_fn, adds_one, NULL);

	EXPECT_ERR(oa_post_prepared(NULL), -EINVAL);
	EXPECT_ERR(oa_post_prepared(&no_fn), -EINVAL);
	EXPECT_ERR(oa_post_prepared(&no_rt), -EINVAL);
	EXPECT_ERR(oa_post_prepared(&strange), -ESHUTDOWN);
}

/* A node is its owner's again when its function begins. */

static struct oa_post_node again;
static unsigned int rounds;

static void *posts_itself(void *arg)
{
	if (COUNT(rounds) < 1000)
		EXPECT_OK(oa_post_prepared(&again));
	(void)arg;
	return NULL;
}

TEST_F(prepared, again_from_inside)
{
	again = (struct oa_post_node)OA_POST_NODE(self->rt, posts_itself, NULL);
	ASSERT_OK(oa_post_prepared(&again));
	wait_until(SEEN(rounds) == 1000);
}

static int hold, held;

static void *holds_its_worker(void *arg)
{
	(void)arg;
	COUNT(held);
	while (SEEN(hold))
		;
	return NULL;
}

static void hold_all(struct oa_runtime *rt, unsigned int workers)
{
	TELL(hold, 1);
	for (unsigned int i = 0; i < workers; i++)
		ASSERT_OK(oa_go(holds_its_worker, NULL, .runtime = rt,
				.worker = OA_WORKER((int)i)));
	wait_until(SEEN(held) == (int)workers);
}

TEST_F(prepared, twice_before_it_begins)
{
	struct oa_post_node node = OA_POST_NODE(self->rt, adds_one, &self->n);

	hold_all(self->rt, variant->workers);
	EXPECT_OK(oa_post_prepared(&node));
	EXPECT_ERR(oa_post_prepared(&node), -EALREADY);
	TELL(hold, 0);
	wait_until(SEEN(self->n) == 1);
	EXPECT_OK(oa_post_prepared(&node));
	wait_until(SEEN(self->n) == 2);
}

static unsigned int place;

static void *in_order(void *arg)
{
	EXPECT_EQ((unsigned int)(uintptr_t)arg, place++);
	return NULL;
}

TEST(they_start_in_order)
{
	static struct oa_post_node nodes[NODES];
	struct prepared_fixture_data s = { .done = 0 };
	struct oa_runtime *rt;

	ASSERT_OK(oa_start(&rt, keeper, &s, .workers = 1));
	hold_all(rt, 1);
	for (uintptr_t i = 0; i < NODES; i++) {
		nodes[i] = (struct oa_post_node)OA_POST_NODE(rt, in_order,
							    (void *)i);
		ASSERT_OK(oa_post_prepared(&nodes[i]));
	}
	TELL(s.done, 1);
	TELL(hold, 0);
	ASSERT_OK(oa_runtime_wait(rt, NULL));
	ASSERT_OK(oa_runtime_free(rt));
	EXPECT_EQ((unsigned int)NODES, place);
}

/* It is let in all the same, and takes no other's place. */
TEST(max_tasks_does_not_hold_it_up)
{
	struct prepared_fixture_data s = { .done = 0 };
	struct oa_post_node node;
	struct oa_runtime *rt;
	unsigned int n = 0;

	ASSERT_OK(oa_start(&rt, keeper, &s, .workers = 2, .max_tasks = 1));
	node = (struct oa_post_node)OA_POST_NODE(rt, adds_one, &n);
	for (unsigned int i = 0; i < 10; i++) {
		ASSERT_OK(oa_post_prepared(&node));
		wait_until(SEEN(n) == i + 1);
		ASSERT_ERR(oa_post(rt, adds_one, NULL, 0), -EAGAIN);
	}
	TELL(s.done, 1);
	ASSERT_OK(oa_runtime_wait(rt, NULL));
	ASSERT_OK(oa_runtime_free(rt));
}

static void *ends(void *arg)
{
	return arg;
}

TEST(it_takes_no_place_of_max_tasks)
{
	struct prepared_fixture_data s = { .done = 0 };
	struct oa_post_node node;
	struct oa_runtime *rt;
	unsigned int n = 0;

	ASSERT_OK(oa_start(&rt, keeper, &s, .workers = 2, .max_tasks = 2));
	node = (struct oa_post_node)OA_POST_NODE(rt, adds_one, &n);
	for (unsigned int i = 0; i < 10; i++) {
		ASSERT_OK(oa_post_prepared(&node));
		wait_until(SEEN(n) == i + 1);
	}
	ASSERT_OK(oa_post(rt, ends, NULL, 0));
	TELL(s.done, 1);
	ASSERT_OK(oa_runtime_wait(rt, NULL));
	ASSERT_OK(oa_runtime_free(rt));
}

/* Signals to every thread, which work. */

static data *storm;
static unsigned int next_node, all_busy;

static void on_storm(int sig)
{
	unsigned int at;
	int err;

	(void)sig;
	for (int i = 0; i < NODES; i++) {
		at = __atomic_fetch_add(&next_node, 1, __ATOMIC_RELAXED);
		err = oa_post_prepared(&storm->nodes[at % NODES]);
		if (!err) {
			COUNT(storm->posted);
			return;
		}
		if (err != -EALREADY) {
			COUNT(storm->refused);
			return;
		}
	}
	COUNT(all_busy);
}

static void *works(void *arg)
{
	data *s = arg;
	int fds[2];
	char c = 0;

	ASSERT_EQ(0, pipe(fds));
	while (!SEEN(s->done)) {
		oa_task_t t[8];

		for (int i = 0; i < 8; i++)
			t[i] = oa_spawn(ends, NULL, .name = i & 1 ? "odd" : NULL);
		oa_yield();
		for (int i = 0; i < 8; i++)
			oa_join(t[i], NULL);
		oa_sleep(20 * OA_USEC);
		if (oa_write(fds[1], &c, 1) == 1)
			oa_read(fds[0], &c, 1);
	}
	close(fds[0]);
	close(fds[1]);
	return NULL;
}

static void *posts_until_done(void *arg)
{
	data *s = arg;
	unsigned int *n = NULL;

	while (!SEEN(s->done)) {
		oa_post(s->rt, ends, &n, sizeof(n));
		oa_join(oa_spawn(ends, NULL, .runtime = s->rt), NULL);
	}
	return NULL;
}

/*
 * The kernel's for requests take no signals (their names come later), nor do
 * those that are gone but for their names.
 */
#define PF_EXITING	0x04u
#define PF_IO_WORKER	0x10u

static bool takes_none(const char *tid)
{
	char path[64], line[512] = "", *end;
	unsigned int flags = 0;
	FILE *f;

	snprintf(path, sizeof(path), "/proc/self/task/%.20s/stat", tid);
	f = fopen(path, "re");
	if (f) {
		if (!fgets(line, sizeof(line), f))
			line[0] = '\0';
		fclose(f);
	}
	/* State, five numbers, flags. */
	end = strrchr(line, ')');
	return end && sscanf(end + 1, " %*c %*d %*d %*d %*d %*d %u",
			     &flags) == 1 && flags & (PF_EXITING | PF_IO_WORKER);
}

/* The threads of this process; of the workers there are no others' ids. */
static int all_threads(pid_t *tid, int max)
{
	DIR *dir = opendir("/proc/self/task");
	struct dirent *e;
	int n = 0;

	ASSERT_NOT_NULL(dir);
	while (n < max && (e = readdir(dir)))
		if (e->d_name[0] != '.' && !takes_none(e->d_name))
			tid[n++] = atoi(e->d_name);
	closedir(dir);
	return n;
}

TEST_F_TIMEOUT(prepared, none_is_lost_in_a_storm_of_signals, 60)
{
	unsigned int sent = (unsigned int)SCALED(20000, 1000);
	pthread_t th;
	pid_t tid[64];
	int n;

	storm = self;
	for (int i = 0; i < NODES; i++)
		self->nodes[i] = (struct oa_post_node)
			OA_POST_NODE(self->rt, adds_one, &self->n);
	handle(SIGRTMIN, on_storm);
	for (int i = 0; i < 8; i++)
		ASSERT_OK(oa_go(works, self, .runtime = self->rt));
	thread_start(&th, posts_until_done, self);
	n = all_threads(tid, 64);
	for (unsigned int i = 0; i < sent; i++)
		while (syscall(SYS_tgkill, getpid(), tid[i % (unsigned int)n],
			       SIGRTMIN))
			sched_yield();
	/* A sanitizer hands on few of them. */
	wait_until(harness_slow() ||
		   SEEN(self->posted) + SEEN(all_busy) == sent);
	wait_until(SEEN(self->n) == SEEN(self->posted));
	TEST_LOG("%u posted, %u found every node busy", SEEN(self->posted),
		 SEEN(all_busy));
	EXPECT_EQ(0u, SEEN(self->refused));
	EXPECT_GE(SEEN(self->posted), harness_slow() ? 1 : sent / 100);
	TELL(self->done, 1);
	thread_end(th);
}

/* While it ends. */

static struct oa_post_node stop_node;

static void on_stop(int sig)
{
	(void)sig;
	result = oa_post_prepared(&stop_node);
}

static void *shuts_down(void *arg)
{
	EXPECT_OK(oa_shutdown(NULL, OA_SHUTDOWN_GRACEFUL));
	return arg;
}

static void *sleeps_for_ever(void *arg)
{
	EXPECT_ERR(oa_sleep(OA_FOREVER), -ECANCELED);
	return arg;
}

TEST_F(prepared, a_signal_ends_a_runtime)
{
	handle(SIGUSR2, on_stop);
	for (int i = 0; i < 50; i++) {
		struct oa_runtime *rt;

		ASSERT_OK(oa_start(&rt, sleeps_for_ever, NULL,
				   .workers = variant->workers));
		stop_node = (struct oa_post_node)OA_POST_NODE(rt, shuts_down,
							      NULL);
		raise(SIGUSR2);
		ASSERT_OK(result);
		ASSERT_OK(oa_runtime_wait(rt, NULL));
		/* Over, and then gone: the pointer is not followed. */
		EXPECT_ERR(oa_post_prepared(&stop_node), -ESHUTDOWN);
		ASSERT_OK(oa_runtime_free(rt));
		EXPECT_ERR(oa_post_prepared(&stop_node), -ESHUTDOWN);
	}
}

TEST_F(prepared, what_is_dropped_can_be_posted_elsewhere)
{
	struct oa_post_node node = OA_POST_NODE(NULL, adds_one, &self->n);
	struct oa_ended e;
	struct oa_runtime *rt;

	ASSERT_OK(oa_start(&rt, sleeps_for_ever, NULL, .workers = 1));
	hold_all(rt, 1);
	node.rt = rt;
	ASSERT_OK(oa_post_prepared(&node));
	ASSERT_OK(oa_shutdown(rt, OA_SHUTDOWN_GRACEFUL));
	TELL(hold, 0);
	ASSERT_OK(oa_runtime_wait(rt, &e));
	ASSERT_OK(oa_runtime_free(rt));
	EXPECT_EQ(0u, SEEN(self->n));
	EXPECT_GE(e.dropped, 1u);
	node.rt = self->rt;
	ASSERT_OK(oa_post_prepared(&node));
	wait_until(SEEN(self->n) == 1);
}

TEST_F(prepared, dropped_by_a_shutdown_at_once)
{
	struct oa_post_node node = OA_POST_NODE(NULL, adds_one, &self->n);
	struct oa_runtime *rt;
	struct oa_ended e;

	ASSERT_OK(oa_start(&rt, sleeps_for_ever, NULL, .workers = 1,
			   NOTES_LEFT));
	hold_all(rt, 1);
	node.rt = rt;
	ASSERT_OK(oa_post_prepared(&node));
	ASSERT_OK(oa_shutdown(rt, OA_SHUTDOWN_NOW));
	TELL(hold, 0);
	ASSERT_OK(oa_runtime_wait(rt, &e));
	ASSERT_OK(oa_runtime_free(rt));
	skip_if_any_left();
	EXPECT_EQ(0u, SEEN(self->n));
	EXPECT_EQ(1u, e.dropped);
	node.rt = self->rt;
	ASSERT_OK(oa_post_prepared(&node));
	wait_until(SEEN(self->n) == 1);
}

/* Signals that come all the time, as runtimes come and go. */

static struct oa_runtime *current_rt;

static void on_tick(int sig)
{
	static struct oa_post_node node;

	(void)sig;
	if (__atomic_load_n(&node.oa__state, __ATOMIC_ACQUIRE))
		return;
	node.rt = SEEN(current_rt);
	node.fn = adds_one;
	node.arg = &storm->n;
	if (!oa_post_prepared(&node))
		COUNT(storm->posted);
}

static void *runtimes_come_and_go(void *arg)
{
	long n = SCALED(200, 30);
	data *s = arg;

	for (long i = 0; i < n; i++) {
		struct oa_runtime *rt;

		ASSERT_OK(oa_start(&rt, ends, NULL, .workers = 2));
		TELL(current_rt, rt);
		ASSERT_OK(oa_runtime_wait(rt, NULL));
		ASSERT_OK(oa_runtime_free(rt));
	}
	TELL(s->refused, 1);
	return NULL;
}

TEST_F(prepared, at_any_moment_of_a_runtime)
{
	pthread_t th;

	storm = self;
	TELL(current_rt, self->rt);
	handle(SIGUSR2, on_tick);
	raise(SIGUSR2);
	EXPECT_EQ(1u, SEEN(self->posted));
	thread_start(&th, runtimes_come_and_go, self);
	/* From one thread, so that one handler has the node. */
	while (!SEEN(self->refused))
		raise(SIGUSR2);
	thread_end(th);
	wait_until(SEEN(self->n) == SEEN(self->posted));
}

HARNESS_MAIN
