// SPDX-License-Identifier: MIT
/*
 * Test programs under way: a few at once, each in a session of its own with a
 * bound on its time; what they print goes to a log each.
 */
#include "run.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#define LOG_MAX		(16 << 20)
#define GRACE		10	/* seconds for it to say where it stands */

static volatile sig_atomic_t interrupted;

struct job {
	const struct program *program;
	pid_t pid;		/* and session; 0: free */
	int fd, log;
	size_t logged;
	double start, deadline;
	struct ending end;
	char log_path[4096];
};

static struct job jobs[JOBS_MAX];

static double now(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return (double)ts.tv_sec + (double)ts.tv_nsec / 1e9;
}

void die(const char *what)
{
	fprintf(stderr, "run: %s: %s\n", what, strerror(errno));
	exit(1);
}

static void make_folders(char *path)
{
	for (char *s = strchr(path + 1, '/'); s; s = strchr(s + 1, '/')) {
		*s = '\0';
		if (mkdir(path, 0777) && errno != EEXIST)
			die(path);
		*s = '/';
	}
}

static void open_log(struct job *j)
{
	snprintf(j->log_path, sizeof(j->log_path), "%s/%s.log", opt.logs,
		 j->program->name);
	make_folders(j->log_path);
	j->log = open(j->log_path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC,
		      0666);
	if (j->log < 0)
		die(j->log_path);
	j->logged = 0;
}

static void exec_program(const struct program *p, int out)
{
	char *argv[36], *words = strdup(opt.wrapper ? opt.wrapper : "");
	sigset_t none;
	int n = 0;

	setsid();
	sigemptyset(&none);
	sigprocmask(SIG_SETMASK, &none, NULL);
	for (char *w = strtok(words, " "); w && n < 32; w = strtok(NULL, " "))
		argv[n++] = w;
	argv[n++] = (char *)p->path;
	if (opt.filter) {
		argv[n++] = (char *)"-t";
		argv[n++] = (char *)opt.filter;
	}
	argv[n] = NULL;
	dup2(open("/dev/null", O_RDONLY | O_CLOEXEC), STDIN_FILENO);
	dup2(out, STDOUT_FILENO);
	dup2(out, STDERR_FILENO);
	execvp(argv[0], argv);
	dprintf(STDERR_FILENO, "%s: %s\n", argv[0], strerror(errno));
	_exit(127);
}

static void start_job(struct job *j, const struct program *p)
{
	int fds[2];

	j->program = p;
	j->end = (struct ending){ 0 };
	open_log(j);
	if (pipe2(fds, O_CLOEXEC))
		die("pipe");
	j->start = now();
	j->deadline = j->start + p->timeout * opt.scale;
	fflush(stdout);
	j->pid = fork();
	if (j->pid < 0)
		die("fork");
	if (!j->pid)
		exec_program(p, fds[1]);
	close(fds[1]);
	j->fd = fds[0];
	fcntl(j->fd, F_SETFL, O_NONBLOCK);
}

static void log_output(struct job *j, const char *s, size_t n)
{
	ssize_t put;

	if (j->logged + n > LOG_MAX) {
		j->end.cut = true;
		return;
	}
	j->logged += n;
	while (n) {
		put = write(j->log, s, n);
		if (put < 0 && errno == EINTR)
			continue;
		if (put < 0)
			die(j->log_path);
		s += put;
		n -= (size_t)put;
	}
}

static void read_output(struct job *j)
{
	char buf[16384];
	ssize_t n;

	while (j->fd >= 0) {
		n = read(j->fd, buf, sizeof(buf));
		if (n > 0) {
			log_output(j, buf, (size_t)n);
		} else if (n == 0) {
			close(j->fd);
			j->fd = -1;
		} else if (errno != EINTR) {
			return;
		}
	}
}

static pid_t session_of(const char *pid)
{
	char path[300], stat[512];
	const char *s;
	int fd, session = 0;
	ssize_t n = -1;

	snprintf(path, sizeof(path), "/proc/%s/stat", pid);
	fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd >= 0) {
		n = read(fd, stat, sizeof(stat) - 1);
		close(fd);
	}
	stat[n > 0 ? n : 0] = '\0';
	s = strrchr(stat, ')');
	if (!s || sscanf(s, ") %*c %*d %*d %d", &session) != 1)
		return 0;
	return session;
}

/* Whatever a program leaves behind is in its session, in any group. */
static void kill_session(pid_t session)
{
	DIR *dir = opendir("/proc");
	struct dirent *d;

	while (dir && (d = readdir(dir)))
		if (d->d_name[0] >= '1' && d->d_name[0] <= '9' &&
		    session_of(d->d_name) == session)
			kill(atoi(d->d_name), SIGKILL);
	if (dir)
		closedir(dir);
}

static void finish_job(struct job *j, int status)
{
	j->end.status = status;
	j->end.seconds = now() - j->start;
	kill_session(j->pid);
	read_output(j);
	if (j->fd >= 0)
		close(j->fd);
	close(j->log);
	j->pid = 0;
	report_program(j->program, &j->end, j->log_path);
}

/* First it is asked, so that it can tell what it was at; then it is killed. */
static void check_deadline(struct job *j)
{
	if (now() < j->deadline)
		return;
	if (j->end.timed_out) {
		kill_session(j->pid);
	} else {
		j->end.timed_out = true;
		kill(j->pid, SIGTERM);
	}
	j->deadline = now() + GRACE;
}

static void wait_for_news(void)
{
	struct pollfd fds[JOBS_MAX];
	struct timespec ts = { .tv_sec = 1 };
	sigset_t none;
	int n = 0;

	for (int i = 0; i < opt.jobs; i++)
		if (jobs[i].pid && jobs[i].fd >= 0)
			fds[n++] = (struct pollfd){ .fd = jobs[i].fd,
						    .events = POLLIN };
	sigemptyset(&none);
	ppoll(fds, (nfds_t)n, &ts, &none);
	for (int i = 0; i < opt.jobs; i++) {
		if (jobs[i].pid) {
			read_output(&jobs[i]);
			check_deadline(&jobs[i]);
		}
	}
}

static void reap_jobs(void)
{
	int status;

	for (int i = 0; i < opt.jobs; i++)
		if (jobs[i].pid && waitpid(jobs[i].pid, &status, WNOHANG) > 0)
			finish_job(&jobs[i], status);
}

/*
 * Whoever sends SIGTERM wants to know how far it came: what runs is asked where
 * it stands, and reported. A terminal's signals end it at once.
 */
static void stop_all(void)
{
	bool asked = interrupted == SIGTERM;

	interrupted = 0;
	for (int i = 0; i < opt.jobs; i++) {
		if (!jobs[i].pid)
			continue;
		jobs[i].end.stopped = true;
		jobs[i].deadline = 0;
		if (!asked)
			kill_session(jobs[i].pid);
	}
	if (asked)
		drain_to(0);
	puts("# interrupted");
	report_summary(NULL);
	exit(130);
}

/* Runs until at most `most` jobs are left. */
void drain_to(int most)
{
	int busy;

	for (;;) {
		busy = 0;
		for (int i = 0; i < opt.jobs; i++)
			busy += !!jobs[i].pid;
		if (busy <= most)
			return;
		wait_for_news();
		if (interrupted)
			stop_all();
		reap_jobs();
	}
}

void run_program(const struct program *p)
{
	int i = 0;

	drain_to(p->serial ? 0 : opt.jobs - 1);
	while (jobs[i].pid)
		i++;
	start_job(&jobs[i], p);
	if (p->serial)
		drain_to(0);
}

static void on_signal(int signo)
{
	if (signo != SIGCHLD)
		interrupted = signo;
}

void prepare_signals(void)
{
	const int signals[] = { SIGCHLD, SIGINT, SIGTERM, SIGHUP };
	struct sigaction sa = { .sa_handler = on_signal };
	sigset_t block;

	sigemptyset(&block);
	for (size_t i = 0; i < sizeof(signals) / sizeof(signals[0]); i++) {
		sigaddset(&block, signals[i]);
		sigaction(signals[i], &sa, NULL);
	}
	sigprocmask(SIG_BLOCK, &block, NULL);
}
