/* SPDX-License-Identifier: MIT */
/*
 * What the debugger looks at: a process whose tasks wait in every way. It says
 * "ready" when they do, and ends well when something comes on its input.
 * usage: victim [number of further sleeping tasks]
 */
#include <oa.h>

#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <unistd.h>

/* Those that have names, and the first. */
#define TASKS		14

/* The names of the library's inside are free. */
struct task {
	char name[3];
};

struct worker {
	int task;
};

struct task task_cache = { "no" };
struct worker runtimes = { 4711 };

static int pipe_fds[2], busy_fds[2];
static struct oa_chan *channel;
static struct oa_sem no_permit;
static oa_task_t sleeper, large;
static struct oa_coro *generator;
static pthread_t announcer;
static bool spins, busy, stop;
static long more;

static void __attribute__((noinline)) rests(int depth)
{
	volatile int mark = 1000 + depth;

	if (depth)
		rests(depth - 1);
	else
		oa_sleep(1000 * OA_SEC);
	mark++;
}

static void *sleeps(void *arg)
{
	rests(3);
	return arg;
}

static void *reads(void *arg)
{
	char c;

	oa_read(pipe_fds[0], &c, 1);
	return arg;
}

static void *joins(void *arg)
{
	oa_join(sleeper, NULL);
	return arg;
}

static void *receives(void *arg)
{
	int elem;

	oa_chan_recv(channel, &elem);
	return arg;
}

/* The thread's own call: nobody is told that it waits. */
static void *blocks(void *arg)
{
	char c;

	__atomic_store_n(&busy, true, __ATOMIC_RELEASE);
	oa_read(busy_fds[0], &c, 1);
	return arg;
}

static void *never(void *arg)
{
	return arg;
}

static void *inner(void *arg)
{
	rests(1);
	return arg;
}

static void *outer(void *arg)
{
	struct oa_coro *co;

	if (oa_coro_create(&co, inner, arg, .name = "inner"))
		abort();
	oa_coro_resume(co, NULL);
	oa_coro_destroy(co);
	return arg;
}

static void *nests(void *arg)
{
	struct oa_coro *co;

	if (oa_coro_create(&co, outer, arg, .name = "outer"))
		abort();
	oa_coro_resume(co, NULL);
	oa_coro_destroy(co);
	return arg;
}

static void *grown(void *arg)
{
	rests(1);
	return arg;
}

static void *grows(void *arg)
{
	size_t left = oa_stack_left();

	return oa_call_grown(grown, arg, left + 4096, 2 * left);
}

static void *grows_more(void *arg)
{
	size_t left = oa_stack_left();

	return oa_call_grown(grows, arg, left + 4096, 2 * left);
}

static void *generates(void *arg)
{
	oa_coro_suspend(arg);
	return arg;
}

static void *spins_on(void *arg)
{
	__atomic_store_n(&spins, true, __ATOMIC_RELEASE);
	while (!__atomic_load_n(&stop, __ATOMIC_ACQUIRE))
		;
	return arg;
}

static int count(const struct oa_task_info *info, void *arg)
{
	*(long *)arg += info->state == OA_TASK_PARKED ||
			info->state == OA_TASK_DELAYED ||
			(info->state == OA_TASK_WAITING &&
			 !strcmp(info->waits, "sem"));
	return 0;
}

static void start(void)
{
	if (oa_coro_create(&generator, generates, NULL, .name = "generator"))
		abort();
	oa_coro_resume(generator, NULL);
	for (long i = 0; i < more; i++)
		oa_go(sleeps, NULL);
	sleeper = oa_spawn(sleeps, NULL, .name = "sleeper");
	large = oa_spawn(sleeps, NULL, .name = "large", .stack_size = 1 << 20);
	oa_go(reads, NULL, .name = "reader");
	oa_go(joins, NULL, .name = "joiner");
	oa_go(never, NULL, .name = "later", .delay = 1000 * OA_SEC);
	oa_go(sleeps, NULL, .name = "two words", .worker = OA_WORKER(0));
	oa_go(nests, NULL, .name = "nested");
	oa_go(grows_more, NULL, .name = "grown");
	if (oa_chan_create(&channel, sizeof(int), 0, OA_CHAN_BOUNDED))
		abort();
	oa_go(receives, NULL, .name = "channel");
	oa_go(receives, NULL, .name = "blocked", .block = true);
	oa_go(blocks, NULL, .name = "busy", .block = true);
	oa_go(never, NULL, .name = "starter", .sem = &no_permit,
	      .then = (const oa_fn[]){ sleeps, NULL });
}

static bool waiting(struct oa_runtime *rt, long tasks)
{
	long n = 0;

	oa_tasks(rt, count, &n);
	return n >= tasks;
}

/*
 * A thread of its own says that all wait but for the two that run. It waits
 * for a task then, but is none: it is to be seen in no list.
 */
static void *announces(void *rt)
{
	while (!waiting(rt, TASKS - 2 + more))
		sched_yield();
	dprintf(STDOUT_FILENO, "ready %#llx\n", (unsigned long long)sleeper.id);
	oa_join(large, NULL);
	return NULL;
}

/* One that never waits is the last to be started. */
static void settle(void)
{
	while (!waiting(NULL, TASKS - 3 + more) ||
	       !__atomic_load_n(&busy, __ATOMIC_ACQUIRE))
		oa_yield();
	oa_go(spins_on, NULL, .name = "spinner", .worker = OA_WORKER(1));
	while (!__atomic_load_n(&spins, __ATOMIC_ACQUIRE))
		oa_yield();
}

/* On worker 0, since the other one will spin. */
static void *control(void *arg)
{
	char c;

	if (pipe(pipe_fds) || pipe(busy_fds))
		abort();
	start();
	settle();
	if (pthread_create(&announcer, NULL, announces, oa_runtime_self()))
		abort();
	oa_read(STDIN_FILENO, &c, 1);
	__atomic_store_n(&stop, true, __ATOMIC_RELEASE);
	close(busy_fds[1]);
	oa_coro_destroy(generator);
	oa_shutdown(NULL, OA_SHUTDOWN_GRACEFUL);
	return arg;
}

static void *first(void *arg)
{
	oa_go(control, arg, .name = "control", .worker = OA_WORKER(0));
	return NULL;
}

int main(int argc, char **argv)
{
	int err;

	more = argc > 1 ? atol(argv[1]) : 0;
	prctl(PR_SET_PTRACER, PR_SET_PTRACER_ANY);
	prctl(PR_SET_PDEATHSIG, SIGKILL);
	err = oa_run(first, NULL, .workers = 2, .max_blocking = 2);
	if (err)
		fprintf(stderr, "victim: %s\n", oa_strerror(err));
	else
		pthread_join(announcer, NULL);
	oa_chan_destroy(channel);
	return err || runtimes.task != 4711 || task_cache.name[0] != 'n';
}
