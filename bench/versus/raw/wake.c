// SPDX-License-Identifier: MIT
/*
 * wake: a thread asleep in a futex on the other CPU is woken, and wakes us
 * back; we compute for 200 us before each, so that it sleeps deeply. The way
 * there is told as well as the round trip.
 */
#include <linux/futex.h>
#include <pthread.h>
#include <stdlib.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "versus/common/versus.h"
#include "versus/raw/raw.h"

#define IDLE_NS 200000

struct side {
	_Alignas(128) uint32_t word;
};

static struct side there, back;
static uint64_t arrived, count;

static void wait_for(struct side *s, uint32_t turn)
{
	while (__atomic_load_n(&s->word, __ATOMIC_ACQUIRE) != turn)
		syscall(SYS_futex, &s->word, FUTEX_WAIT_PRIVATE, turn - 1, NULL,
			NULL, 0);
}

static void wake(struct side *s, uint32_t turn)
{
	__atomic_store_n(&s->word, turn, __ATOMIC_RELEASE);
	syscall(SYS_futex, &s->word, FUTEX_WAKE_PRIVATE, 1, NULL, NULL, 0);
}

static void *other(void *arg)
{
	pin_to(0);
	for (uint32_t i = 1; i <= count; i++) {
		wait_for(&there, i);
		arrived = now_ns();
		wake(&back, i);
	}
	return arg;
}

void raw_wake(void)
{
	uint64_t *trip, *way;
	pthread_t t;

	count = (uint64_t)opt_number("count", 3000);
	trip = calloc(count, sizeof(*trip));
	way = calloc(count, sizeof(*way));
	if (!trip || !way || pthread_create(&t, NULL, other, NULL))
		wrong("no thread");
	pin_to(1);
	for (uint32_t i = 1; i <= count; i++) {
		uint64_t begun;

		spin_ns(IDLE_NS);
		begun = now_ns();
		wake(&there, i);
		wait_for(&back, i);
		trip[i - 1] = now_ns() - begun;
		way[i - 1] = arrived - begun;
	}
	pthread_join(t, NULL);
	report_latency("trip", trip, count);
	report_latency("oneway", way, count);
}
