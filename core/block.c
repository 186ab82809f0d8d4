// SPDX-License-Identifier: MIT
/* oa_block(): a task on the blocking pool, and a join that does not give up. */
#include <errno.h>

#include <oa/block.h>

#include "core/join.h"
#include "core/park.h"
#include "core/runtime.h"
#include "core/spawn.h"

void *oa_block(oa_fn fn, void *arg)
{
	struct oa_task_opts opts = { .size = sizeof(opts), .block = true };
	struct task_args a = {
		.fn = fn, .arg = arg, .opts = &opts, .life = LIFE_HANDLE,
		.site = __builtin_return_address(0), .internal = true,
		.part = true,
	};
	struct task *t = task_self();
	void *result = NULL;
	bool late = false;
	oa_task_t h;
	int err = t ? fn ? park_check(t) : -EINVAL : -EPERM;

	if (err)
		return oa_err(err);
	if (t->flags & TASK_THREAD)
		return fn(arg);
	err = task_start(t->rt, &a, &h);
	if (err)
		return oa_err(err);
	err = oa_join(h, &result);
	if (err) {
		/* It may be using what is in our frame: not without it. */
		oa_cancel(h);
		late = err == -ETIMEDOUT;
		err = join_always(h, &result);
	}
	if (late && !err && oa_err_code(result) == -ECANCELED)
		err = -ETIMEDOUT;
	return err ? oa_err(err) : result;
}
