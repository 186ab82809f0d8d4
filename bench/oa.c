// SPDX-License-Identifier: MIT
/* Starting a runtime on the CPUs of the bench. */
#include <string.h>

#include "bench.h"

/*
 * Each worker has a CPU of its own as long as there are enough; with more
 * workers than CPUs the kernel places them.
 */
int bench_oa_run_ended(struct run *r, unsigned int workers, oa_fn fn,
		       void *arg, struct oa_ended *ended)
{
	bool pin = workers <= r->set->ncpu && !r->set->unpinned;
	int ret;

	bench_pin(r, 0, pin ? workers : r->set->ncpu);
	/* Benches hold their workers for long, and mean to. */
	ret = oa_run(fn, arg, .workers = workers, .pin = pin, .ended = ended,
		     .watch = OA_FOREVER);
	if (ret < 0)
		return bench_fail(r, "oa_run: %s", oa_strerror(ret));
	return r->out->error[0] ? -1 : 0;
}

int bench_oa_run(struct run *r, unsigned int workers, oa_fn fn, void *arg)
{
	struct oa_ended ended = { 0 };

	return bench_oa_run_ended(r, workers, fn, arg, &ended);
}
