// SPDX-License-Identifier: MIT
/*
 * Posts in the caller's storage, which may come from signal handlers: each that
 * is let in begins once, or is dropped when its runtime ends, and its node is
 * the caller's again; each that comes too late is refused, though the runtime
 * may be gone by then.
 */
#include <errno.h>

#include "core/fault.h"
#include "selftests/sim/scenario.h"

#define THREADS	3
#define NODES	3
#define POSTS	24

struct parcel {
	struct oa_post_node node;
	uint32_t let_in, begun;
	uint32_t again;			/* its task posts it, so many times */
	struct oa_sem told;		/* a permit for each that has begun */
};

static struct parcel parcels[THREADS * NODES];
static struct oa_runtime *rt;
static struct oa_sem over;		/* a permit by each thread at its end */
static uint32_t threads, first_ran;
static bool waited_for;			/* each post, by its thread */

/* Posts it, or is told why not. */
static int post(struct parcel *p)
{
	int err = oa_post_prepared(&p->node);

	CHECK(err == 0 || err == -EALREADY || err == -ESHUTDOWN);
	p->let_in += !err;
	return err;
}

static void *begins(void *arg)
{
	struct parcel *p = arg;

	p->begun++;
	if (p->again) {
		p->again--;
		/* Its node is free: nobody else posts it meanwhile. */
		CHECK(post(p) != -EALREADY || !waited_for);
	}
	if (sim_one_in(4))
		oa_yield();
	if (waited_for)
		CHECK_EQ(oa_sem_post(&p->told), 0);
	return NULL;
}

static void make_parcels(void)
{
	for (uint32_t i = 0; i < THREADS * NODES; i++) {
		parcels[i] = (struct parcel){
			.node = OA_POST_NODE(rt, begins, &parcels[i]),
			.again = sim_one_in(3) ? sim_below(4) : 0,
		};
		CHECK_EQ(oa_sem_init(&parcels[i].told, 0), 0);
	}
}

static struct parcel *one_of(void *thread)
{
	return &parcels[(uintptr_t)thread * NODES + sim_below(NODES)];
}

static void wait_for(struct oa_sem *s)
{
	int err;

	while ((err = oa_sem_wait(s)) == -ENOMEM)
		sim_pause(1000);
	CHECK_EQ(err, 0);
}

/* Wakes who asks for help, instead of any. */
static void *tells(void *arg)
{
	CHECK_EQ(oa_sem_post(&(*(struct parcel **)arg)->told), 0);
	return NULL;
}

static void posts_and_waits(void *arg)
{
	for (uint32_t n = 1 + sim_below(POSTS); n; n--) {
		struct parcel *p = one_of(arg);
		uint32_t times = 1;
		int err;

		sim_pause(sim_below(2) ? sim_below(3000) : 0);
		if (sim_one_in(2)) {
			while ((err = oa_post(rt, tells, &p, sizeof(p))))
				CHECK_EQ(err, -ENOMEM);
		} else {
			times += p->again;
			CHECK_EQ(post(p), 0);
		}
		while (times--)
			wait_for(&p->told);
	}
	CHECK_EQ(oa_sem_post(&over), 0);
}

static void posts(void *arg)
{
	uint32_t n = sim_below(POSTS);

	while (n--) {
		if (sim_one_in(3))
			sim_pause(sim_below(4000));
		post(one_of(arg));
	}
}

static void *first(void *arg)
{
	first_ran++;
	for (uint32_t i = 0; waited_for && i < threads; i++)
		wait_for(&over);
	return arg;
}

static uint32_t all_let_in(void)
{
	uint32_t n = 0;

	for (uint32_t i = 0; i < THREADS * NODES; i++)
		n += parcels[i].let_in;
	return n;
}

static uint32_t all_begun(void)
{
	uint32_t n = 0;

	for (uint32_t i = 0; i < THREADS * NODES; i++)
		n += parcels[i].begun;
	return n;
}

static void begin(struct sim_ctx **c, void (*fn)(void *thread))
{
	first_ran = 0;
	threads = 1 + sim_below(THREADS);
	CHECK_EQ(oa_sem_init(&over, 0), 0);
	CHECK_EQ(oa_start(&rt, first, NULL, SIM_CONFIG,
			  .workers = scenario_workers()), 0);
	make_parcels();
	for (uint32_t i = 0; i < threads; i++)
		c[i] = sim_thread("poster", fn, (void *)(uintptr_t)i);
}

/* Nobody looks now and then: a wake that is lost is lost for good. */
SCENARIO(a_post_wakes_who_takes_it, 3000)
{
	struct sim_ctx *c[THREADS];

	waited_for = true;
	sim_env.ignore_caps = true;
	begin(c, posts_and_waits);
	if (sim_one_in(2))
		sim_fault_set(FAULT_SLAB, 2 + sim_below(8));
	CHECK_EQ(oa_runtime_wait(rt, NULL), 0);
	for (uint32_t i = 0; i < threads; i++)
		sim_join(c[i]);
	CHECK_EQ(all_begun(), all_let_in());
	CHECK_EQ(oa_runtime_free(rt), 0);
}

SCENARIO(who_posts_too_late_is_refused, 3000)
{
	static const enum oa_shutdown_how how[] = {
		OA_SHUTDOWN_GRACEFUL, OA_SHUTDOWN_DRAIN, OA_SHUTDOWN_NOW,
	};
	struct sim_ctx *c[THREADS];
	struct oa_ended e;

	waited_for = false;
	begin(c, posts);
	if (sim_one_in(2)) {
		sim_pause(sim_below(20000));
		CHECK_EQ(oa_shutdown(rt, how[sim_below(3)]), 0);
	}
	CHECK_EQ(oa_runtime_wait(rt, &e), 0);
	CHECK_EQ(oa_runtime_free(rt), 0);
	for (uint32_t i = 0; i < threads; i++)
		sim_join(c[i]);
	CHECK_EQ(e.ran + e.dropped + e.abandoned, (uint64_t)all_let_in() + 1);
	/* Of those that were left behind, some had begun. */
	CHECK(e.ran <= (uint64_t)all_begun() + first_ran);
	CHECK((uint64_t)all_begun() + first_ran <= e.ran + e.abandoned);
	/* They are the caller's, and nothing else has become of them. */
	for (uint32_t i = 0; i < THREADS * NODES; i++)
		CHECK_EQ(oa_post_prepared(&parcels[i].node), -ESHUTDOWN);
}

HARNESS_MAIN
