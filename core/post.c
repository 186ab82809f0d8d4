// SPDX-License-Identifier: MIT
/* oa_post(): work from threads that the runtime does not own. */
#include <errno.h>

#include "core/fork.h"
#include "core/spawn.h"

int oa_post(struct oa_runtime *r, oa_fn fn, const void *data, size_t len)
{
	struct runtime *rt = (struct runtime *)r;
	struct oa_task_opts o = OA_TASK_OPTS_INIT;
	struct task_args a = {
		.fn = fn, .arg = len ? (void *)(uintptr_t)data : NULL,
		.opts = &o,
		.site = __builtin_return_address(0), .posted = true,
	};
	int err;

	if (!fn || (len && !data))
		return -EINVAL;
	if (!rt && task_self())
		rt = task_self()->rt;
	if (!rt)
		return -EPERM;
	if (rt->generation != fork_generation())
		return -EPERM;
	/* [credit] counter only */
	if (atomic_add(&rt->posts, (uint64_t)1) >= rt->cfg.max_posts) {
		atomic_sub(&rt->posts, (uint64_t)1); /* [credit] */
		return -EAGAIN;
	}
	o.copy = len;
	err = task_start(rt, &a, NULL);
	if (err)
		atomic_sub(&rt->posts, (uint64_t)1); /* [credit] */
	return err;
}
