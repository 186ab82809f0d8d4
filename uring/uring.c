// SPDX-License-Identifier: MIT
/* The backend: io_uring behind core/poll.h. */
#include <stddef.h>

#include "core/rcu.h"
#include "core/runtime.h"
#include "uring/futex.h"
#include "uring/os.h"
#include "uring/ring.h"

static int uring_runtime_init(struct runtime *rt)
{
	int err = probe_kernel();

	rt->by_request = !probe_has(CAP_INLINE);
	return err;
}

/* After all threads have gone: nobody finds a worker after a grace period. */
static void uring_runtime_fini(struct runtime *rt)
{
	synchronize_rcu();
	for (uint32_t i = 0; i < rt->nr_workers; i++)
		ring_free(rt->workers[i]);
}

static void uring_park(struct worker *w, oa_time_t deadline)
{
	struct runtime *rt = w->rt;

	os_wait_two(&w->state, WORKER_PARKED_FUTEX, &rt->broadcast,
		    READ_ONCE(rt->broadcast), deadline);
}

static const struct poll_ops uring_ops = {
	.name = "uring",
	.runtime_init = uring_runtime_init,
	.runtime_fini = uring_runtime_fini,
	.thread_start = os_thread_start,
	.thread_join = os_thread_join,
	.thread_leave = os_thread_leave,
	.worker_init = ring_init,
	.worker_fini = ring_fini,
	.op_start = req_start,
	.op_cancel = req_cancel,
	.ready = ring_ready,
	.unsent = ring_unsent,
	.reap = ring_reap,
	.idle = ring_is_idle,
	.wait = ring_wait,
	.waits_for_few = ring_waits_for_few,
	.park = uring_park,
	.kick = kick_worker,
	.outside_fd = outside_fd,
	.outside_clear = outside_clear,
	.outside_set = outside_set,
	.thread_wait = os_wait,
	.thread_wake = os_wake,
	.words = &futex_words,
	.membarrier = os_membarrier,
	.now = os_now,
	.now_coarse = os_now_coarse,
	.random = os_random,
	.features = probe_tell,
	.is_feature = probe_names,
	.forked = ring_forked,
};

const struct poll_ops *const poll_default = &uring_ops;
