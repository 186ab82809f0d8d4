// SPDX-License-Identifier: MIT
/*
 * Trees of tasks that spawn, join, yield, detach and cancel at random. Each
 * task ran or was dropped, exactly once; each join gives what the task
 * returned, or says that it was dropped.
 */
#include <errno.h>
#include <string.h>

#include "selftests/sim/scenario.h"

#define NODES	60
#define KIDS	4

static struct node {
	oa_task_t task;
	int depth;
	int ran, dropped, ended;
	bool detached;
} nodes[NODES];
static int used;

static void *body(void *arg);

static void drop(void *arg)
{
	struct node *n = arg;

	n->dropped++;
}

static struct node *node_new(int depth)
{
	struct node *n;

	if (used == NODES)
		return NULL;
	n = &nodes[used++];
	n->depth = depth;
	return n;
}

static bool spawn(struct node *n)
{
	if (sim_one_in(4))
		n->task = oa_spawn(body, n, .on_drop = drop,
				   .pinned = sim_one_in(3));
	else if (sim_one_in(6))
		n->task = oa_spawn(body, n, .on_drop = drop,
				   .delay = sim_below(3000));
	else if (sim_one_in(5))
		n->task = oa_spawn(body, n, .on_drop = drop,
				   .stack_size = 32 * 1024);
	else
		n->task = oa_spawn(body, n, .on_drop = drop);
	CHECK_EQ(oa_task_error(n->task), 0);
	return true;
}

static void take(struct node *kid)
{
	void *result = NULL;
	int err;

	if (kid->detached)
		return;
	do {
		if (sim_one_in(5))
			err = oa_join_until(kid->task, &result,
					    oa_after(sim_below(20000)));
		else
			err = oa_join(kid->task, &result);
		/* Whoever is cancelled can join no more: let it go. */
		if (err == -ECANCELED) {
			CHECK_EQ(oa_cancelled(), 1);
			err = oa_detach(kid->task);
			CHECK_EQ(err, 0);
			kid->detached = true;
			return;
		}
	} while (err == -ETIMEDOUT);
	CHECK_EQ(err, 0);
	CHECK_EQ(kid->ran + kid->dropped, 1);
	if (kid->ran) {
		CHECK(result == kid);
		CHECK_EQ(kid->ended, 1);
	} else {
		CHECK_EQ(oa_err_code(result), -ECANCELED);
	}
	CHECK_EQ(oa_join(kid->task, NULL), oa_cancelled() ? -ESRCH : -ESRCH);
}

static void step(struct node **kids, int n)
{
	struct node *kid = n ? kids[sim_below((uint32_t)n)] : NULL;
	int err;

	switch (sim_below(8)) {
	case 0:
	case 1:
		err = oa_yield();
		CHECK(err == 0 || err == -ECANCELED);
		break;
	case 2:
		err = oa_sleep(sim_below(5000));
		CHECK(err == 0 || err == -ECANCELED);
		break;
	case 3:
		if (!kid)
			break;
		err = oa_cancel(kid->task);
		CHECK(err == 0 || err == -ESRCH);
		break;
	case 4:
		if (!kid || kid->detached)
			break;
		err = oa_detach(kid->task);
		CHECK_EQ(err, 0);
		kid->detached = true;
		break;
	case 5:
		sim_spin(sim_below(200));
		break;
	default:
		break;
	}
}

static void *body(void *arg)
{
	struct node *n = arg, *kids[KIDS];
	int nr = 0;

	n->ran++;
	CHECK_EQ(n->ran, 1);
	CHECK_EQ(n->dropped, 0);
	for (int i = 0; i < KIDS + 1; i++) {
		if (n->depth && nr < KIDS && !sim_one_in(4)) {
			kids[nr] = node_new(n->depth - 1);
			if (kids[nr])
				nr += spawn(kids[nr]);
		}
		step(kids, nr);
	}
	while (nr)
		take(kids[--nr]);
	n->ended++;
	if (sim_one_in(3))
		oa_exit(n);
	return n;
}

SCENARIO(every_task_of_a_tree_ends_once, 8000)
{
	struct oa_ended ended;
	uint64_t ran = 0, dropped = 0;

	memset(nodes, 0, sizeof(nodes));
	used = 0;
	SCENARIO_RUN(body, node_new(3), .workers = scenario_workers(),
		     .ended = &ended);
	for (int i = 0; i < used; i++) {
		CHECK_EQ(nodes[i].ran + nodes[i].dropped, 1);
		CHECK_EQ(nodes[i].ended, nodes[i].ran);
		ran += (uint64_t)nodes[i].ran;
		dropped += (uint64_t)nodes[i].dropped;
	}
	CHECK_EQ(ended.ran, ran);
	CHECK_EQ(ended.dropped, dropped);
}

HARNESS_MAIN
