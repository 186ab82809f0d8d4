// SPDX-License-Identifier: MIT
/*
 * Everything at random, with invariants watched throughout: see round.c.
 *
 *	torture [-s SEED] [-t SECONDS] [-w WORKERS] [-f FAULTS] [-c]
 *
 * without options it is a test like any other. With -c a third of all tasks is
 * cancelled. A seed repeats what each task
 * does, not when the kernel lets it.
 */
#include "torture.h"

#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "core/fault.h"
#include "selftests/harness.h"

/*
 * The sanitizer knows who made a descriptor and, as closing is done by the
 * ring, not that it was closed since: each use of a number looks like a race
 * of two makers.
 */
const char *__tsan_default_suppressions(void)
	__attribute__((visibility("default")));
const char *__tsan_default_suppressions(void)
{
	/* As gcc's runtime names them, and clang's. */
	return "race_top:interceptor_pipe2$\nrace_top:interceptor_socket$\n"
	       "race_top:^pipe2$\nrace_top:^socket$\n";
}

void harness_dump(int fd)
{
	if (round_now.rt)
		oa_dump(round_now.rt, fd);
}

void torture_fail(const char *file, int line, const char *what, long value)
{
	static uint32_t failing;

	/* One says it, the others wait to be ended with it. */
	while (__atomic_exchange_n(&failing, 1, __ATOMIC_ACQ_REL))
		pause();
	dprintf(STDERR_FILENO,
		"# %s:%d: not true: %s (%ld)\n# seed %#llx, %u workers\n",
		file, line, what, value, (unsigned long long)round_now.seed,
		round_now.workers);
	harness_dump(STDERR_FILENO);
	abort();
}

static unsigned int nr_cpus(void)
{
	cpu_set_t set;

	CHECK(!sched_getaffinity(0, sizeof(set), &set));
	return (unsigned int)CPU_COUNT(&set);
}

/* As a test. */

FIXTURE(torture) { char unused; };
VARIANTS_WORKERS(torture);
/* It counts by itself, with what a sanitizer opens to look up its suppressions. */
LEAVES_THINGS(torture);
FIXTURE_VARIANT_ADD(torture, w2_faults, "OA_FAULT=sqe:50,enter:20,msg:3") {
	.workers = 2,
};
FIXTURE_VARIANT_ADD(torture, w1_cancels, "OA_TORTURE=cancels") {
	.workers = 1,
};
FIXTURE_VARIANT_ADD(torture, w8_cancels, "OA_TORTURE=cancels") {
	.workers = 8,
};
FIXTURE_VARIANT_ADD(torture, w8_requests, "OA_IO=ring") { .workers = 8 };
FIXTURE_VARIANT_ADD(torture, w8_inline, "OA_IO=inline") { .workers = 8 };
FIXTURE_SETUP(torture)
{
	round_now.cancels = getenv("OA_TORTURE") != NULL;
	round_now.faults = getenv("OA_FAULT") != NULL;
	fault_read();
}
FIXTURE_TEARDOWN(torture) { }

TEST_F(torture, holds_for_a_moment, .timeout = 60)
{
	round_run(harness_seed(), variant->workers, 350 * OA_MSEC);
}

/* By hand. */

static int usage(const char *name)
{
	fprintf(stderr, "usage: %s [-s SEED] [-t SECONDS] [-w WORKERS] "
		"[-f FAULTS] [-c]\n", name);
	return 2;
}

static void by_hand(uint64_t seed, unsigned int workers, oa_time_t length)
{
	oa_time_t until = oa_after(length);
	unsigned int choice[] = { nr_cpus(), 8, 1, 3 }, n = 0;

	do {
		unsigned int w = workers ? workers : choice[seed % 4];

		printf("seed %#llx, %u workers\n", (unsigned long long)seed,
		       w);
		fflush(stdout);
		round_run(seed, w, 500 * OA_MSEC);
		n++;
		/* The next seed follows from this one. */
		seed = seed * 6364136223846793005u + 1442695040888963407u;
		seed ^= seed >> 29;
	} while (oa_now() < until);
	printf("%u rounds\n", n);
}

static void restart_with_faults(char **argv, const char *faults)
{
	if (getenv("OA_FAULT"))
		return;
	setenv("OA_FAULT", faults, 1);
	execv("/proc/self/exe", argv);
	perror("torture");
	exit(2);
}

int main(int argc, char **argv)
{
	uint64_t seed = (uint64_t)oa_now() ^ (uint64_t)getpid() << 40;
	unsigned int workers = 0;
	long seconds = 3;
	char *rest;
	int opt;

	if (argc < 2 || !strcmp(argv[1], "-l") || !strcmp(argv[1], "-d") ||
	    (!strcmp(argv[1], "-t") && argc > 2 &&
	     (strtol(argv[2], &rest, 0), *rest)))
		return harness_run(argc, argv);
	while ((opt = getopt(argc, argv, "s:t:w:f:c")) != -1) {
		switch (opt) {
		case 's': seed = strtoull(optarg, NULL, 0); break;
		case 't': seconds = strtol(optarg, NULL, 0); break;
		case 'w': workers = (unsigned int)atoi(optarg); break;
		case 'f': restart_with_faults(argv, optarg); break;
		case 'c': round_now.cancels = 1; break;
		default: return usage(argv[0]);
		}
	}
	round_now.faults = getenv("OA_FAULT") != NULL;
	by_hand(seed, workers, seconds * OA_SEC);
	return 0;
}
