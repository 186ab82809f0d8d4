// SPDX-License-Identifier: MIT
/* Actors of all kinds, and how they wait. */
#include "selftests/sim/crowd.h"

#include <string.h>

#define POOL_MAX	4

static struct actor actors[CROWD_MAX];
static const struct crowd *crowd;
static bool canceller_over;
uint32_t crowd_left;

struct actor *crowd_actor(uint32_t id)
{
	return &actors[id];
}

static void act(struct actor *a)
{
	crowd->fn(a);
	a->over = true;
	crowd_left--;
}

static void *act_task(void *arg)
{
	act(arg);
	return arg;
}

static void act_thread(void *arg)
{
	act(arg);
}

static void start(struct actor *a)
{
	switch (a->kind) {
	case ACTOR_TASK:
		a->task = oa_spawn(act_task, a, .pinned = sim_one_in(5));
		break;
	case ACTOR_POOL:
		a->task = oa_spawn(act_task, a, .block = true);
		break;
	default:
		a->thread = sim_thread("actor", act_thread, a);
		return;
	}
	CHECK_EQ(oa_task_error(a->task), 0);
}

static void cancels(void *arg)
{
	(void)arg;
	for (uint32_t n = 1 + sim_below(4); n; n--) {
		struct actor *a = &actors[crowd->spared +
					  sim_below(crowd->n - crowd->spared)];

		if (sim_one_in(2))
			sim_pause(sim_below(20000));
		else
			sim_spin(sim_below(300));
		if (a->task.id)
			oa_cancel(a->task);
	}
	canceller_over = true;
}

static void *first(void *arg)
{
	struct sim_ctx **canceller = arg;
	void *result;

	if (crowd->begin)
		crowd->begin();
	for (uint32_t i = 0; i < crowd->n; i++)
		start(&actors[i]);
	if (crowd->cancels)
		*canceller = sim_thread("canceller", cancels, NULL);
	for (uint32_t i = 0; i < crowd->n; i++) {
		if (!actors[i].task.id)
			continue;
		CHECK_EQ(oa_join(actors[i].task, &result), 0);
		/* Cancelled before it began. */
		if (result != &actors[i]) {
			CHECK_EQ(oa_err_code(result), -ECANCELED);
			CHECK(crowd->cancels && !actors[i].over);
			crowd_left--;
		}
	}
	while (crowd_left || (*canceller && !canceller_over))
		oa_sleep(1000);
	if (crowd->end)
		crowd->end();
	return NULL;
}

/* Who is what: all alike, or anything. */
static void cast(void)
{
	uint32_t mix = sim_below(6), pool = 0;

	memset(actors, 0, sizeof(actors));
	for (uint32_t i = 0; i < crowd->n; i++) {
		struct actor *a = &actors[i];

		a->id = i;
		if (mix < 2)
			a->kind = ACTOR_TASK;
		else if (mix == 2)
			a->kind = ACTOR_THREAD;
		else
			a->kind = (enum actor_kind)sim_below(3);
		if (a->kind == ACTOR_POOL && pool++ >= POOL_MAX)
			a->kind = ACTOR_TASK;
	}
}

void crowd_run(const struct crowd *c)
{
	struct sim_ctx *canceller = NULL;

	crowd = c;
	crowd_left = c->n;
	canceller_over = false;
	cast();
	/* A wake-up that is lost does not show if a timer makes good for it. */
	sim_env.longest = OA_SEC;
	SCENARIO_RUN(first, &canceller, .workers = scenario_workers(),
		     .max_blocking = POOL_MAX);
	for (uint32_t i = 0; i < c->n; i++)
		if (actors[i].thread)
			sim_join(actors[i].thread);
	if (canceller)
		sim_join(canceller);
}

void actor_pause(const struct actor *a)
{
	switch (sim_below(5)) {
	case 0:
		break;
	case 1:
	case 2:
		sim_spin(sim_below(40));
		break;
	case 3:
		if (a->kind == ACTOR_TASK)
			oa_yield();
		else
			sim_yield();
		break;
	default:
		if (a->kind == ACTOR_TASK)
			oa_sleep(sim_below(3000));
		else
			sim_pause(sim_below(3000));
		break;
	}
}

bool actor_cancelled(const struct actor *a)
{
	return a->kind != ACTOR_THREAD && oa_cancelled() == 1;
}

enum form actor_form(const struct actor *a)
{
	uint32_t f = sim_below(8);

	if (f == 0)
		return FORM_TRY;
	if (f < 3)
		return FORM_UNTIL;
	return f == 3 && a->kind != ACTOR_THREAD ? FORM_WITHIN : FORM_PLAIN;
}

oa_time_t actor_deadline(enum form f)
{
	if (f == FORM_PLAIN || f == FORM_TRY)
		return OA_FOREVER;
	switch (sim_below(8)) {
	case 0:
		return OA_FOREVER;
	case 1:
		return 0;
	case 2:
		return oa_after(0);
	case 3:
	case 4:
		return oa_after(sim_below(50000));
	default:
		return oa_after(sim_below(2000));
	}
}

void actor_check(const struct actor *a, enum form f, oa_time_t deadline,
		 int err)
{
	switch (err) {
	case -EAGAIN:
		CHECK_EQ(f, FORM_TRY);
		break;
	case -ETIMEDOUT:
		CHECK(f == FORM_UNTIL || f == FORM_WITHIN);
		CHECK(deadline <= sim_now());
		break;
	case -ECANCELED:
		CHECK(f != FORM_TRY);
		CHECK(actor_cancelled(a));
		break;
	default:
		/* Its own, or none. */
		break;
	}
}

void *crowd_alloc(size_t size)
{
	void *p = sim_allocator.alloc(size, 16, NULL);

	CHECK(p);
	return memset(p, 0, size);
}

void crowd_free(void *p, size_t size)
{
	sim_allocator.free(p, size, NULL);
}
