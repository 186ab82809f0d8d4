// SPDX-License-Identifier: MIT
/* What core needs of the system besides the ring. */
#include "uring/os.h"

#include <errno.h>
#include <limits.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <unistd.h>

#include <linux/membarrier.h>

#include "core/compiler.h"
#include "core/fault.h"
#include "core/mem.h"
#include "uring/probe.h"
#include "uring/uapi.h"

struct start {
	struct poll_thread *t;
	char name[16];
	int cpu;
};

static void *begin(void *arg)
{
	struct start s = *(struct start *)arg;

	mem_free(NULL, arg, sizeof(s));
	pthread_setname_np(pthread_self(), s.name);
	if (s.cpu >= 0) {
		cpu_set_t set;

		CPU_ZERO(&set);
		CPU_SET(s.cpu, &set);
		sched_setaffinity(0, sizeof(set), &set);
	}
	return s.t->fn(s.t->arg);
}

int os_thread_start(struct poll_thread *t, const char *name, int cpu)
{
	struct start *s = mem_alloc(NULL, sizeof(*s), 8);
	pthread_t id;
	int err;

	if (!s)
		return -ENOMEM;
	s->t = t;
	s->cpu = cpu;
	snprintf(s->name, sizeof(s->name), "%s", name);
	err = fault_hit(FAULT_THREAD) ? EAGAIN
				      : pthread_create(&id, NULL, begin, s);
	if (err) {
		mem_free(NULL, s, sizeof(*s));
		return -err;
	}
	t->id = (uintptr_t)id;
	return 0;
}

void os_thread_join(struct poll_thread *t)
{
	pthread_join((pthread_t)t->id, NULL);
}

void os_thread_leave(struct poll_thread *t)
{
	pthread_detach((pthread_t)t->id);
}

struct timespec *os_timespec(struct timespec *ts, oa_time_t at)
{
	if (at == OA_FOREVER)
		return NULL;
	at = max_of(at, (oa_time_t)0);
	ts->tv_sec = at / OA_SEC;
	ts->tv_nsec = at % OA_SEC;
	return ts;
}

int os_wait(uint32_t *word, uint32_t value, oa_time_t deadline)
{
	struct timespec ts;

	/* FUTEX_WAIT_BITSET takes absolute time on CLOCK_MONOTONIC. */
	if (!syscall(SYS_futex, word,
		     FUTEX_WAIT_BITSET | FUTEX_PRIVATE_FLAG, value,
		     os_timespec(&ts, deadline), NULL, FUTEX_BITSET_MATCH_ANY))
		return 0;
	return -errno;
}

int os_wait_two(uint32_t *word, uint32_t value, uint32_t *other,
		uint32_t other_value, oa_time_t deadline)
{
	struct futex_waitv v[2];
	struct timespec ts;

	memset(v, 0, sizeof(v));
	v[0].uaddr = (uintptr_t)word;
	v[0].val = value;
	v[0].flags = FUTEX_32 | FUTEX_PRIVATE_FLAG;
	v[1].uaddr = (uintptr_t)other;
	v[1].val = other_value;
	v[1].flags = FUTEX_32 | FUTEX_PRIVATE_FLAG;
	if (syscall(SYS_futex_waitv, v, 2, 0, os_timespec(&ts, deadline),
		    CLOCK_MONOTONIC) >= 0)
		return 0;
	return -errno;
}

void os_wake(uint32_t *word)
{
	if (probe_has(CAP_FUTEX2))
		syscall(OA_SYS_futex_wake, word, FUTEX_BITSET_MATCH_ANY,
			INT_MAX, OA_FUTEX2_U32 | OA_FUTEX2_PRIVATE);
	else
		syscall(SYS_futex, word, FUTEX_WAKE | FUTEX_PRIVATE_FLAG,
			INT_MAX);
}

bool os_membarrier(void)
{
	return probe_has(CAP_MEMBARRIER) &&
	       !syscall(SYS_membarrier, MEMBARRIER_CMD_PRIVATE_EXPEDITED, 0, 0);
}

static inline oa_time_t read_clock(clockid_t clock)
{
	struct timespec ts;

	clock_gettime(clock, &ts);
	return ts.tv_sec * OA_SEC + ts.tv_nsec;
}

oa_time_t os_now(void)
{
	return read_clock(CLOCK_MONOTONIC);
}

oa_time_t os_now_coarse(void)
{
	return read_clock(CLOCK_MONOTONIC_COARSE);
}

uint64_t os_random(void)
{
	uint64_t v;

	if (getrandom(&v, sizeof(v), GRND_NONBLOCK) != (ssize_t)sizeof(v))
		v = (uint64_t)os_now() * 0x9e3779b97f4a7c15ull;
	return v;
}

void poll_thread_yield(void)
{
	sched_yield();
}
