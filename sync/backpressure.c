// SPDX-License-Identifier: MIT
/* Backpressure: a gate with room for so many inside; lossy: full refuses. */
#include "sync/gate.h"

static bool has_room(const struct sync *s, uint64_t w)
{
	return w >> SYNC_SHIFT < ((const struct oa_backpressure *)s)->oa__max;
}

static uint64_t one_more(const struct sync *s, uint64_t w)
{
	(void)s;
	return w + SYNC_ONE;
}

const struct gate backpressure_gate = { "backpressure", has_room, one_more };

static int one_less(const struct sync *s, uint64_t *w, int64_t arg)
{
	(void)s;
	(void)arg;
	if (!(*w >> SYNC_SHIFT))
		return -EPERM;
	*w -= SYNC_ONE;
	return 0;
}

bool backpressure_usable(const struct oa_backpressure *b)
{
	return b && sync_glance(b) & SYNC_INIT && b->oa__max;
}

static bool lossy(const struct oa_backpressure *b)
{
	return sync_glance(b) & SYNC_BIT;
}

int oa_backpressure_init(struct oa_backpressure *b, uint32_t max,
			 enum oa_backpressure_kind kind)
{
	if (!b || !max || (unsigned int)kind > OA_BACKPRESSURE_LOSSY)
		return -EINVAL;
	if (kind == OA_BACKPRESSURE_LOSSY)
		*b = (struct oa_backpressure)OA_BACKPRESSURE_LOSSY_INIT(max);
	else
		*b = (struct oa_backpressure)OA_BACKPRESSURE_INIT(max);
	return 0;
}

int oa_backpressure_tryenter(struct oa_backpressure *b)
{
	int err;

	if (!backpressure_usable(b))
		return -EINVAL;
	err = gate_try(&backpressure_gate, (struct sync *)b);
	if (!err || !lossy(b))
		return err;
	atomic_add(&b->oa__refused, (uint64_t)1); /* [sync] counter only */
	return -EBUSY;
}

int backpressure_enter(struct oa_backpressure *b, struct waiter *n)
{
	if (!backpressure_usable(b))
		return -EINVAL;
	if (lossy(b))
		return oa_backpressure_tryenter(b) ? -EBUSY : 1;
	return gate_enlist(&backpressure_gate, (struct sync *)b, n, true);
}

int oa_backpressure_enter_until(struct oa_backpressure *b, oa_time_t deadline)
{
	struct task *t;
	int err;

	if (!backpressure_usable(b))
		return -EINVAL;
	if (!lossy(b))
		return gate_wait(&backpressure_gate, (struct sync *)b,
				 deadline);
	err = sync_begin(&t);
	return err ? err : oa_backpressure_tryenter(b);
}

int oa_backpressure_enter(struct oa_backpressure *b)
{
	return oa_backpressure_enter_until(b, OA_FOREVER);
}

int oa_backpressure_leave(struct oa_backpressure *b)
{
	return backpressure_usable(b) ? gate_change(&backpressure_gate, (struct sync *)b,
				       one_less, 0) : -EINVAL;
}

int oa_backpressure_destroy(struct oa_backpressure *b)
{
	return backpressure_usable(b) ? sync_destroy((struct sync *)b) : -EINVAL;
}

int oa_backpressure_info(const struct oa_backpressure *b,
			 struct oa_sync_info *info)
{
	struct oa_sync_info is = { .size = 0 };

	if (!backpressure_usable(b))
		return -EINVAL;
	is.value = sync_glance(b) >> SYNC_SHIFT;
	is.limit = b->oa__max;
	is.uses = READ_ONCE(b->oa__refused);
	return sync_info(b, info, &is);
}
