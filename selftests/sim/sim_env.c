// SPDX-License-Identifier: MIT
/* The world of a run: what the seed makes of it, and faults on request. */
#if defined(OA_SIM) && OA_SIM == 1
#include <stdlib.h>

#include "core/fault.h"
#include "selftests/sim/sim_priv.h"

struct sim_env sim_env;

static uint32_t fault_one_in[FAULT_KINDS];

static uint32_t one_of(const uint32_t *v, uint32_t n)
{
	return v[sim_draw_below(SIM_WORLD, n)];
}
#define ONE_OF(...) ({ \
	static const uint32_t _v[] = { __VA_ARGS__ }; \
	one_of(_v, ARRAY_SIZE(_v)); })

void sim_env_choose(void)
{
	sim_env = (struct sim_env){
		.cpus = ONE_OF(1, 8),
		.tick = ONE_OF(100, 600, 4000, 50000),
		.step = ONE_OF(2000, 8000, 40000),
		.leap = ONE_OF(0, 0, 3, 30, 300),
		.delay = ONE_OF(1, 500, 20000, 3000000),
		.at_once = ONE_OF(0, 2, 8),
		.spurious = ONE_OF(0, 2, 10, 50),
		.disarm = ONE_OF(0, 1, 2, 5),
		.sq = ONE_OF(1, 2, 8, 256),
		.keep_late = ONE_OF(0, 0, 3, 20),
		.reap_max = ONE_OF(1, 2, 20),
		.shorter = ONE_OF(0, 2, 5),
		.barrier_fails = ONE_OF(0, 0, 2),
		.ignore_caps = ONE_OF(0, 1, 1),
		.park_ring = ONE_OF(0, 0, 0, 1),
		.migrate = ONE_OF(0, 0, 0, 0, 1),
		/* Not drawn: what else a seed does stays as it is. */
		.ring_words = sim.seed % 3 != 0,
		.standby = sim.seed % 4 == 3,
		.slack = (const oa_time_t[]){ 1, 0, 1, 3000, OA_MSEC }
			 [sim.seed % 5],
	};
	sim_env_apply();
}

void sim_env_apply(void)
{
	if (sim_env.park_ring)
		setenv("OA_PARK", "ring", 1);
	else
		unsetenv("OA_PARK");
	setenv("OA_DEBUG", sim_env.migrate && sim_env.standby ?
			   "migrate,standby" :
			   sim_env.migrate ? "migrate" :
			   sim_env.standby ? "standby" : "", 1);
}

unsigned int sim_cpus(void);
unsigned int sim_cpus(void)
{
	return sim_env.cpus;
}

void sim_fault_set(int kind, uint32_t n)
{
	fault_one_in[kind] = n;
	fault_any = fault_any || n;
}

void sim_faults_reset(void)
{
	for (int i = 0; i < FAULT_KINDS; i++)
		fault_one_in[i] = 0;
	fault_any = false;
}

bool sim_fault(enum fault_kind kind);
bool sim_fault(enum fault_kind kind)
{
	return sim_draw_one_in(SIM_WORLD, fault_one_in[kind]);
}
#endif
