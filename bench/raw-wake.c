// SPDX-License-Identifier: MIT
/*
 * Two threads on two CPUs that wake each other, by a futex or by a message
 * into the other's ring (the registered form where the kernel has it). The
 * round trips and the one-way wakes of sched/wake without a runtime.
 */
#include <liburing.h>
#include <linux/futex.h>
#include <pthread.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "raw-wake.h"

#define REGISTER_SEND_MSG_RING 31	/* since 6.13 */

struct side {
	uint32_t word __attribute__((aligned(128)));
	struct io_uring ring;
};

struct pair {
	struct run *r;
	struct side side[2];
	pthread_barrier_t ready;
	bool rings, registered;
	uint64_t trips;
	uint32_t turn;
	uint64_t arrived;
	int ret;
};

void wake_idle(const struct run *r)
{
	uint64_t end = bench_now() + (uint64_t)bench_opt(r, 0) * 1000;

	while (bench_now() < end)
		;
}

void wake_idle_trips(struct run *r)
{
	bench_set(r, WAKE_IDLE, (double)hist_percentile(&r->out->hist, .5));
	memset(&r->out->hist, 0, sizeof(r->out->hist));
}

void wake_percentiles(struct run *r)
{
	bench_set(r, WAKE_P50, (double)hist_percentile(&r->out->hist, .5));
	bench_set(r, WAKE_P99, (double)hist_percentile(&r->out->hist, .99));
}

static void futex_wake(struct side *to, uint32_t turn)
{
	__atomic_store_n(&to->word, turn, __ATOMIC_RELEASE);
	syscall(SYS_futex, &to->word, FUTEX_WAKE_PRIVATE, 1, NULL, NULL, 0);
}

static void futex_wait(struct side *me, uint32_t turn)
{
	uint32_t seen;

	while ((seen = __atomic_load_n(&me->word, __ATOMIC_ACQUIRE)) != turn)
		syscall(SYS_futex, &me->word, FUTEX_WAIT_PRIVATE, seen, NULL,
			NULL, 0);
}

static int send_registered(const struct side *to, uint32_t turn)
{
	struct io_uring_sqe sqe;

	io_uring_prep_msg_ring(&sqe, to->ring.ring_fd, 0, turn, 0);
	return (int)syscall(SYS_io_uring_register, -1, REGISTER_SEND_MSG_RING,
			    &sqe, 1);
}

static void ring_wake(struct pair *p, struct side *me, struct side *to,
		      uint32_t turn)
{
	struct io_uring_sqe *sqe;

	if (p->registered) {
		send_registered(to, turn);
		return;
	}
	sqe = io_uring_get_sqe(&me->ring);
	io_uring_prep_msg_ring(sqe, to->ring.ring_fd, 0, turn, 0);
	sqe->flags |= IOSQE_CQE_SKIP_SUCCESS;
	io_uring_submit(&me->ring);
}

static void ring_wait(struct pair *p, struct side *me, uint32_t turn)
{
	struct io_uring_cqe *cqe;

	if (io_uring_wait_cqe(&me->ring, &cqe) ||
	    (uint32_t)cqe->user_data != turn)
		p->ret = bench_fail(p->r, "a message is wrong");
	io_uring_cqe_seen(&me->ring, cqe);
}

static void wake(struct pair *p, int me, uint32_t turn)
{
	if (p->rings)
		ring_wake(p, &p->side[me], &p->side[!me], turn);
	else
		futex_wake(&p->side[!me], turn);
}

static void wait_for(struct pair *p, int me, uint32_t turn)
{
	if (p->rings)
		ring_wait(p, &p->side[me], turn);
	else
		futex_wait(&p->side[me], turn);
}

/* A ring belongs to the thread that sets it up. */
static void enter(struct pair *p, int me)
{
	bench_pin(p->r, (unsigned int)me, 1);
	if (p->rings && raw_ring(p->r, &p->side[me].ring, 64))
		p->ret = BENCH_SKIP;
	pthread_barrier_wait(&p->ready);
	if (!p->ret && me == 0 && p->rings)
		p->registered = send_registered(&p->side[1], 0) >= 0;
	pthread_barrier_wait(&p->ready);
	if (!p->ret && me == 1 && p->registered)
		ring_wait(p, &p->side[1], 0);
}

static void *peer(void *arg)
{
	struct pair *p = arg;

	enter(p, 1);
	for (uint32_t i = 1; !p->ret && i <= p->trips; i++) {
		wait_for(p, 1, i);
		p->arrived = bench_now();
		wake(p, 1, i);
	}
	return NULL;
}

/* To a side that sleeps: there and back, or only there. */
static void singles(struct pair *p, uint64_t n, bool one_way)
{
	for (uint64_t i = 0; i < n; i++) {
		uint64_t sent;

		wake_idle(p->r);
		sent = bench_now();
		wake(p, 0, ++p->turn);
		wait_for(p, 0, p->turn);
		hist_add(&p->r->out->hist,
			 (one_way ? p->arrived : bench_now()) - sent);
	}
}

static int trips(void *arg, uint64_t n)
{
	struct pair *p = arg;

	while (n--) {
		wake(p, 0, ++p->turn);
		wait_for(p, 0, p->turn);
	}
	return 0;
}

static void drive(struct pair *p, uint64_t single)
{
	bench_loop(p->r, WAKE_TRIP, 1, trips, p);
	if (!single)
		return;
	singles(p, single, false);
	wake_idle_trips(p->r);
	singles(p, single, true);
	wake_percentiles(p->r);
}

static int run_pair(struct run *r, bool rings)
{
	uint64_t single = (uint64_t)bench_opt(r, 1);
	struct pair p = { .r = r, .rings = rings };
	pthread_t t;

	p.trips = bench_warmup(r) + r->iters + 2 * single;
	pthread_barrier_init(&p.ready, NULL, 2);
	if (pthread_create(&t, NULL, peer, &p))
		return bench_fail(r, "no thread");
	enter(&p, 0);
	if (!p.ret)
		drive(&p, single);
	pthread_join(t, NULL);
	return p.ret;
}

int wake_futex(struct run *r)
{
	return run_pair(r, false);
}

int wake_msg_ring(struct run *r)
{
	return run_pair(r, true);
}
