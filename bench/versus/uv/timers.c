// SPDX-License-Identifier: MIT
/* Timers of a loop; their deadlines are whole milliseconds. */
#include <stdlib.h>
#include <uv.h>

#include "versus/common/versus.h"
#include "versus/uv/peer.h"

struct timer {
	uv_timer_t t;
	uint64_t due;	/* ms of the loop's clock */
};

static uint64_t *late, expired;

static void expire(uv_timer_t *t)
{
	uint64_t due = ((struct timer *)t)->due * 1000000, now = uv_hrtime();

	if (now < due)
		wrong("early");
	late[expired++] = now - due;
}

/* All are armed before the first is due, which is checked. */
void loop_expiry(void)
{
	uint64_t n = (uint64_t)opt_number("count", 1000000), cpu = 0, lead;
	struct timer *timer = calloc(n, sizeof(*timer));
	uint64_t x = 88172645463325252ull, base;
	uv_loop_t *loop = uv_default_loop();

	late = calloc(n, sizeof(*late));
	if (!timer || !late)
		wrong("out of memory");
	lead = n / 500 + 300;
	base = uv_now(loop) + lead;
	for (uint64_t i = 0; i < n; i++) {
		timer[i].due = base + next_random(&x) % 1000;
		uv_timer_init(loop, &timer[i].t);
		uv_timer_start(&timer[i].t, expire,
			       timer[i].due - uv_now(loop), 0);
	}
	uv_update_time(loop);
	if (uv_now(loop) >= base)
		wrong("not all were armed in time");
	uv_sleep((unsigned int)(base - uv_now(loop)) - 1);
	cpu = cpu_ns();
	uv_run(loop, UV_RUN_DEFAULT);
	if (expired != n)
		wrong("some did not expire");
	report("cpu", (double)(cpu_ns() - cpu) / (double)n, "ns");
	report_latency("late", late, n);
}

static void fired(uv_timer_t *t)
{
	(void)t;
	wrong("a timer fired");
}

void loop_arm_cancel(void)
{
	uint64_t n = (uint64_t)opt_number("count", 5000000), begun;
	uint64_t live = (uint64_t)opt_number("live", 0);
	uv_timer_t *others = calloc(live + 1, sizeof(*others)), t;
	uv_loop_t *loop = uv_default_loop();

	if (!others)
		wrong("out of memory");
	for (uint64_t i = 0; i < live; i++) {
		uv_timer_init(loop, &others[i]);
		uv_timer_start(&others[i], fired,
			       3600000 + i * 7919 % 1000003, 0);
	}
	uv_timer_init(loop, &t);
	begun = now_ns();
	for (uint64_t i = 0; i < n; i++)
		if (uv_timer_start(&t, fired, 60000 + i % 1000, 0) ||
		    uv_timer_stop(&t))
			wrong("a timer was not stopped");
	report("pair", (double)(now_ns() - begun) / (double)n, "ns");
}
