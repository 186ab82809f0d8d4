// SPDX-License-Identifier: MIT
/*
 * Two loops, a thread and a CPU each, that wake each other by uv_async_send();
 * the first computes for 200 us before, so that the other sleeps.
 */
#include <stdlib.h>
#include <uv.h>

#include "versus/common/versus.h"
#include "versus/uv/peer.h"

static struct side {
	uv_loop_t loop;
	uv_async_t async;
} here, there;

static uint64_t count, turn, begun, *trip, *way;
static uv_sem_t ready;

static void wake_up(struct side *s)
{
	if (uv_async_send(&s->async))
		wrong("uv_async_send");
}

static void leave(uv_async_t *a)
{
	uv_stop(a->loop);
}

static void begin(void)
{
	spin_ns(200000);
	begun = now_ns();
	wake_up(&there);
}

static void arrived(uv_async_t *a)
{
	way[turn] = now_ns() - begun;
	wake_up(&here);
	if (turn + 1 == count)
		leave(a);
}

static void answered(uv_async_t *a)
{
	trip[turn] = now_ns() - begun;
	if (++turn == count)
		leave(a);
	else
		begin();
}

static void other(void *arg)
{
	(void)arg;
	pin_to(0);
	uv_loop_init(&there.loop);
	uv_async_init(&there.loop, &there.async, arrived);
	uv_sem_post(&ready);
	uv_run(&there.loop, UV_RUN_DEFAULT);
}

void loop_wake(void)
{
	uv_thread_t t;

	count = (uint64_t)opt_number("count", 3000);
	trip = calloc(count, sizeof(*trip));
	way = calloc(count, sizeof(*way));
	uv_sem_init(&ready, 0);
	if (!trip || !way || uv_thread_create(&t, other, NULL))
		wrong("no thread");
	uv_sem_wait(&ready);
	pin_to(1);
	uv_loop_init(&here.loop);
	uv_async_init(&here.loop, &here.async, answered);
	begin();
	uv_run(&here.loop, UV_RUN_DEFAULT);
	uv_thread_join(&t);
	report_latency("trip", trip, count);
	report_latency("oneway", way, count);
}
