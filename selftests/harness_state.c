// SPDX-License-Identifier: MIT
/* What a test may observe or ask: /proc, waiting for a state, time, seed. */
#include "harness_priv.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

/* There only if -fsanitize=undefined linked its library. */
void ubsan_library(void) __asm__("__ubsan_handle_out_of_bounds")
	__attribute__((weak));

/*
 * What the sanitizers are told: a report must end in an exit code, and a failed
 * allocation in NULL, since there are tests of that.  The environment wins.
 */
#define SAN_COMMON "exitcode=97:allocator_may_return_null=1"
#define SAN_HOOK __attribute__((visibility("default")))

SAN_HOOK const char *__asan_default_options(void);
SAN_HOOK const char *__asan_default_options(void)
{
	return SAN_COMMON;
}

SAN_HOOK const char *__tsan_default_options(void);
SAN_HOOK const char *__tsan_default_options(void)
{
	return SAN_COMMON ":second_deadlock_stack=1:atexit_sleep_ms=20";
}

SAN_HOOK const char *__ubsan_default_options(void);
SAN_HOOK const char *__ubsan_default_options(void)
{
	return SAN_COMMON ":halt_on_error=1:print_stacktrace=1";
}

#if defined(__has_feature)
#define HAS_FEATURE(x) __has_feature(x)
#else
#define HAS_FEATURE(x) 0
#endif

const char *harness_slow(void)
{
	const char *preload = getenv("LD_PRELOAD");
	const char *under = getenv("OA_RUN_UNDER");

#if defined(__SANITIZE_THREAD__) || HAS_FEATURE(thread_sanitizer)
	return "thread sanitizer";
#endif
#if defined(__SANITIZE_ADDRESS__) || HAS_FEATURE(address_sanitizer)
	return "address sanitizer";
#endif
	if (ubsan_library)
		return "undefined-behaviour sanitizer";
	if (preload && strstr(preload, "vgpreload"))
		return "valgrind";
	return under && *under ? under : NULL;
}

double harness_scale(void)
{
	const char *s = getenv("OA_TEST_TIMEOUT_SCALE");
	double scale = s ? strtod(s, NULL) : 0;

	return (scale > 0 ? scale : 1) * (harness_slow() ? 5 : 1);
}

long harness_scaled(long n, long less, const char *file, int line)
{
	const char *slow = harness_slow() ?: getenv("OA_TEST_SLOW");

	if (!slow || !*slow || less >= n)
		return n;
	harness_log(file, line, "scaled down for the %s: %ld instead of %ld",
		    slow, less, n);
	return less;
}

uint64_t harness_clock(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return (uint64_t)ts.tv_sec * 1000000000 + (uint64_t)ts.tv_nsec;
}

uint64_t harness_seed(void)
{
	static uint64_t seed;
	static bool known;
	const char *s = getenv("OA_SEED");

	if (known)
		return seed;
	if (s)
		seed = strtoull(s, NULL, 0);
	else if (getrandom(&seed, sizeof(seed), 0) != sizeof(seed))
		seed = harness_clock();
	known = true;
	harness_log(NULL, 0, "seed: OA_SEED=0x%llx", (unsigned long long)seed);
	return seed;
}

void harness_wait_step(struct harness_wait *w)
{
	uint64_t limit = (uint64_t)(harness_current.timeout * 0.8e9);
	const struct timespec nap = { .tv_nsec = 100000 };

	if (++w->rounds < 1000) {
		sched_yield();
		return;
	}
	/* Between two looks at a state, so that who is to reach it gets a CPU. */
	nanosleep(&nap, NULL);
	if (!limit || harness_clock() - harness_current.start < limit)
		return;
	if (harness_dump)
		harness_dump(harness_current.out);
	harness_fail(w->file, w->line, "never came true: %s", w->cond);
}

/* Entries of a directory of /proc, or -errno. */
static long count_entries(const char *path)
{
	union {
		char bytes[4096];
		struct dirent64 aligned;
	} buf;
	int fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	long n, at, count = 0;

	if (fd < 0)
		return -errno;
	while ((n = syscall(SYS_getdents64, fd, &buf, sizeof(buf))) > 0) {
		for (at = 0; at < n; count++) {
			struct dirent64 *d = (void *)(buf.bytes + at);

			at += d->d_reclen;
		}
	}
	close(fd);
	return count - 2;
}

/* With no descriptor left for a look into /proc. */
static unsigned int probe_fds(void)
{
	struct rlimit rl;
	unsigned int n = 0;

	getrlimit(RLIMIT_NOFILE, &rl);
	for (int fd = 0; fd < (int)rl.rlim_cur; fd++)
		n += fcntl(fd, F_GETFD) >= 0;
	return n;
}

unsigned int harness_nr_fds(void)
{
	long n = count_entries("/proc/self/fd");

	return n < 0 ? probe_fds() : (unsigned int)n - 1;
}

unsigned int harness_nr_threads(void)
{
	struct stat st;

	return stat("/proc/self/task", &st) ? 0 : (unsigned int)st.st_nlink - 2;
}

size_t harness_rss(void)
{
	char buf[128];
	int fd = open("/proc/self/statm", O_RDONLY | O_CLOEXEC);
	ssize_t n = fd < 0 ? -1 : read(fd, buf, sizeof(buf) - 1);
	char *pages;

	if (fd >= 0)
		close(fd);
	if (n <= 0)
		return 0;
	buf[n] = '\0';
	pages = strchr(buf, ' ');
	return strtoul(pages ? pages : "", NULL, 10) *
	       (size_t)sysconf(_SC_PAGESIZE);
}

/* Of a thread, as the ninth field of its stat tells them. */
#define FLAG_EXITING	0x04u
#define FLAG_KERNELS	0x10u

/* From the end of the name on; NULL if the thread is gone. */
static const char *thread_stat(const char *tid, char *buf, size_t size)
{
	char path[64];
	ssize_t n;
	int fd;

	snprintf(path, sizeof(path), "/proc/self/task/%.16s/stat", tid);
	fd = open(path, O_RDONLY | O_CLOEXEC);
	n = fd < 0 ? -1 : read(fd, buf, size - 1);
	if (fd >= 0)
		close(fd);
	buf[n > 0 ? n : 0] = '\0';
	return strrchr(buf, ')');
}

/*
 * Neither exiting nor a worker that the kernel keeps for requests: those
 * outlive the ring by seconds. Such a one gets its name after the flag, and
 * loses the flag before it exits.
 */
static bool thread_lasts(const char *tid)
{
	char stat[512];
	const char *s = thread_stat(tid, stat, sizeof(stat));
	unsigned int flags = 0;

	return s && sscanf(s, ") %*c %*d %*d %*d %*d %*d %u", &flags) == 1 &&
	       !(flags & (FLAG_EXITING | FLAG_KERNELS)) &&
	       !strstr(stat, " (iou-wrk");
}

static bool thread_is_at_work(const char *tid)
{
	char stat[512];
	const char *s = thread_stat(tid, stat, sizeof(stat));

	return s && strncmp(s, ") S", 3) && atoi(tid) != gettid();
}

static unsigned int count_threads(bool (*which)(const char *tid))
{
	DIR *dir = opendir("/proc/self/task");
	unsigned int n = 0;
	struct dirent *d;

	while (dir && (d = readdir(dir)))
		n += d->d_name[0] != '.' && which(d->d_name);
	if (dir)
		closedir(dir);
	return n;
}

unsigned int harness_nr_others_at_work(void)
{
	return count_threads(thread_is_at_work);
}

/* A thread that was joined may still be listed, exiting, for a while. */
static unsigned int nr_lasting_threads(void)
{
	return count_threads(thread_lasts);
}

static void *who_am_i(void *arg)
{
	*(pid_t *)arg = gettid();
	return NULL;
}

void harness_leaks_begin(struct harness_leaks *l)
{
	pthread_t thread;
	char name[16];
	pid_t tid;

	/* A sanitizer starts a thread of its own with the first one. */
	if (harness_slow() && !pthread_create(&thread, NULL, who_am_i, &tid)) {
		pthread_join(thread, NULL);
		snprintf(name, sizeof(name), "%d", tid);
		/*
		 * An emulator tells of the end of a thread before that exits:
		 * for a while nothing shows that this one will not last.
		 */
		while (thread_lasts(name))
			sched_yield();
	}
	l->fds = harness_nr_fds();
	l->threads = nr_lasting_threads();
}

#define NOBODY		65534
#define FIRST_USER	1000000

static bool become(unsigned int id)
{
	return !setresgid(id, id, id) && !setresuid(id, id, id);
}

bool harness_drop_root(void)
{
	/* Few users have a number in a namespace of users. */
	return become(FIRST_USER + (unsigned int)getpid()) || become(NOBODY);
}

static void log_fds(const char *file, int line)
{
	char path[64], to[200];
	ssize_t n;

	for (int fd = 0; fd < 1024; fd++) {
		snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
		n = readlink(path, to, sizeof(to) - 1);
		if (n > 0)
			harness_log(file, line, "descriptor %d: %.*s", fd,
				    (int)n, to);
	}
}

/* What ends by itself, such as a thread that was detached, is waited for. */
void harness_leaks_end(const struct harness_leaks *l, const char *file,
		       int line)
{
	uint64_t until = harness_clock() + (uint64_t)(1e9 * harness_scale());
	const struct timespec nap = { .tv_nsec = 100000 };
	struct harness_leaks now;

	do {
		now.fds = harness_nr_fds();
		now.threads = nr_lasting_threads();
		if (now.fds == l->fds && now.threads == l->threads)
			return;
		/* Likewise: the kernel is still taking a thread down. */
		nanosleep(&nap, NULL);
	} while (harness_clock() < until);
	harness_log(file, line, "leak: descriptors %u -> %u, threads %u -> %u",
		    l->fds, now.fds, l->threads, now.threads);
	if (now.fds != l->fds)
		log_fds(file, line);
	__atomic_fetch_add(&harness_current.shared->failures, 1,
			   __ATOMIC_RELAXED);
}

const char *harness_tmpdir(void)
{
	char *path = harness_current.shared->tmpdir;
	size_t room = sizeof(harness_current.shared->tmpdir);
	const char *top = getenv("TMPDIR");

	if (*path)
		return path;
	snprintf(path, room, "%s/oa-test.XXXXXX", top && *top ? top : "/tmp");
	if (!mkdtemp(path)) {
		*path = '\0';
		harness_fail(__FILE__, __LINE__, "mkdtemp: %m");
	}
	return path;
}
