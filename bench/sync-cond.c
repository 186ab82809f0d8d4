// SPDX-License-Identifier: MIT
/*
 * sync/cond: two tasks on one worker (-w) take turns, each waiting under the
 * mutex until the other signals, nanoseconds a turn; then one task wakes -b
 * others by a broadcast, again when all of them wait again, nanoseconds a
 * waiter woken. Both include the mutex, which every one that is woken takes.
 *
 * raw: a pthread condition variable, with threads on the same CPUs.
 */
#include <pthread.h>

#include "crew.h"

enum { SIGNAL, BROADCAST };

static const struct metric metrics[] = {
	[SIGNAL] = { "signal", "ns", M_RATE },
	[BROADCAST] = { "broadcast", "ns", M_RATE },
	{ NULL, NULL, 0 },
};

static const struct bench_opt opts[] = {
	{ 'b', "waiters", "64", "woken by one broadcast", 1, 100000 },
	{ 0, NULL, NULL, NULL, 0, 0 },
};

struct turns {
	struct run *r;
	uint64_t each;		/* turns of each of the two */
	uint64_t rounds;	/* broadcasts */
	unsigned int waiters;
	uint64_t turn;
	uint64_t round;
	unsigned int waiting;
	struct oa_mutex m;
	struct oa_cond c[2];	/* broadcast: go on; all are here */
	pthread_mutex_t pm;
	pthread_cond_t pc[2];
};

static unsigned int prepare(struct run *r, struct turns *t)
{
	t->r = r;
	t->waiters = (unsigned int)bench_opt(r, 0);
	t->each = r->iters / 2 + 1;
	t->rounds = r->iters / (t->waiters ? t->waiters : 1) + 1;
	return t->waiters;
}

static void told(struct turns *t, int err)
{
	if (err)
		bench_fail(t->r, "a lock or a wait fails");
}

static void turn_oa(void *arg, unsigned int nr)
{
	struct turns *t = arg;
	int err = 0;

	for (uint64_t i = 0; i < t->each; i++) {
		err |= oa_mutex_lock(&t->m);
		while (t->turn % 2 != nr)
			err |= oa_cond_wait(&t->c[nr], &t->m);
		t->turn++;
		err |= oa_cond_signal(&t->c[!nr]);
		err |= oa_mutex_unlock(&t->m);
	}
	told(t, err);
}

static void lead_oa(struct turns *t)
{
	int err = 0;

	for (uint64_t i = 0; i < t->rounds; i++) {
		err |= oa_mutex_lock(&t->m);
		while (t->waiting < t->waiters)
			err |= oa_cond_wait(&t->c[1], &t->m);
		t->waiting = 0;
		t->round++;
		err |= oa_cond_broadcast(&t->c[0]);
		err |= oa_mutex_unlock(&t->m);
	}
	told(t, err);
}

static void follow_oa(struct turns *t)
{
	int err = 0;

	for (uint64_t i = 0; i < t->rounds; i++) {
		err |= oa_mutex_lock(&t->m);
		if (++t->waiting == t->waiters)
			err |= oa_cond_signal(&t->c[1]);
		while (t->round == i)
			err |= oa_cond_wait(&t->c[0], &t->m);
		err |= oa_mutex_unlock(&t->m);
	}
	told(t, err);
}

static void round_oa(void *arg, unsigned int nr)
{
	if (nr == 0)
		lead_oa(arg);
	else
		follow_oa(arg);
}

static int signalled(struct turns *t, uint64_t ns)
{
	if (t->turn != 2 * t->each)
		return bench_fail(t->r, "turns are lost");
	bench_set(t->r, SIGNAL, (double)ns / (double)t->turn);
	return 0;
}

static int broadcasted(struct turns *t, uint64_t ns)
{
	if (t->round != t->rounds)
		return bench_fail(t->r, "rounds are lost");
	bench_set(t->r, BROADCAST,
		  (double)ns / (double)(t->rounds * t->waiters));
	return 0;
}

static int cond_oa(struct run *r)
{
	struct turns t = { .m = OA_MUTEX_INIT,
			   .c = { OA_COND_INIT, OA_COND_INIT } };
	unsigned int n = prepare(r, &t);
	uint64_t ns;

	if (!n)
		return bench_fail(r, "no waiters");
	if (crew_oa(r, 2, turn_oa, &t, &ns) || signalled(&t, ns) ||
	    crew_oa(r, n + 1, round_oa, &t, &ns))
		return -1;
	return broadcasted(&t, ns);
}

static void turn_raw(void *arg, unsigned int nr)
{
	struct turns *t = arg;
	int err = 0;

	for (uint64_t i = 0; i < t->each; i++) {
		err |= pthread_mutex_lock(&t->pm);
		while (t->turn % 2 != nr)
			err |= pthread_cond_wait(&t->pc[nr], &t->pm);
		t->turn++;
		err |= pthread_cond_signal(&t->pc[!nr]);
		err |= pthread_mutex_unlock(&t->pm);
	}
	told(t, err);
}

static void lead_raw(struct turns *t)
{
	int err = 0;

	for (uint64_t i = 0; i < t->rounds; i++) {
		err |= pthread_mutex_lock(&t->pm);
		while (t->waiting < t->waiters)
			err |= pthread_cond_wait(&t->pc[1], &t->pm);
		t->waiting = 0;
		t->round++;
		err |= pthread_cond_broadcast(&t->pc[0]);
		err |= pthread_mutex_unlock(&t->pm);
	}
	told(t, err);
}

static void follow_raw(struct turns *t)
{
	int err = 0;

	for (uint64_t i = 0; i < t->rounds; i++) {
		err |= pthread_mutex_lock(&t->pm);
		if (++t->waiting == t->waiters)
			err |= pthread_cond_signal(&t->pc[1]);
		while (t->round == i)
			err |= pthread_cond_wait(&t->pc[0], &t->pm);
		err |= pthread_mutex_unlock(&t->pm);
	}
	told(t, err);
}

static void round_raw(void *arg, unsigned int nr)
{
	if (nr == 0)
		lead_raw(arg);
	else
		follow_raw(arg);
}

static int cond_raw(struct run *r)
{
	struct turns t = { .pm = PTHREAD_MUTEX_INITIALIZER,
			   .pc = { PTHREAD_COND_INITIALIZER,
				   PTHREAD_COND_INITIALIZER } };
	unsigned int n = prepare(r, &t);
	uint64_t ns;

	if (!n)
		return bench_fail(r, "no waiters");
	if (crew_raw(r, 2, turn_raw, &t, &ns) || signalled(&t, ns) ||
	    crew_raw(r, n + 1, round_raw, &t, &ns))
		return -1;
	return broadcasted(&t, ns);
}

const struct bench bench_sync_cond = {
	.collection = "sync",
	.name = "cond",
	.summary = "taking turns by signals, and waking all",
	.metrics = metrics,
	.opts = opts,
	.impl = { { "oa", cond_oa }, { "raw:pthread", cond_raw } },
	.workers = 1,
};
