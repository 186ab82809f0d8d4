// SPDX-License-Identifier: MIT
/*
 * Deadlines over a stretch of code: a chain of levels in the frames of the
 * task, each with the earliest of itself and all around it. Nothing is filed
 * for them: a wait inside takes the innermost's into account.
 */
#include "core/deadline.h"

#include <errno.h>

#include "core/runtime.h"

/* The outermost level that is as early as the innermost's bound: it fired. */
static void mark(struct task *t)
{
	oa_time_t at = t->within->effective;
	struct oa_deadline *d, *who = NULL;

	for (d = t->within; d; d = d->up)
		if (d->at == at)
			who = d;
	if (who)
		who->fired = 1;
}

/*
 * Farther off than this, the coarse clock is as good; it costs a quarter. Ticks
 * come every 1 to 10 ms, and some may be late.
 */
#define FAR_OFF (100 * OA_MSEC)

int deadline_check(struct task *t)
{
	const struct poll_ops *poll = t->rt->poll;
	oa_time_t at = t->within->effective;

	if (at == OA_FOREVER || poll->now_coarse() + FAR_OFF < at ||
	    poll->now() < at)
		return 0;
	mark(t);
	return -ETIMEDOUT;
}

void deadline_mark(struct task *t, oa_time_t own)
{
	if (t->within && t->within->effective <= own)
		mark(t);
}

int oa_deadline_enter(struct oa_deadline *d, oa_time_t deadline)
{
	struct task *t = task_self();

	if (!d)
		return -EINVAL;
	for (struct oa_deadline *in = t ? t->within : NULL; in; in = in->up)
		if (unlikely(in == d))
			return -EINVAL;
	d->fired = 0;
	d->entered = 0;
	d->at = deadline;
	if (!t)
		return -EPERM;
	d->up = t->within;
	d->effective = d->up ? min_of(d->up->effective, deadline) : deadline;
	d->entered = 1;
	t->within = d;
	task_set(t, TASK_EXTRA);
	return 0;
}

int oa_deadline_leave(struct oa_deadline *d)
{
	struct task *t = task_self();

	if (!t)
		return -EPERM;
	if (!d || !d->entered || t->within != d)
		return -EINVAL;
	t->within = d->up;
	d->entered = 0;
	return 0;
}

/* Puts what stood inside of @was into @is; the earliest of all of it. */
static oa_time_t put_into(struct oa_deadline *d, const struct oa_deadline *was,
			  struct oa_deadline *is)
{
	oa_time_t around;

	if (d->up == was) {
		d->up = is;
		around = is ? is->effective : OA_FOREVER;
	} else {
		around = put_into(d->up, was, is);
	}
	d->effective = min_of(d->at, around);
	return d->effective;
}

void deadline_coro_enter(void **inner, void **base)
{
	struct task *t = task_self();

	if (!t)
		return;
	if (*inner) {
		put_into(*inner, *base, t->within);
		*base = t->within;
		t->within = *inner;
		task_set(t, TASK_EXTRA);
	} else {
		*base = t->within;
	}
}

void deadline_coro_leave(void **inner, void **base)
{
	struct task *t = task_self();

	if (!t)
		return;
	*inner = t->within == *base ? NULL : t->within;
	t->within = *base;
}

int oa_deadline_fired(const struct oa_deadline *d)
{
	return d ? (int)d->fired : -EINVAL;
}

struct oa_deadline *oa_within_begin(struct oa_deadline *d, oa_time_t timeout)
{
	static struct oa_deadline none;

	/* One that is entered already stays so until its own block is left. */
	if (oa_deadline_enter(d, oa_after(timeout)) == -EINVAL)
		return &none;
	return d;
}

void oa_within_end(struct oa_deadline **d)
{
	oa_deadline_leave(*d);
}
