// SPDX-License-Identifier: MIT
/* Who waits for whom, on demand: by a call, and by a signal. */
#include "watch_test.h"

#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <unistd.h>

FIXTURE(dump) {
	struct oa_mutex m, other;
	oa_task_t t[3];
	unsigned int hold, flag, spinning;
	int fd, was;
	char text[65536];
};
VARIANTS_WORKERS(dump);

typedef struct dump_fixture_data data;

FIXTURE_SETUP(dump)
{
	self->fd = memfd_create("dump", MFD_CLOEXEC);
	ASSERT_GE(self->fd, 0);
	self->was = -1;
}

FIXTURE_TEARDOWN(dump)
{
	if (self->was >= 0) {
		dup2(self->was, STDERR_FILENO);
		close(self->was);
	}
	close(self->fd);
}

static const char *dumped(data *s)
{
	ssize_t n = pread(s->fd, s->text, sizeof(s->text) - 1, 0);

	ASSERT_GE(n, 0);
	s->text[n] = '\0';
	return s->text;
}

static void stderr_to_dump(data *s)
{
	fflush(stderr);
	s->was = dup(STDERR_FILENO);
	ASSERT_EQ(STDERR_FILENO, dup2(s->fd, STDERR_FILENO));
}

/* A line of the dump: that of the task @name. */
static const char *line_of(data *s, const char *name, char *line, size_t n)
{
	char quoted[64];
	const char *at;
	size_t len;

	snprintf(quoted, sizeof(quoted), " \"%s\" ", name);
	at = strstr(dumped(s), quoted);
	/* As the task itself, not as a holder: behind its handle. */
	while (at) {
		const char *begin = at;

		while (begin > s->text && begin[-1] != '\n')
			begin--;
		if (!strncmp(begin, "task ", 5) &&
		    (size_t)(at - begin) == 5 + strcspn(begin + 5, " "))
			break;
		at = strstr(at + 1, quoted);
	}
	if (!at)
		FAIL("no task \"%s\" in %s", name, s->text);
	len = strcspn(at, "\n");
	snprintf(line, n, "%.*s", (int)len, at);
	return line;
}

static void *holds(void *arg)
{
	data *s = arg;

	ASSERT_OK(oa_mutex_lock(&s->m));
	TELL(s->hold, 1);
	while (!SEEN(s->flag))
		if (oa_sleep(OA_MSEC))
			break;
	ASSERT_OK(oa_mutex_unlock(&s->m));
	return NULL;
}

static void *wants(void *arg)
{
	data *s = arg;
	int err;

	task_wait_until(SEEN(s->hold));
	err = oa_mutex_lock_until(&s->m, OA_FOREVER);
	if (!err)
		ASSERT_OK(oa_mutex_unlock(&s->m));
	return oa_err(err);
}

struct find {
	oa_task_t task;
	struct oa_task_info info;
	char waits[32];
};

static int find_one(const struct oa_task_info *info, void *arg)
{
	struct find *f = arg;

	if (!oa_task_eq(info->task, f->task))
		return 0;
	f->info = *info;
	snprintf(f->waits, sizeof(f->waits), "%s", info->waits);
	return 1;
}

static struct oa_task_info look_at(oa_task_t t)
{
	struct find f = { .task = t };

	ASSERT_EQ(1, oa_tasks(NULL, find_one, &f));
	return f.info;
}

TASK_TEST_F(dump, tells_the_holder, .workers = variant->workers)
{
	struct oa_task_info i;
	char line[256], want[64];
	oa_time_t before;

	self->t[0] = oa_spawn(holds, self, .name = "holder");
	self->t[1] = oa_spawn(wants, self, .name = "wanter");
	task_wait_until(task_state(NULL, self->t[1]) == OA_TASK_PARKED &&
			look_at(self->t[1]).waits_on == &self->m);
	i = look_at(self->t[1]);
	EXPECT_TRUE(oa_task_eq(self->t[0], i.held_by));
	/* Since it has been seen: at the latest just now. */
	before = i.since;
	EXPECT_GT(before, 0);
	EXPECT_LE(before, oa_now());
	i = look_at(self->t[1]);
	EXPECT_EQ(before, i.since);
	i = look_at(self->t[0]);
	EXPECT_NULL(i.waits_on);
	EXPECT_EQ(0ul, i.held_by.id);

	ASSERT_OK(oa_dump(NULL, self->fd));
	line_of(self, "wanter", line, sizeof(line));
	snprintf(want, sizeof(want), " in mutex at %p held by %#llx \"holder\"",
		 (void *)&self->m, (unsigned long long)self->t[0].id);
	EXPECT_SAYS(line, want);
	EXPECT_SAYS(line, " seen for ");
	EXPECT_SAYS_NOT(self->text, "deadlock");
	TELL(self->flag, 1);
	ASSERT_OK(oa_join(self->t[0], NULL));
	ASSERT_OK(oa_join(self->t[1], NULL));
}

static void *holds_and_joins(void *arg)
{
	data *s = arg;
	int err;

	ASSERT_OK(oa_mutex_lock(&s->m));
	TELL(s->hold, 1);
	task_wait_until(SEEN(s->flag));
	err = oa_join(s->t[1], NULL);
	ASSERT_OK(oa_mutex_unlock(&s->m));
	return oa_err(err);
}

TASK_TEST_F(dump, marks_a_ring, .workers = variant->workers)
{
	char line[256];

	self->t[0] = oa_spawn(holds_and_joins, self, .name = "one");
	self->t[1] = oa_spawn(wants, self, .name = "two");
	self->t[2] = oa_spawn(wants, self, .name = "beside");
	TELL(self->flag, 1);
	for (int i = 0; i < 3; i++)
		task_wait_until(task_state(NULL, self->t[i]) ==
				OA_TASK_PARKED);
	task_wait_until(look_at(self->t[1]).waits_on &&
			look_at(self->t[2]).waits_on &&
			look_at(self->t[0]).waits_task.id);
	ASSERT_OK(oa_dump(NULL, self->fd));
	EXPECT_SAYS(line_of(self, "one", line, sizeof(line)),
		    " in a deadlock");
	EXPECT_SAYS(line_of(self, "two", line, sizeof(line)),
		    " in a deadlock");
	/* It waits for one of them, and is no part of it. */
	EXPECT_SAYS_NOT(line_of(self, "beside", line, sizeof(line)),
			"deadlock");
	EXPECT_SAYS(self->text, "4 tasks, 2 in a deadlock");
	for (int i = 2; i >= 0; i--)
		oa_cancel(self->t[i]);
	task_wait_until(task_state(NULL, self->t[0]) == OA_TASK_ENDED);
	for (int i = 0; i < 3; i++)
		oa_join(self->t[i], NULL);
}

/* By a signal. */

static void __attribute__((noinline)) spins_here(data *s)
{
	COUNT(s->spinning);
	while (!SEEN(s->flag))
		;
	__asm__ volatile("");
}

static void *spins(void *arg)
{
	spins_here(arg);
	return NULL;
}

static void *blocks_all(void *arg)
{
	data *s = arg;

	for (unsigned int i = 1; i < s->hold; i++)
		ASSERT_OK(oa_go(spins, s, .name = "stuck"));
	spins_here(s);
	return NULL;
}

TEST_F(dump, by_a_signal_with_all_workers_stuck)
{
	struct oa_runtime *rt;
	struct sigaction is;
	char what[64];

	self->hold = variant->workers;
	ASSERT_OK(oa_start(&rt, blocks_all, self, .workers = variant->workers,
			   .name = "stuck", .watch = OA_FOREVER,
			   .dump_signal = SIGUSR2));
	wait_until(SEEN(self->spinning) == variant->workers);
	stderr_to_dump(self);
	ASSERT_EQ(0, kill(getpid(), SIGUSR2));
	snprintf(what, sizeof(what), "\n%u tasks\n", variant->workers);
	wait_until(strstr(dumped(self), what));
	EXPECT_SAYS(self->text, "runtime stuck: ");
	/* And where they stand. */
	wait_until(strstr(dumped(self), "liboa: worker 0 runs task \"") &&
		   self->text[strlen(self->text) - 1] == '\n');
	if (!harness_slow())
		wait_until(strstr(dumped(self), "at spins_here+"));
	TELL(self->flag, 1);
	ASSERT_OK(oa_runtime_wait(rt, NULL));
	ASSERT_OK(oa_runtime_free(rt));
	ASSERT_EQ(0, sigaction(SIGUSR2, NULL, &is));
	EXPECT_EQ((void *)SIG_DFL, (void *)is.sa_handler);
}

static void *sleeps(void *arg)
{
	(void)arg;
	return oa_err(oa_sleep(OA_FOREVER));
}

static void start_asleep(struct oa_runtime **rt, unsigned int workers,
			 const char *name, int sig)
{
	ASSERT_OK(oa_start(rt, sleeps, NULL, .workers = workers, .name = name,
			   .dump_signal = sig));
}

static void end_asleep(struct oa_runtime *rt)
{
	ASSERT_OK(oa_shutdown(rt, OA_SHUTDOWN_GRACEFUL));
	ASSERT_OK(oa_runtime_wait(rt, NULL));
	ASSERT_OK(oa_runtime_free(rt));
}

static bool all_asleep(struct oa_runtime *rt)
{
	return count_in_state(rt, OA_TASK_PARKED) == 1;
}

/* Each signal is of those runtimes that asked for it; ignored before. */
TEST_F(dump, by_signals_of_several_runtimes)
{
	struct oa_runtime *rt[3];
	struct sigaction is;

	signal(SIGUSR2, SIG_IGN);
	start_asleep(&rt[0], variant->workers, "first", SIGUSR2);
	start_asleep(&rt[1], variant->workers, "second", SIGUSR2);
	start_asleep(&rt[2], variant->workers, "third", SIGRTMIN);
	for (int i = 0; i < 3; i++)
		wait_until(all_asleep(rt[i]));
	stderr_to_dump(self);
	ASSERT_EQ(0, kill(getpid(), SIGUSR2));
	wait_until(strstr(dumped(self), "runtime first: ") &&
		   strstr(self->text, "runtime second: "));
	EXPECT_SAYS_NOT(self->text, "runtime third: ");
	end_asleep(rt[0]);
	/* The handler stays for the other. */
	ASSERT_EQ(0, ftruncate(self->fd, 0));
	ASSERT_EQ(0, lseek(self->fd, 0, SEEK_SET));
	ASSERT_EQ(0, kill(getpid(), SIGUSR2));
	wait_until(strstr(dumped(self), "runtime second: "));
	EXPECT_SAYS_NOT(self->text, "runtime first: ");
	end_asleep(rt[1]);
	ASSERT_EQ(0, sigaction(SIGUSR2, NULL, &is));
	EXPECT_EQ((void *)SIG_IGN, (void *)is.sa_handler);
	ASSERT_EQ(0, kill(getpid(), SIGUSR2));
	ASSERT_EQ(0, kill(getpid(), SIGRTMIN));
	wait_until(strstr(dumped(self), "runtime third: "));
	end_asleep(rt[2]);
}

/* Blocked by all threads of the program, it comes all the same. */
TEST_F(dump, by_a_signal_that_all_others_block)
{
	struct oa_runtime *rt;
	sigset_t set;

	sigemptyset(&set);
	sigaddset(&set, SIGUSR2);
	ASSERT_EQ(0, sigprocmask(SIG_BLOCK, &set, NULL));
	start_asleep(&rt, variant->workers, "only", SIGUSR2);
	wait_until(all_asleep(rt));
	stderr_to_dump(self);
	ASSERT_EQ(0, kill(getpid(), SIGUSR2));
	wait_until(strstr(dumped(self), "runtime only: "));
	end_asleep(rt);
}

/* The next is the program's, who waits for it, though another is watched. */
TEST_F(dump, a_signal_is_given_back)
{
	static const struct timespec long_enough = { .tv_sec = 20 };
	struct oa_runtime *rt, *other;
	sigset_t set;

	sigemptyset(&set);
	sigaddset(&set, SIGUSR2);
	ASSERT_EQ(0, sigprocmask(SIG_BLOCK, &set, NULL));
	start_asleep(&other, variant->workers, "other", SIGRTMIN);
	for (int i = 0; i < 20; i++) {
		start_asleep(&rt, variant->workers, "one", SIGUSR2);
		wait_until(all_asleep(rt));
		end_asleep(rt);
		ASSERT_EQ(0, kill(getpid(), SIGUSR2));
		ASSERT_EQ(SIGUSR2, sigtimedwait(&set, NULL, &long_enough));
	}
	end_asleep(other);
}

/* What the watch calls may want what those have who end such a runtime. */

static pthread_mutex_t of_program = PTHREAD_MUTEX_INITIALIZER;

static void wants_the_lock(const struct oa_runtime_event *ev, void *user)
{
	data *s = user;

	if (ev->kind != OA_EVENT_STALL)
		return;
	TELL(s->flag, 1);
	pthread_mutex_lock(&of_program);
	pthread_mutex_unlock(&of_program);
}

static void *is_stuck_till_told(void *arg)
{
	data *s = arg;

	while (!SEEN(s->flag))
		sched_yield();
	return NULL;
}

TEST_F(dump, a_signal_is_given_back_while_the_watch_is_busy)
{
	struct oa_runtime *rt, *stuck;

	start_asleep(&rt, variant->workers, "one", SIGUSR2);
	wait_until(all_asleep(rt));
	pthread_mutex_lock(&of_program);
	ASSERT_OK(oa_start(&stuck, is_stuck_till_told, self, .workers = 1,
			   .watch = 2 * OA_MSEC, .on_event = wants_the_lock,
			   .user = self));
	wait_until(SEEN(self->flag));
	end_asleep(rt);
	pthread_mutex_unlock(&of_program);
	ASSERT_OK(oa_runtime_wait(stuck, NULL));
	ASSERT_OK(oa_runtime_free(stuck));
}

static void handles(int sig)
{
	(void)sig;
}

TEST(signals_that_cannot_be_had)
{
	static const int bad[] = {
		-1, SIGKILL, SIGSTOP, SIGSEGV, SIGBUS, SIGFPE, SIGILL,
		SIGTRAP, SIGURG, 65, 1000,
	};
	struct oa_runtime *rt = NULL;
	struct sigaction is;

	for (unsigned int i = 0; i < ARRAY_N(bad); i++) {
		EXPECT_ERR(oa_run(sleeps, NULL, .dump_signal = bad[i]),
			   -EINVAL);
		EXPECT_ERR(oa_start(&rt, sleeps, NULL, .dump_signal = bad[i]),
			   -EINVAL);
	}
	signal(SIGUSR2, handles);
	EXPECT_ERR(oa_start(&rt, sleeps, NULL, .dump_signal = SIGUSR2),
		   -EBUSY);
	EXPECT_NULL(rt);
	ASSERT_EQ(0, sigaction(SIGUSR2, NULL, &is));
	EXPECT_EQ((void *)handles, (void *)is.sa_handler);
}

HARNESS_MAIN
