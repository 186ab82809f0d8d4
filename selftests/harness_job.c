// SPDX-License-Identifier: MIT
/* A child whose test runs: its output, its time, its end. */
#include "harness_priv.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#define OUTPUT_LIMIT	(1 << 20)	/* bytes a test may print */
#define DIAG_FD		200		/* out of the way of small numbers */

FILE *harness_tap;
volatile sig_atomic_t harness_stopped;

static void print_line(struct harness_job *j)
{
	if (strncmp(j->line, "# ", 2) || j->len < 2)
		fputs("# ", harness_tap);
	fwrite(j->line, 1, j->len, harness_tap);
	fputc('\n', harness_tap);
	j->len = 0;
}

/* Whatever comes becomes comments of TAP, bounded and without controls. */
static void take_output(struct harness_job *j, const char *s, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		unsigned char c = (unsigned char)s[i];

		if (j->printed > OUTPUT_LIMIT)
			return;
		if (j->printed++ == OUTPUT_LIMIT)
			fputs("\n# the rest is left out\n", harness_tap);
		else if (c == '\n')
			print_line(j);
		else
			j->line[j->len++] = (c < ' ' && c != '\t') || c == 0x7f
				? '?' : (char)c;
		if (j->len == sizeof(j->line))
			print_line(j);
	}
}

/* Until there is nothing more for now. */
static void read_output(struct harness_job *j)
{
	char buf[4096];
	ssize_t n;

	while (j->fd >= 0) {
		n = read(j->fd, buf, sizeof(buf));
		if (n > 0) {
			take_output(j, buf, (size_t)n);
		} else if (n == 0) {
			close(j->fd);
			j->fd = -1;
		} else if (errno != EINTR) {
			return;
		}
	}
}

/* The child stays a zombie, which keeps the number of its group from reuse. */
static bool has_ended(pid_t pid)
{
	siginfo_t si = { 0 };

	return !waitid(P_PID, (id_t)pid, &si, WEXITED | WNOHANG | WNOWAIT) &&
	       si.si_pid == pid;
}

/* Sleeps until output, a child's end, a signal or the deadline. */
static void wait_for_news(struct harness_job *j, uint64_t until)
{
	struct pollfd p = { .fd = j->fd, .events = POLLIN };
	uint64_t now = harness_clock();
	uint64_t left = now < until ? until - now : 0;
	struct timespec ts = {
		.tv_sec = (time_t)(left / 1000000000),
		.tv_nsec = (long)(left % 1000000000),
	};
	sigset_t none;

	sigemptyset(&none);
	fflush(harness_tap);
	ppoll(&p, 1, &ts, &none);
	j->ended = has_ended(j->pid);
	read_output(j);
}

static void read_proc(pid_t pid, const char *tid, const char *file, char *buf,
		      size_t size)
{
	char path[300];
	ssize_t n = -1;
	int fd;

	snprintf(path, sizeof(path), "/proc/%d/task/%s/%s", pid, tid, file);
	fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd >= 0) {
		n = read(fd, buf, size - 1);
		close(fd);
	}
	buf[n > 0 ? n : 0] = '\0';
	buf[strcspn(buf, "\n")] = '\0';
}

/* Where each thread of a child that is late waits. */
static void print_threads(pid_t pid)
{
	char path[64], comm[32], stat[128], wchan[64], call[200];
	struct dirent *d;
	const char *state;
	int left = 40;
	DIR *dir;

	snprintf(path, sizeof(path), "/proc/%d/task", pid);
	dir = opendir(path);
	while (dir && left && (d = readdir(dir))) {
		if (d->d_name[0] == '.')
			continue;
		left--;
		read_proc(pid, d->d_name, "comm", comm, sizeof(comm));
		read_proc(pid, d->d_name, "stat", stat, sizeof(stat));
		read_proc(pid, d->d_name, "wchan", wchan, sizeof(wchan));
		read_proc(pid, d->d_name, "syscall", call, sizeof(call));
		state = strrchr(stat, ')');
		fprintf(harness_tap, "# thread %s %s: %.1s, in %s, syscall %s\n",
			d->d_name, comm, state && state[1] ? state + 2 : "?",
			wchan, call);
	}
	if (dir)
		closedir(dir);
}

/* Those that it has forked are often what it waits for. */
static void print_children(pid_t pid)
{
	char path[64], list[256];
	char *at = list, *end;
	ssize_t n = -1;
	int fd;

	snprintf(path, sizeof(path), "/proc/%d/task/%d/children", pid, pid);
	fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd >= 0) {
		n = read(fd, list, sizeof(list) - 1);
		close(fd);
	}
	list[n > 0 ? n : 0] = '\0';
	for (long child; (child = strtol(at, &end, 10)) > 0; at = end) {
		fprintf(harness_tap, "# child %ld\n", child);
		print_threads((pid_t)child);
	}
}

/* Asks a child that is late for its tasks, and gives it a moment for that. */
static void dump(struct harness_job *j)
{
	uint64_t until = harness_clock() + (uint64_t)(2e9 * harness_scale());
	bool *dumped = &harness_current.shared->dumped;

	print_threads(j->pid);
	print_children(j->pid);
	kill(j->pid, SIGUSR1);
	while (!j->ended && !__atomic_load_n(dumped, __ATOMIC_ACQUIRE) &&
	       harness_clock() < until)
		wait_for_news(j, harness_clock() + 10000000);
}

void harness_job_reap(struct harness_job *j)
{
	double limit = harness_current.timeout;
	uint64_t deadline = harness_current.start + (uint64_t)(limit * 1e9);

	while (!j->ended) {
		wait_for_news(j, deadline);
		if (j->ended)
			break;
		if (harness_clock() < deadline && !harness_stopped)
			continue;
		j->timed_out = true;
		if (harness_stopped)
			fprintf(harness_tap, "# %s: stopped from outside\n",
				harness_current.name);
		else
			fprintf(harness_tap, "# %s: not finished after %g s\n",
				harness_current.name, limit);
		dump(j);
		break;
	}
	kill(-j->pid, SIGKILL);
	waitpid(j->pid, &j->status, 0);
	read_output(j);
	if (j->len)
		print_line(j);
	if (j->fd >= 0)
		close(j->fd);
}

static void become_child(int out, pid_t parent)
{
	struct sigaction dfl = { .sa_handler = SIG_DFL };
	sigset_t none;
	int in;

	setpgid(0, 0);
	prctl(PR_SET_PDEATHSIG, SIGKILL);
	if (getppid() != parent)
		_exit(HARNESS_EXIT_FAIL);
	sigaction(SIGCHLD, &dfl, NULL);
	sigaction(SIGINT, &dfl, NULL);
	sigaction(SIGTERM, &dfl, NULL);
	sigemptyset(&none);
	sigprocmask(SIG_SETMASK, &none, NULL);
	in = open("/dev/null", O_RDONLY | O_CLOEXEC);
	if (in > 0) {
		dup2(in, STDIN_FILENO);
		close(in);
	}
	dup2(out, STDOUT_FILENO);
	dup2(out, STDERR_FILENO);
	harness_current.out = fcntl(out, F_DUPFD_CLOEXEC, DIAG_FD);
	if (harness_current.out < 0)
		harness_current.out = STDERR_FILENO;
	close(out);
	setvbuf(stdout, NULL, _IOLBF, 0);
	harness_child();
	_exit(HARNESS_EXIT_FAIL);
}

bool harness_job_start(struct harness_job *j)
{
	pid_t parent = getpid();
	int fds[2];

	if (pipe2(fds, O_CLOEXEC))
		return false;
	fflush(harness_tap);
	harness_current.start = harness_clock();
	j->pid = fork();
	if (!j->pid) {
		close(fds[0]);
		become_child(fds[1], parent);
	}
	close(fds[1]);
	j->fd = fds[0];
	fcntl(j->fd, F_SETFL, O_NONBLOCK);
	if (j->pid > 0)
		setpgid(j->pid, j->pid);
	return j->pid > 0;
}
