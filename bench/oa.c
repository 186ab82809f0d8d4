// SPDX-License-Identifier: MIT
/* Starting a runtime on the CPUs of the bench. */
#include <string.h>

#include "bench.h"

/*
 * Each worker has a CPU of its own as long as there are enough; with more
 * workers than CPUs the kernel places them.
 */
static int run_with(struct run *r, unsigned int workers, oa_fn fn, void *arg,
		    struct oa_ended *ended, oa_time_t watch)
{
	bool pin = workers <= r->set->ncpu && !r->set->unpinned;
	int ret;

	bench_pin(r, 0, pin ? workers : r->set->ncpu);
	ret = oa_run(fn, arg, .workers = workers, .pin = pin, .ended = ended,
		     .watch = watch);
	if (ret < 0)
		return bench_fail(r, "oa_run: %s", oa_strerror(ret));
	return r->out->error[0] ? -1 : 0;
}

/* Benches hold their workers for long, and mean to. */
int bench_oa_run_ended(struct run *r, unsigned int workers, oa_fn fn,
		       void *arg, struct oa_ended *ended)
{
	return run_with(r, workers, fn, arg, ended, OA_FOREVER);
}

int bench_oa_run_watched(struct run *r, unsigned int workers, oa_fn fn,
			 void *arg, oa_time_t watch)
{
	struct oa_ended ended = { 0 };

	return run_with(r, workers, fn, arg, &ended, watch);
}

int bench_oa_run(struct run *r, unsigned int workers, oa_fn fn, void *arg)
{
	struct oa_ended ended = { 0 };

	return bench_oa_run_ended(r, workers, fn, arg, &ended);
}
