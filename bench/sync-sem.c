// SPDX-License-Identifier: MIT
/*
 * sync/sem: one task posts a semaphore and takes the permit again, nanoseconds
 * a pair; then two tasks on one worker (-w) wake each other in turn by two
 * semaphores, nanoseconds a round trip.
 *
 * raw: an atomic addition and a compare-and-swap for the pair; POSIX
 * semaphores, with threads on the same CPUs, for both.
 */
#include <semaphore.h>

#include "crew.h"

enum { PAIR, TRIP };

static const struct metric metrics[] = {
	[PAIR] = { "post+wait", "ns", M_RATE },
	[TRIP] = { "round trip", "ns", M_RATE },
	{ NULL, NULL, 0 },
};

struct permits {
	struct run *r;
	uint64_t trips;
	uint64_t turn;
	struct oa_sem s[2];
	sem_t ps[2];
	uint64_t word;
};

static int pairs_oa(void *arg, uint64_t n)
{
	struct permits *p = arg;
	int err = 0;

	for (uint64_t i = 0; i < n; i++) {
		err |= oa_sem_post(&p->s[0]);
		err |= oa_sem_wait(&p->s[0]);
	}
	if (err || oa_sem_value(&p->s[0]) != 0)
		return bench_fail(p->r, "a permit is lost");
	return 0;
}

static void *alone(void *arg)
{
	struct permits *p = arg;

	bench_loop(p->r, PAIR, 1, pairs_oa, p);
	return NULL;
}

/* Each turn must find the other's, or somebody was woken too early. */
static void turns_oa(void *arg, unsigned int nr)
{
	struct permits *p = arg;
	int err = 0;

	for (uint64_t i = 0; i < p->trips && !err; i++) {
		err |= oa_sem_wait(&p->s[nr]);
		err |= p->turn != 2 * i + nr;
		p->turn++;
		err |= oa_sem_post(&p->s[!nr]);
	}
	if (err)
		bench_fail(p->r, "a turn is wrong");
}

static int finish(struct run *r, struct permits *p, uint64_t ns)
{
	if (p->turn != 2 * p->trips)
		return bench_fail(r, "turns are lost");
	bench_set(r, TRIP, (double)ns / (double)p->trips);
	return 0;
}

static int sem_oa(struct run *r)
{
	struct permits p = { .r = r, .trips = r->iters / 8 + 1,
			     .s = { OA_SEM_INIT(0), OA_SEM_INIT(0) } };
	uint64_t ns;

	if (bench_oa_run(r, 1, alone, &p))
		return -1;
	if (oa_sem_init(&p.s[0], 1))
		return bench_fail(r, "oa_sem_init fails");
	if (crew_oa(r, 2, turns_oa, &p, &ns))
		return -1;
	return finish(r, &p, ns);
}

static int pairs_atomic(void *arg, uint64_t n)
{
	struct permits *p = arg;
	uint64_t err = 0;

	for (uint64_t i = 0; i < n; i++) {
		uint64_t v = 1;

		err |= __atomic_fetch_add(&p->word, 1, __ATOMIC_RELEASE);
		err |= !__atomic_compare_exchange_n(&p->word, &v, v - 1, false,
						    __ATOMIC_ACQUIRE,
						    __ATOMIC_RELAXED);
	}
	return err ? bench_fail(p->r, "a permit is lost") : 0;
}

static int sem_atomic(struct run *r)
{
	struct permits p = { .r = r };

	bench_pin(r, 0, 1);
	return bench_loop(r, PAIR, 1, pairs_atomic, &p);
}

static int pairs_posix(void *arg, uint64_t n)
{
	struct permits *p = arg;
	int err = 0;

	for (uint64_t i = 0; i < n; i++) {
		err |= sem_post(&p->ps[0]);
		err |= sem_wait(&p->ps[0]);
	}
	return err ? bench_fail(p->r, "a permit is lost") : 0;
}

static void turns_posix(void *arg, unsigned int nr)
{
	struct permits *p = arg;
	int err = 0;

	for (uint64_t i = 0; i < p->trips && !err; i++) {
		err |= sem_wait(&p->ps[nr]);
		err |= p->turn != 2 * i + nr;
		p->turn++;
		err |= sem_post(&p->ps[!nr]);
	}
	if (err)
		bench_fail(p->r, "a turn is wrong");
}

static int sem_posix(struct run *r)
{
	struct permits p = { .r = r, .trips = r->iters / 64 + 1 };
	uint64_t ns;

	if (sem_init(&p.ps[0], 0, 0) || sem_init(&p.ps[1], 0, 0))
		return bench_fail(r, "sem_init fails");
	bench_pin(r, 0, 1);
	if (bench_loop(r, PAIR, 1, pairs_posix, &p))
		return -1;
	sem_post(&p.ps[0]);
	if (crew_raw(r, 2, turns_posix, &p, &ns))
		return -1;
	return finish(r, &p, ns);
}

const struct bench bench_sync_sem = {
	.collection = "sync",
	.name = "sem",
	.summary = "a semaphore alone, and two tasks waking each other",
	.metrics = metrics,
	.impl = { { "oa", sem_oa }, { "raw:atomic", sem_atomic },
		  { "raw:posix", sem_posix } },
	.workers = 1,
};
