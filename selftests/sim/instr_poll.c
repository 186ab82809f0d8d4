// SPDX-License-Identifier: MIT
/*
 * The backend of liboa-instr.a: one worker, no kernel, nothing that differs
 * from run to run, so that instructions can be counted. A request is done when
 * it is reaped; time passes when the clock is looked at, and by sleeping.
 */
#if defined(OA_SIM) && OA_SIM == 2
#include <errno.h>
#include <stdio.h>

#include "core/bug.h"
#include "core/op.h"
#include "core/runtime.h"

static struct op *first, **last = &first;
static oa_time_t clock_now = 1000000000;

static int runtime_init(struct runtime *rt)
{
	return rt->nr_workers == 1 ? 0 : -EINVAL;
}

static void runtime_fini(struct runtime *rt)
{
	(void)rt;
}

static int thread_start(struct poll_thread *t, const char *name, int cpu)
{
	(void)t;
	(void)name;
	(void)cpu;
	return -EAGAIN;
}

static void thread_join(struct poll_thread *t)
{
	(void)t;
}

static int worker_begin(struct worker *w)
{
	(void)w;
	return 0;
}

static void worker_end(struct worker *w)
{
	(void)w;
}

static void start(struct worker *w, struct op *op)
{
	(void)w;
	op->late = NULL;
	*last = op;
	last = &op->late;
}

/* It is done soon anyway. */
static void cancel(struct worker *w, struct op *op)
{
	(void)w;
	(void)op;
}

static bool ready(struct worker *w)
{
	(void)w;
	return false;
}

static bool unsent(struct worker *w)
{
	(void)w;
	return first;
}

static int reap(struct worker *w)
{
	struct op *op, *next;
	int n = 0;

	op = first;
	first = NULL;
	last = &first;
	for (; op; op = next) {
		next = op->late;
		op_done(w, op, 0, 0);
		n++;
	}
	return n;
}

static bool idle(struct worker *w)
{
	(void)w;
	return !first;
}

static void park(struct worker *w, oa_time_t deadline)
{
	if (reap(w))
		return;
	if (deadline == OA_FOREVER)
		OA_BUG("waits for nothing that comes");
	clock_now = max_of(clock_now, deadline);
}

static void wait(struct worker *w, oa_time_t deadline, unsigned int few)
{
	(void)few;
	park(w, deadline);
}

static bool waits_for_few(void)
{
	return true;
}

static void kick(struct worker *w, enum worker_state how)
{
	(void)w;
	(void)how;
}

static int thread_wait(uint32_t *word, uint32_t value, oa_time_t deadline)
{
	(void)word;
	(void)value;
	(void)deadline;
	return -EINTR;
}

static void thread_wake(uint32_t *word)
{
	(void)word;
}

static bool membarrier(void)
{
	return true;
}

static oa_time_t now(void)
{
	return clock_now += 20;
}

static uint64_t draw(void)
{
	return 0x9e3779b97f4a7c15ull;
}

unsigned int sim_cpus(void);
unsigned int sim_cpus(void)
{
	return 1;
}

static void features(poll_tell *tell, void *arg)
{
	tell(arg, "kernel: none", false);
}

static bool is_feature(const char *word, size_t len)
{
	(void)word;
	(void)len;
	return false;
}

void poll_thread_yield(void)
{
}

static const struct poll_ops instr_ops = {
	.name = "sim",
	.runtime_init = runtime_init,
	.runtime_fini = runtime_fini,
	.thread_start = thread_start,
	.thread_join = thread_join,
	.worker_init = worker_begin,
	.worker_fini = worker_end,
	.op_start = start,
	.op_cancel = cancel,
	.ready = ready,
	.unsent = unsent,
	.reap = reap,
	.idle = idle,
	.wait = wait,
	.waits_for_few = waits_for_few,
	.park = park,
	.kick = kick,
	.thread_wait = thread_wait,
	.thread_wake = thread_wake,
	.membarrier = membarrier,
	.now = now,
	.now_coarse = now,
	.random = draw,
	.features = features,
	.is_feature = is_feature,
};

const struct poll_ops *const poll_default = &instr_ops;
#endif
