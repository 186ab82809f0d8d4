// SPDX-License-Identifier: MIT
/* The small calls of a running task. */
#include <errno.h>
#include <string.h>

#include "core/bug.h"
#include "core/deadline.h"
#include "core/fork.h"
#include "core/park.h"
#include "core/pool.h"
#include "core/sched.h"
#include "core/spawn.h"

int oa_yield_point(void)
{
	struct worker *w = worker_self();

	if (unlikely(!w || !w->current))
		return oa_yield();
	if (likely(--w->budget > 0))
		return 0;
	return oa_yield();
}

void oa_exit(void *result)
{
	struct worker *w = worker_self();

	if (w && w->current)
		sched_exit(w, w->current, result);
	if (!w && fork_was_in_task() && !task_self())
		fork_child_ends();
	if (w || !task_self())
		OA_BUG("oa_exit() outside a task");
	pool_exit(task_self(), result);
}

int oa_sleep_until(oa_time_t deadline)
{
	struct task *t = task_self();
	enum wait_state how;
	oa_time_t until;
	int err;

	if (!t)
		return -EPERM;
	err = park_check(t);
	if (err)
		return err;
	if (deadline <= t->rt->poll->now())
		return oa_yield();
	until = deadline_min(t, deadline);
	WRITE_ONCE(t->wait_on, NULL);
	park_begin(t, WAIT_MAY_CANCEL, until);
	how = park_wait(t);
	if (how == WAIT_CANCELLED)
		return -ECANCELED;
	if (until == deadline)
		return 0;
	deadline_mark(t, deadline);
	return -ETIMEDOUT;
}

int oa_sleep(oa_time_t timeout)
{
	if (timeout <= 0)
		return oa_yield();
	return oa_sleep_until(oa_after(timeout));
}

oa_time_t oa_now(void)
{
	return poll_default->now();
}

oa_time_t oa_after(oa_time_t timeout)
{
	oa_time_t now;

	if (timeout == OA_FOREVER)
		return OA_FOREVER;
	now = oa_now();
	if (timeout > 0 && timeout > OA_FOREVER - now)
		return OA_FOREVER;
	return now + timeout;
}

oa_task_t oa_self(void)
{
	struct task *t = task_self();

	return t ? task_handle(t) : (oa_task_t){ 0 };
}

int oa_worker_id(void)
{
	struct worker *w = worker_self();

	return w ? (int)w->index : -EPERM;
}

void **oa_user(void)
{
	struct task *t = task_self();

	if (!t)
		return NULL;
	task_set(t, TASK_EXTRA);
	return &t->user;
}

int oa_task_name(oa_task_t h, char *buf, size_t n)
{
	struct task *t = task_find(h);
	uint64_t life;
	size_t len;

	if (!buf || !n)
		return -EINVAL;
	if (!t)
		return -ESRCH;
	life = atomic_load_acq(&t->life); /* [life] */
	if (!life_is(life, h) || life & LIFE_GONE)
		return -ESRCH;
	task_copy_name(t, buf, n);
	len = strlen(buf);
	/* [life] the name was this generation's */
	if (!life_is(atomic_load_acq(&t->life), h))
		return -ESRCH;
	return (int)len;
}

struct oa_runtime *oa_runtime_self(void)
{
	struct worker *w = worker_self();
	struct task *t = w ? NULL : task_self();

	if (t)
		return (struct oa_runtime *)t->rt;
	return w ? (struct oa_runtime *)w->rt : NULL;
}
