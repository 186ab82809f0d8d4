// SPDX-License-Identifier: MIT
/* One round: a runtime, what goes on in it, and what must hold at its end. */
#include "torture.h"

#include <stdlib.h>
#include <string.h>

#include "core/compiler.h"
#include "core/task.h"
#include "selftests/harness.h"
#include "selftests/slab_used.h"

#ifdef OA_TSAN
#include <sanitizer/common_interface_defs.h>
#endif

struct round round_now;

static void *first(void *arg)
{
	struct actor a = { .rec = arg, .rnd = round_now.seed };

	while (!SEEN(round_now.stop) && !oa_cancelled()) {
		oa_task_t t = start_task(&a, task_body, -1);

		if (t.id)
			CHECK(!oa_detach(t));
		if (actor_random(&a, 4))
			oa_yield();
		else
			oa_sleep(actor_random(&a, 200) * OA_USEC);
	}
	return task_body(arg);
}

static void check_end(const struct oa_ended *e)
{
	struct round *r = &round_now;
	uint64_t n[REC_REFUSED + 1] = { 0 };

	for (uint32_t i = 0; i < r->nr_records; i++) {
		struct record *rec = &r->records[i];

		n[rec->state]++;
		/* None of the third was passed over. */
		CHECK(rec->asked == (rec->doomed && rec->state != REC_REFUSED));
	}
	CHECK_RESULT(n[REC_RUNNING], !n[REC_RUNNING]);
	/* A call of oa_block() is a task, too, unless it was refused. */
	n[REC_ENDED] += r->calls;
	n[REC_DROPPED] += n[REC_NEW];
	CHECK_RESULT(n[REC_ENDED] - e->ran, n[REC_ENDED] <= e->ran &&
		     n[REC_ENDED] + r->jobs >= e->ran);
	CHECK_RESULT(n[REC_DROPPED] - e->dropped,
		     n[REC_DROPPED] <= e->dropped + r->unasked &&
		     n[REC_DROPPED] + r->calls_failed + r->jobs >= e->dropped);
	CHECK(n[REC_REFUSED] == r->refused);
	CHECK(!e->abandoned);
	CHECK(e->cancelled <= e->ran);
}

static void end(struct actor *a)
{
	struct round *r = &round_now;
	uint32_t how = actor_random(a, 3);
	struct oa_ended e;
	int err;

	/* A shutdown in the middle of it, or all come to an end by themselves. */
	if (how == 0)
		CHECK(!oa_shutdown(r->rt, OA_SHUTDOWN_GRACEFUL));
	TELL(r->stop, 1);
	if (how == 1)
		CHECK(!oa_shutdown(r->rt, OA_SHUTDOWN_DRAIN));
	outside_end();
	err = oa_runtime_wait_until(r->rt, &e, oa_after(120 * OA_SEC));
	CHECK_RESULT(err, !err);
	CHECK(!oa_runtime_free(r->rt));
	r->rt = NULL;
	values_end();
	check_end(&e);
}

/* What is used beside the runtime. */
static void things_open(void)
{
	tokens_open();
	files_open();
	lines_open();
	locks_open();
	starts_open();
	values_open();
	signs_open();
}

static void things_close(void)
{
	tokens_close();
	files_close();
	lines_close();
	locks_close();
	starts_close();
	lives_close();
	values_close();
	signs_close();
}

static bool begin(struct actor *a)
{
	struct round *r = &round_now;
	struct record *rec = record_new(a);
	int err;

	/* It is to start others for as long as the round takes. */
	rec->doomed = false;
	things_open();
	err = oa_start(&r->rt, first, rec, .workers = r->workers,
		       .max_blocking = r->max_blocking,
		       .blocking_idle = 300 * OA_USEC, .timer_slack = r->slack,
		       .stack_size = 128u << 10);
	if (!err)
		return true;
	CHECK_RESULT(err, r->faults);
	r->rt = NULL;
	things_close();
	return false;
}

static void *nothing(void *arg)
{
	return arg;
}

/* What a thread needs to wait stays with it. */
static void settle(void)
{
	static bool settled;
	struct oa_runtime *rt;

	if (settled || round_now.faults)
		return;
	CHECK(!oa_start(&rt, nothing, NULL, .workers = 1));
	CHECK(!oa_runtime_wait_until(rt, NULL, OA_FOREVER));
	CHECK(!oa_runtime_free(rt));
	settled = true;
}

/*
 * A race that is suppressed is looked up, too, and clang's sanitizer starts a
 * program to do it, which holds two descriptors: before they are counted.
 */
static void meet_symbolizer(void)
{
#ifdef OA_TSAN
	char name[64];

	__sanitizer_symbolize_pc((void *)(uintptr_t)round_run, "%f", name,
				 sizeof(name));
#endif
}

void round_run(uint64_t seed, unsigned int workers, oa_time_t length)
{
	struct round *r = &round_now;
	uint32_t faults = r->faults, cancels = r->cancels, tasks, exts;
	struct actor a = { .rnd = seed | 1 };
	unsigned int fds;

	meet_symbolizer();
	fds = harness_nr_fds();
	settle();
	tasks = slab_used(&task_cache);
	exts = slab_used(&ext_cache);
	*r = (struct round){
		.seed = seed | 1, .workers = workers, .faults = faults,
		.cancels = cancels,
		.max_blocking = 1 + actor_random(&a, 3),
		.slack = actor_random(&a, 2) ? 0 : actor_random(&a, 200000),
		.has_jobs = actor_random(&a, 2),
		.max_live = 50 + actor_random(&a, harness_slow() ? 300 : 2000),
		.records = calloc(RECORDS, sizeof(struct record)),
	};
	CHECK(r->records);
	if (begin(&a)) {
		outside_begin(actor_random(&a, 4));
		/* It is not over before it is told. */
		CHECK(oa_runtime_wait_until(r->rt, NULL, oa_after(length)) ==
		      -ETIMEDOUT);
		end(&a);
		things_close();
	}
	free(r->records);
	r->records = NULL;
	CHECK_RESULT(harness_nr_fds(), harness_nr_fds() == fds);
	CHECK_RESULT(slab_used(&task_cache) - tasks,
		     slab_used(&task_cache) == tasks || faults);
	CHECK_RESULT(slab_used(&ext_cache) - exts,
		     slab_used(&ext_cache) == exts);
}
