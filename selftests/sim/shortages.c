// SPDX-License-Identifier: MIT
/*
 * Memory, threads and rings that are not to be had, one time in a few. A start
 * fails with an errno and leaves nothing; a task that gets no stack ends with
 * -ENOMEM; nothing hangs.
 */
#include <errno.h>
#include <string.h>

#include "core/fault.h"
#include "selftests/sim/scenario.h"

static int ran, dropped, started;

static void drop(void *arg)
{
	(void)arg;
	dropped++;
}

static void *works(void *arg)
{
	struct sim_nop nop = { .delay = 1 + sim_below(3000), .res = 3 };

	if (sim_one_in(2))
		oa_sleep(sim_below(3000));
	else
		CHECK_EQ(oa_sqe(sim_prep_nop, &nop), 3);
	ran++;
	return arg;
}

static void *spawns(void *arg)
{
	oa_task_t t[20];
	char copy[200] = { 0 };
	void *result;
	int err;

	for (int i = 0; i < 20; i++) {
		switch (sim_below(4)) {
		case 0:
			t[i] = oa_spawn(works, copy, .copy = sizeof(copy),
					.on_drop = drop);
			break;
		case 1:
			t[i] = oa_spawn(works, copy, .stack_size = 20 * 1024,
					.on_drop = drop);
			break;
		default:
			t[i] = oa_spawn(works, copy, .on_drop = drop,
					.name = "fault");
			break;
		}
		err = oa_task_error(t[i]);
		CHECK(err == 0 || err == -ENOMEM);
		started += !err;
	}
	for (int i = 0; i < 20; i++) {
		if (oa_task_error(t[i]))
			continue;
		CHECK_EQ(oa_join(t[i], &result), 0);
		CHECK(!oa_is_err(result) || oa_err_code(result) == -ENOMEM);
	}
	return arg;
}

static const int kinds[] = { FAULT_ALLOC, FAULT_MMAP, FAULT_SLAB, FAULT_STACK,
			     FAULT_THREAD, FAULT_RING };

SCENARIO(what_is_not_to_be_had_hangs_nothing, 2500)
{
	struct oa_runtime *rt;
	struct oa_ended e;
	int err;

	ran = dropped = started = 0;
	for (uint32_t n = 1 + sim_below(3); n; n--)
		sim_fault_set(kinds[sim_below(6)], 2 + sim_below(12));
	err = oa_start(&rt, spawns, NULL, SIM_CONFIG,
		       .workers = scenario_workers());
	CHECK(err == 0 || err == -ENOMEM || err == -EAGAIN);
	if (err)
		return;
	CHECK_EQ(oa_runtime_wait(rt, &e), 0);
	CHECK_EQ(ran + dropped, started);
	CHECK(e.ran + e.dropped == (uint64_t)started + 1);
	CHECK_EQ(oa_runtime_free(rt), 0);
}

HARNESS_MAIN
