// SPDX-License-Identifier: MIT
/*
 * The first process of the emulated machine: mounts what tests need, brings lo
 * up, runs the command of /args within /limit seconds, powers off. Results go
 * to the second serial line, so that nothing the kernel says is in between.
 */
#include <errno.h>
#include <fcntl.h>
#include <net/if.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mount.h>
#include <sys/reboot.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <termios.h>
#include <time.h>
#include <unistd.h>

#define RESULTS		"/dev/ttyS1"
#define ARGS_MAX	256
#define LIMIT		810	/* seconds, if /limit says nothing */
#define GRACE		30	/* for the report of what was cut short */

static const struct {
	const char *type, *dir, *data;
} mounts[] = {
	{ "devtmpfs", "/dev", NULL },
	{ "proc", "/proc", NULL },
	{ "sysfs", "/sys", NULL },
	{ "tmpfs", "/tmp", "mode=1777" },
	{ "tmpfs", "/dev/shm", "mode=1777" },
	{ "devpts", "/dev/pts", "ptmxmode=666" },
};

static void complain(const char *what)
{
	fprintf(stderr, "init: %s: %s\n", what, strerror(errno));
}

static void mount_all(void)
{
	for (size_t i = 0; i < sizeof(mounts) / sizeof(mounts[0]); i++) {
		mkdir(mounts[i].dir, 0755);
		if (mount(mounts[i].type, mounts[i].dir, mounts[i].type, 0,
			  mounts[i].data) && errno != EBUSY)
			complain(mounts[i].dir);
	}
}

static void open_results(void)
{
	int fd = open(RESULTS, O_RDWR | O_NOCTTY);
	struct termios raw;

	if (fd < 0) {
		complain(RESULTS);
		return;
	}
	if (!tcgetattr(fd, &raw)) {
		cfmakeraw(&raw);
		cfsetspeed(&raw, B115200);
		tcsetattr(fd, TCSANOW, &raw);
	}
	dup2(fd, STDIN_FILENO);
	dup2(fd, STDOUT_FILENO);
	dup2(fd, STDERR_FILENO);
	if (fd > STDERR_FILENO)
		close(fd);
	setvbuf(stdout, NULL, _IOLBF, 0);
}

static void loopback_up(void)
{
	struct ifreq r = { .ifr_name = "lo", .ifr_flags = IFF_UP };
	int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);

	if (fd < 0 || ioctl(fd, SIOCSIFFLAGS, &r))
		complain("lo");
	if (fd >= 0)
		close(fd);
}

/* As a session of a user's has them. */
static void set_limits(void)
{
	const struct rlimit files = { 1024, 1 << 19 };

	if (setrlimit(RLIMIT_NOFILE, &files))
		complain("descriptors");
}

/* The lines of a file, without their newlines. */
static size_t read_lines(const char *path, char **lines, size_t max)
{
	FILE *f = fopen(path, "re");
	size_t n = 0, room = 0;
	char *line = NULL;

	while (f && n < max && getline(&line, &room, f) >= 0) {
		line[strcspn(line, "\n")] = '\0';
		lines[n++] = line;
		line = NULL;
		room = 0;
	}
	if (f)
		fclose(f);
	lines[n] = NULL;
	return n;
}

static void run_command(void)
{
	char *args[ARGS_MAX + 1], *env[ARGS_MAX + 1];

	setsid();
	read_lines("/env", env, ARGS_MAX);
	if (!read_lines("/args", args, ARGS_MAX))
		_exit(127);
	execve(args[0], args, env);
	complain(args[0]);
	_exit(127);
}

static time_t now(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return ts.tv_sec;
}

/* Reaps whatever ends until `pid` does; -1: not before `until`. */
static int wait_for(pid_t pid, time_t until)
{
	const struct timespec nap = { .tv_nsec = 100000000 };
	int status;
	pid_t p;

	for (;;) {
		p = waitpid(-1, &status, WNOHANG);
		if (p == pid)
			return WIFEXITED(status) ? WEXITSTATUS(status)
						 : 128 + WTERMSIG(status);
		if (p > 0)
			continue;
		if (now() >= until)
			return -1;
		nanosleep(&nap, NULL);
	}
}

static time_t limit(void)
{
	char *line[2];

	return read_lines("/limit", line, 1) ? atol(line[0]) : LIMIT;
}

static int run_tests(void)
{
	pid_t pid = fork();
	int code;

	if (!pid)
		run_command();
	if (pid < 0) {
		complain("fork");
		return 1;
	}
	code = wait_for(pid, limit());
	if (code < 0) {
		puts("# vm: out of time");
		kill(pid, SIGTERM);
		code = wait_for(pid, now() + GRACE) < 0 ? 125 : 124;
	}
	return code;
}

int main(void)
{
	mount_all();
	open_results();
	loopback_up();
	set_limits();
	printf("# vm: the end, code %d\n", run_tests());
	fflush(stdout);
	tcdrain(STDOUT_FILENO);
	sync();
	reboot(RB_POWER_OFF);
	reboot(RB_AUTOBOOT);
	return 1;
}
