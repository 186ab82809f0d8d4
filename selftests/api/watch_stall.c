// SPDX-License-Identifier: MIT
/* A task that holds its worker is told, once, with where it stands. */
#include "watch_test.h"

#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#define LIMIT	(5 * OA_MSEC)

FIXTURE(stall) { struct heard heard; int flag, fds[2]; char c; };
VARIANTS_WORKERS(stall);

typedef struct stall_fixture_data data;

FIXTURE_SETUP(stall)
{
	self->heard.kind = OA_EVENT_STALL;
	ASSERT_EQ(0, pipe(self->fds));
}

FIXTURE_TEARDOWN(stall)
{
	close(self->fds[0]);
	close(self->fds[1]);
}

/* On a slow machine a task that does little may hold its worker as long. */
static struct heard *of_the_spinner(data *s)
{
	s->heard.only = "\"spinner\"";
	return &s->heard;
}

#define WATCHED_FOR(heard) \
	.workers = variant->workers, .on_event = hear, .user = (heard), \
	.watch = LIMIT
#define WATCHED() WATCHED_FOR(&self->heard)

/* Its signal handlers run only when the thread calls the system. */
static bool signals_come_late(void)
{
	const char *slow = harness_slow();

	return slow && strstr(slow, "hread");
}

static void __attribute__((noinline)) spins_here(data *s, unsigned int n)
{
	while (SEEN(s->heard.n) < n)
		;
	__asm__ volatile("");
}

static void *spins(void *arg)
{
	spins_here(arg, 1);
	return (void *)(intptr_t)oa_worker_id();
}

/* Counted as often as it has begun, whoever was told of besides. */
static void expect_one(data *s)
{
	uint64_t n = STAT(NULL, stalls);

	EXPECT_EQ(1u + (uint64_t)SEEN(s->heard.others), n);
}

TASK_TEST_F(stall, is_told_with_where_it_stands,
	    WATCHED_FOR(of_the_spinner(self)))
{
	oa_task_t t = oa_spawn(spins, self, .name = "spinner");
	void *where;

	ASSERT_OK(oa_join(t, &where));
	EXPECT_EQ(1u, SEEN(self->heard.n));
	EXPECT_TRUE(oa_task_eq(t, self->heard.ev[0].task));
	EXPECT_EQ((int)(intptr_t)where, self->heard.ev[0].worker);
	EXPECT_GE(self->heard.ev[0].value, LIMIT);
	EXPECT_SAYS(self->heard.ev[0].text, "\"spinner\"");
	EXPECT_SAYS(self->heard.ev[0].text, "started at stall_is_told");
	if (!signals_come_late()) {
		EXPECT_SAYS(self->heard.ev[0].text, "at spins_here+");
		EXPECT_SAYS(self->heard.ev[0].text, "< spins+");
	}
	expect_one(self);
}

static void *spins_twice_told(void *arg)
{
	spins_here(arg, 2);
	return NULL;
}

TASK_TEST_F(stall, is_told_again_at_ten_times_its_length,
	    WATCHED_FOR(of_the_spinner(self)))
{
	ASSERT_OK(oa_join(oa_spawn(spins_twice_told, self, .name = "spinner"),
			  NULL));
	EXPECT_EQ(2u, SEEN(self->heard.n));
	EXPECT_GE(self->heard.ev[1].value, 10 * self->heard.ev[0].value);
	EXPECT_TRUE(oa_task_eq(self->heard.ev[0].task,
			       self->heard.ev[1].task));
	/* It is one all the same. */
	expect_one(self);
}

/* Any number of them is counted, and five are told in a minute. */
TASK_TEST_F(stall, no_more_than_five_a_minute, WATCHED())
{
	for (uint64_t n = 1; n <= 8; n++) {
		while (STAT(NULL, stalls) < n)
			;
		ASSERT_OK(oa_sleep(1));
	}
	EXPECT_EQ(8u, STAT(NULL, stalls));
	EXPECT_EQ(5u, SEEN(self->heard.n));
}

static void *sleeps(void *arg)
{
	(void)arg;
	return oa_err(oa_sleep(OA_FOREVER));
}

static void *yields(void *arg)
{
	while (!SEEN(*(int *)arg))
		ASSERT_OK(oa_yield());
	return NULL;
}

/* While the other is told, ten times as long, nothing is of these. */
TEST_F(stall, is_not_who_waits_or_gives_way)
{
	struct heard other = { .kind = OA_EVENT_STALL };
	struct oa_runtime *here, *there;
	oa_task_t t;

	ASSERT_OK(oa_start(&here, yields, &self->flag, .workers =
			   variant->workers, .on_event = hear, .user = &other,
			   /* A first start may take its time there. */
			   .watch = harness_slow() ? OA_SEC : 8 * LIMIT));
	t = oa_spawn(sleeps, NULL, .runtime = here);
	ASSERT_OK(oa_start(&there, spins_twice_told, self, WATCHED()));
	wait_until(SEEN(self->heard.n) == 2);
	TELL(self->flag, 1);
	ASSERT_OK(oa_cancel(t));
	ASSERT_OK(oa_join(t, NULL));
	ASSERT_OK(oa_runtime_wait(here, NULL));
	ASSERT_OK(oa_runtime_wait(there, NULL));
	EXPECT_EQ(0u, other.n);
	EXPECT_STREQ("", other.ev[0].text);
	ASSERT_OK(oa_runtime_free(here));
	ASSERT_OK(oa_runtime_free(there));
}

/* One that waits in the kernel is not disturbed. */

static ssize_t __attribute__((noinline)) reads_here(int fd, char *c)
{
	ssize_t n = read(fd, c, 1);

	__asm__ volatile("");
	return n;
}

/* On a busy machine it may not have got to the call when it is told first. */
static void writes_one(void *arg)
{
	data *s = arg;

	if (!strstr(s->heard.ev[s->heard.n - 1].text, "in system call "))
		return;
	ASSERT_EQ(1, write(s->fds[1], "x", 1));
}

static void *reads(void *arg)
{
	data *s = arg;

	ASSERT_EQ(1, reads_here(s->fds[0], &s->c));
	return NULL;
}

TEST_F(stall, in_a_system_call)
{
	unsigned int last;

	self->heard.then = writes_one;
	self->heard.arg = self;
	ASSERT_OK(oa_run(reads, self, WATCHED()));
	ASSERT_TRUE(self->heard.n > 0 && self->heard.n <= 5);
	last = self->heard.n - 1;
	EXPECT_SAYS(self->heard.ev[last].text, "in system call ");
#ifdef __x86_64__
	/* The kernel tells which call and where; the caller is a guess. */
	if (!harness_slow())
		EXPECT_SAYS(self->heard.ev[last].text, "? reads_here+");
#endif
}

static void *has_a_coroutine(void *arg)
{
	spins_here(arg, 1);
	return NULL;
}

static void *resumes(void *arg)
{
	struct oa_coro *co;

	ASSERT_OK(oa_coro_create(&co, has_a_coroutine, arg));
	ASSERT_NULL(oa_coro_resume(co, NULL));
	ASSERT_OK(oa_coro_destroy(co));
	return NULL;
}

TEST_F(stall, in_a_coroutine)
{
	ASSERT_OK(oa_run(resumes, self, WATCHED()));
	EXPECT_EQ(1u, self->heard.n);
	if (!signals_come_late()) {
		EXPECT_SAYS(self->heard.ev[0].text, "at spins_here+");
		EXPECT_SAYS(self->heard.ev[0].text, "in a coroutine");
	}
}

/* A handler of the program's for the signal that would be used is left alone. */

static int got_signal;

static void on_urgent(int sig)
{
	got_signal = sig;
}

TEST_F(stall, where_the_program_uses_the_signal)
{
	struct sigaction is;

	signal(SIGURG, on_urgent);
	ASSERT_OK(oa_run(spins, self, WATCHED()));
	EXPECT_EQ(1u, self->heard.n);
	EXPECT_SAYS_NOT(self->heard.ev[0].text, "spins_here");
	EXPECT_EQ(0, got_signal);
	ASSERT_EQ(0, sigaction(SIGURG, NULL, &is));
	EXPECT_EQ((void *)on_urgent, (void *)is.sa_handler);
}

TEST_F(stall, the_signal_is_given_back)
{
	struct sigaction is;

	ASSERT_OK(oa_run(spins, self, WATCHED()));
	ASSERT_EQ(0, sigaction(SIGURG, NULL, &is));
	EXPECT_EQ((void *)SIG_DFL, (void *)is.sa_handler);
}

/* Without .on_event it goes to stderr. */

static void *spins_till_counted(void *arg)
{
	(void)arg;
	while (!STAT(NULL, stalls))
		;
	return NULL;
}

static int stderr_to_file(void)
{
	int fd = memfd_create("stderr", MFD_CLOEXEC);

	ASSERT_GE(fd, 0);
	fflush(stderr);
	ASSERT_EQ(STDERR_FILENO, dup2(fd, STDERR_FILENO));
	return fd;
}

TEST(without_a_callback_to_stderr)
{
	int was = dup(STDERR_FILENO), fd = stderr_to_file();
	char text[4096] = "";

	ASSERT_OK(oa_run(spins_till_counted, NULL, .name = "here",
			 .watch = LIMIT));
	dup2(was, STDERR_FILENO);
	ASSERT_GT(pread(fd, text, sizeof(text) - 1, 0), 0);
	EXPECT_EQ(0, strncmp(text, "liboa: task \"\" (", 16));
	EXPECT_SAYS(text, "of \"here\" for ");
	EXPECT_EQ('\n', text[strlen(text) - 1]);
	close(was);
	close(fd);
}

/* The thread is there if and only if it has something to watch. */

static void *counts_threads(void *arg)
{
	*(unsigned int *)arg = harness_nr_threads();
	return NULL;
}

TEST_F(stall, off)
{
	unsigned int before = harness_nr_threads(), with = 0, without = 0;

	ASSERT_OK(oa_run(counts_threads, &without, .workers = variant->workers,
			 .watch = OA_FOREVER));
	EXPECT_EQ(before + variant->workers - 1, without);
	/* One that was joined may be there, exiting, for a while. */
	wait_until(harness_nr_threads() == before);
	ASSERT_OK(oa_run(counts_threads, &with, .workers =
			 variant->workers));
	EXPECT_EQ(without + 1, with);
	EXPECT_ERR(oa_run(counts_threads, &with, .watch = -1), -EINVAL);
}

/* One thread for all of them, gone with the last. */
TEST_F(stall, one_thread_for_all)
{
	unsigned int before = harness_nr_threads();
	struct oa_runtime *rt[4];

	for (int i = 0; i < 4; i++)
		ASSERT_OK(oa_start(&rt[i], sleeps, NULL, .workers = 1));
	EXPECT_EQ(before + 5, harness_nr_threads());
	for (int i = 0; i < 4; i++) {
		ASSERT_OK(oa_shutdown(rt[i], OA_SHUTDOWN_GRACEFUL));
		ASSERT_OK(oa_runtime_wait(rt[i], NULL));
		ASSERT_OK(oa_runtime_free(rt[i]));
	}
	wait_until(harness_nr_threads() == before);
	for (int i = 0; i < 50; i++)
		ASSERT_OK(oa_run(counts_threads, &before, .workers = 1));
}

/* A process that was stopped has held nobody up. */

struct shared { int begun, goes_on; uint64_t stalls; };

static void *computes_in_turns(void *arg)
{
	struct shared *s = arg;
	unsigned int more = 100;

	while (!SEEN(s->goes_on) || more--) {
		for (volatile int i = 0; i < 100000; i++)
			;
		TELL(s->begun, 1);
		ASSERT_OK(oa_yield());
	}
	TELL(s->stalls, STAT(NULL, stalls));
	return NULL;
}

TEST(a_stop_of_the_process_is_none)
{
	struct shared *s = mmap(NULL, sizeof(*s), PROT_READ | PROT_WRITE,
				MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	oa_time_t until;
	int status;
	pid_t pid;

	ASSERT_NE((void *)MAP_FAILED, (void *)s);
	pid = fork();
	ASSERT_GE(pid, 0);
	if (!pid)
		_exit(oa_run(computes_in_turns, s, .workers = 2) ? 1 : 0);
	wait_until(SEEN(s->begun));
	ASSERT_EQ(0, kill(pid, SIGSTOP));
	ASSERT_EQ(pid, waitpid(pid, &status, WUNTRACED));
	ASSERT_TRUE(WIFSTOPPED(status));
	/* It is time itself that must have no effect. */
	until = oa_after(200 * OA_MSEC);
	wait_until(oa_now() > until);
	ASSERT_EQ(0, kill(pid, SIGCONT));
	TELL(s->goes_on, 1);
	ASSERT_EQ(pid, waitpid(pid, &status, 0));
	EXPECT_EQ(0, status);
	EXPECT_EQ(0u, s->stalls);
	munmap(s, sizeof(*s));
}

HARNESS_MAIN
