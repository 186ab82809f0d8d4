/* SPDX-License-Identifier: MIT */
/*
 * Scenarios: a body that is run once for each of many seeds.
 *
 *	SCENARIO(a_phrase, 1500) { ...; CHECK(...); }
 *
 * makes it a test of 1500 seeds. SEEDS=n in the environment says how many
 * instead, FROM=n where they begin; SEED=n runs that one, twice, and fails if
 * the second run took another course. A seed that fails is printed, with the
 * name of its scenario.
 */
#ifndef OA_SELFTESTS_SIM_SCENARIO_H
#define OA_SELFTESTS_SIM_SCENARIO_H

#include "selftests/harness.h"
#include "selftests/sim/sim.h"

#define SCENARIO(name, seeds) \
	static void scenario_##name(void); \
	TEST(name, .timeout = scenario_timeout) \
	{ \
		scenario_explore(#name, scenario_##name, seeds); \
	} \
	static void scenario_##name(void)

enum { scenario_timeout = 3600 };

void scenario_explore(const char *name, void (*body)(void), unsigned int seeds);

/* A number of workers that suits: mostly 2 or 3, sometimes 1, 4 or 8. */
unsigned int scenario_workers(void);

/* oa_run() on @workers, as the world of the seed is. */
#define SCENARIO_RUN(fn, arg, ...) \
	CHECK_EQ(oa_run(fn, arg, SIM_CONFIG, ##__VA_ARGS__), 0)

#endif
