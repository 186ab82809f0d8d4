// SPDX-License-Identifier: MIT
/*
 * Trees of jobs whose owners suspend, are cancelled and join in any order. Each
 * job runs exactly once, and its join gives what it returned.
 */
#include <errno.h>
#include <string.h>

#include "selftests/sim/scenario.h"

#define NODES	120
#define KIDS	4

static struct node {
	struct oa_job job;
	int depth;
	int begun, ended;
} nodes[NODES];
static int used;

static struct node *node_new(int depth)
{
	struct node *n;

	if (used == NODES)
		return NULL;
	n = &nodes[used++];
	n->depth = depth;
	return n;
}

static void linger(void)
{
	int err = 0;

	switch (sim_below(6)) {
	case 0:
		err = oa_yield();
		break;
	case 1:
		err = oa_sleep(sim_below(4000));
		break;
	case 2:
		sim_spin(sim_below(300));
		break;
	default:
		break;
	}
	CHECK(err == 0 || err == -ECANCELED);
}

static void *works(void *arg)
{
	struct node *n = arg, *kid[KIDS], *k;
	unsigned int nr = 0, i;

	CHECK_EQ(++n->begun, 1);
	for (int turn = 0; turn < KIDS + 1; turn++) {
		if (n->depth && nr < KIDS && !sim_one_in(4) &&
		    (k = node_new(n->depth - 1))) {
			CHECK_EQ(oa_job_fork(&k->job, works, k), 0);
			kid[nr++] = k;
		}
		linger();
	}
	while (nr) {
		/* Mostly the newest. */
		i = sim_one_in(4) ? sim_below(nr) : nr - 1;
		k = kid[i];
		kid[i] = kid[--nr];
		CHECK(oa_job_join(&k->job) == k);
		CHECK_EQ(k->ended, 1);
	}
	CHECK_EQ(++n->ended, 1);
	return n;
}

static void *tree(void *arg)
{
	CHECK(works(arg) == arg);
	return NULL;
}

static void *first(void *arg)
{
	oa_task_t t[3];
	uint32_t n = sim_below(4);

	for (uint32_t i = 0; i < n; i++) {
		t[i] = oa_spawn(tree, node_new(2), .pinned = sim_one_in(4));
		CHECK_EQ(oa_task_error(t[i]), 0);
	}
	tree(arg);
	for (uint32_t i = 0; i < n; i++) {
		if (sim_one_in(3))
			oa_cancel(t[i]);
		CHECK_EQ(oa_join(t[i], NULL), 0);
	}
	return NULL;
}

SCENARIO(each_job_runs_once, 12000)
{
	memset(nodes, 0, sizeof(nodes));
	used = 0;
	SCENARIO_RUN(first, node_new(3), .workers = scenario_workers());
	for (int i = 0; i < used; i++)
		CHECK_EQ(nodes[i].begun, nodes[i].ended);
}

/* ---- a loop over a range, by whoever is there */

#define RANGE	200

static unsigned char marked[RANGE];
static bool asked;

static void marks(size_t begin, size_t end, void *arg)
{
	(void)arg;
	for (size_t i = begin; i < end; i++)
		CHECK_EQ(++marked[i], 1);
	linger();
}

static void *loops(void *arg)
{
	int err = oa_parallel_for(0, RANGE, 1 + sim_below(20), marks, arg);

	CHECK(!err || (err == -ECANCELED && asked));
	for (size_t i = 0; !err && i < RANGE; i++)
		CHECK_EQ(marked[i], 1);
	return NULL;
}

static void *watches(void *arg)
{
	oa_task_t t = oa_spawn(loops, arg);

	CHECK_EQ(oa_task_error(t), 0);
	for (uint32_t n = sim_below(5); n; n--)
		CHECK_EQ(oa_sleep(sim_below(3000)), 0);
	if (sim_one_in(2)) {
		asked = true;
		oa_cancel(t);
	}
	CHECK_EQ(oa_join(t, NULL), 0);
	return NULL;
}

SCENARIO(each_of_a_range_once, 12000)
{
	memset(marked, 0, sizeof(marked));
	asked = false;
	SCENARIO_RUN(watches, NULL, .workers = scenario_workers());
}

/* ---- a cancel comes to whoever runs a part */

static void *sleeps(void *arg)
{
	linger();
	CHECK_EQ(oa_sleep(OA_FOREVER), -ECANCELED);
	return arg;
}

static void *forks_sleepers(void *arg)
{
	struct oa_job job[3];
	unsigned int n = 1 + sim_below(3);

	for (unsigned int i = 0; i < n; i++)
		CHECK_EQ(oa_job_fork(&job[i], sleeps, &job[i]), 0);
	linger();
	while (n--)
		CHECK(oa_job_join(&job[n]) == &job[n]);
	CHECK_EQ(oa_cancelled(), 1);
	return arg;
}

static void *cancels(void *arg)
{
	oa_task_t t = oa_spawn(forks_sleepers, arg);

	CHECK_EQ(oa_task_error(t), 0);
	for (uint32_t n = sim_below(5); n; n--)
		CHECK_EQ(oa_sleep(sim_below(3000)), 0);
	sim_spin(sim_below(300));
	CHECK_EQ(oa_cancel(t), 0);
	CHECK_EQ(oa_join(t, NULL), 0);
	return NULL;
}

SCENARIO(a_cancel_is_handed_on, 3000)
{
	SCENARIO_RUN(cancels, NULL, .workers = scenario_workers());
}

HARNESS_MAIN
