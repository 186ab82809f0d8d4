// SPDX-License-Identifier: MIT
/* Threads of the program: they post, start, join, cancel and look. */
#include "torture.h"

#include <pthread.h>
#include <sched.h>

#include "selftests/harness.h"

#define THREADS_MAX 4u

static pthread_t threads[THREADS_MAX];
static unsigned int nr_threads;

static void start_and_join(struct actor *a)
{
	struct record *rec = record_new(a);
	oa_task_t t;

	if (!rec)
		return;
	t = oa_spawn(task_body, rec, .runtime = round_now.rt,
		     .on_drop = task_dropped);
	if (oa_task_error(t)) {
		record_refused(rec, oa_task_error(t));
		return;
	}
	record_started(a, rec, t);
	if (actor_random(a, 3))
		task_join(a, t);
	else
		CHECK(!oa_detach(t));
}

static void post(struct actor *a)
{
	struct record *rec = record_new(a);
	int err;

	if (!rec)
		return;
	err = oa_post_with(round_now.rt, task_posted, &rec, sizeof(rec),
			   .prio = actor_prio(a),
			   .front = !actor_random(a, 4));
	if (err)
		record_refused(rec, err);
	else
		record_went(a, rec);
}

static int look(const struct oa_task_info *info, void *arg)
{
	(void)arg;
	CHECK(info->state >= OA_TASK_QUEUED && info->state <= OA_TASK_WAITING);
	return 0;
}

static void inspect(struct actor *a)
{
	struct oa_stats st = OA_STATS_INIT;

	switch (actor_random(a, 20)) {
	case 0:
		CHECK(oa_tasks(round_now.rt, look, NULL) >= 0);
		break;
	case 1:
		/* It glances at stacks that are in use meanwhile. */
		if (!harness_slow())
			CHECK(!oa_dump(round_now.rt, round_now.null));
		break;
	default:
		CHECK(!oa_stats(round_now.rt, &st));
	}
}

static void synchronise(struct actor *a)
{
	static const action_fn actions[] = {
		act_chan_send, act_chan_recv, act_select, act_chan_close,
		act_lock, act_sem, act_barrier, act_credit, act_future,
		act_event, act_once, act_futex, act_tell, act_hear,
	};

	actions[actor_random(a, ARRAY_N(actions))](a);
}

static void *outside(void *arg)
{
	struct actor a = {
		.rnd = round_now.seed * 2654435761u + (uintptr_t)arg * 2 + 1,
	};

	while (!SEEN(round_now.stop)) {
		switch (actor_random(&a, 14)) {
		case 0:
		case 1:
			start_and_join(&a);
			break;
		case 2:
			handle_cancel_any(&a);
			break;
		case 3:
			inspect(&a);
			break;
		case 4:
			sched_yield();
			break;
		case 5:
			act_start_under(&a);
			break;
		case 6:
		case 7:
		case 8:
		case 9:
		case 10:
			synchronise(&a);
			break;
		default:
			post(&a);
		}
	}
	return NULL;
}

void outside_begin(unsigned int n)
{
	for (nr_threads = 0; nr_threads < n; nr_threads++)
		CHECK(!pthread_create(&threads[nr_threads], NULL, outside,
				      (void *)(uintptr_t)nr_threads));
}

void outside_end(void)
{
	while (nr_threads)
		CHECK(!pthread_join(threads[--nr_threads], NULL));
}
