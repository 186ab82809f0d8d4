// SPDX-License-Identifier: MIT
/* One scenario over many seeds. */
#include "selftests/sim/scenario.h"

#include <stdio.h>
#include <stdlib.h>

#define AGAIN	64u	/* every so many seeds one is run twice */

static bool number(const char *name, uint64_t *to)
{
	const char *s = getenv(name);

	if (s && *s)
		*to = strtoull(s, NULL, 0);
	return s && *s;
}

/* The same seed, the same course. */
static void compare(uint64_t seed, const char *name, void (*body)(void),
		    const struct sim_result *first)
{
	struct sim_result second;

	sim_run(seed, name, body, &second);
	if (first->hash == second.hash && first->steps == second.steps)
		return;
	FAIL("SEED=%llu %s takes another course when it is run again: %llu and %llu steps",
	     (unsigned long long)seed, name, (unsigned long long)first->steps,
	     (unsigned long long)second.steps);
}

void scenario_explore(const char *name, void (*body)(void), unsigned int seeds)
{
	uint64_t seed, from = 1, n = seeds, steps = 0, switches = 0;
	struct sim_result res;

	if (number("SEED", &seed)) {
		sim_run(seed, name, body, &res);
		TEST_LOG("seed %llu: %llu steps, %llu switches, %lld ns, hash %016llx",
			 (unsigned long long)seed,
			 (unsigned long long)res.steps,
			 (unsigned long long)res.switches,
			 (long long)res.time, (unsigned long long)res.hash);
		compare(seed, name, body, &res);
		return;
	}
	number("FROM", &from);
	if (!number("SEEDS", &n) && harness_slow())
		n = n / 20 + 1;
	for (seed = from; seed < from + n; seed++) {
		sim_run(seed, name, body, &res);
		steps += res.steps;
		switches += res.switches;
		if (seed % AGAIN == 0)
			compare(seed, name, body, &res);
	}
	TEST_LOG("%llu seeds, %llu steps and %llu switches each",
		 (unsigned long long)n, (unsigned long long)(steps / n),
		 (unsigned long long)(switches / n));
}

unsigned int scenario_workers(void)
{
	static const unsigned int n[] = {
		1, 1, 2, 2, 2, 2, 2, 2, 3, 3, 3, 3, 3, 4, 4, 8,
	};

	return n[sim_below(sizeof(n) / sizeof(n[0]))];
}
