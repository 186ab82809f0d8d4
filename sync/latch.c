// SPDX-License-Identifier: MIT
/* Count-down latch: a gate that opens when the count is 0, and stays open. */
#include "sync/gate.h"

static bool counted_down(const struct sync *s, uint64_t w)
{
	(void)s;
	return !(w >> SYNC_SHIFT);
}

static uint64_t stays(const struct sync *s, uint64_t w)
{
	(void)s;
	return w;
}

const struct gate latch_gate = { "latch", counted_down, stays };

static int count_one(const struct sync *s, uint64_t *w, int64_t arg)
{
	(void)s;
	(void)arg;
	if (*w >> SYNC_SHIFT)
		*w -= SYNC_ONE;
	return 0;
}

bool latch_usable(const struct oa_latch *l)
{
	return l && sync_glance(l) & SYNC_INIT && l->oa__goal;
}

int oa_latch_init(struct oa_latch *l, uint32_t count)
{
	if (!l || !count)
		return -EINVAL;
	*l = (struct oa_latch)OA_LATCH_INIT(count);
	return 0;
}

int latch_arrive(struct oa_latch *l)
{
	if (!latch_usable(l))
		return -EINVAL;
	return gate_change(&latch_gate, (struct sync *)l, count_one, 0);
}

int oa_latch_count_down(struct oa_latch *l)
{
	return latch_arrive(l);
}

int oa_latch_wait_until(struct oa_latch *l, oa_time_t deadline)
{
	return latch_usable(l) ? gate_wait(&latch_gate, (struct sync *)l, deadline)
			 : -EINVAL;
}

int oa_latch_wait(struct oa_latch *l)
{
	return latch_usable(l) ? gate_wait(&latch_gate, (struct sync *)l, OA_FOREVER)
			 : -EINVAL;
}

int oa_latch_trywait(struct oa_latch *l)
{
	return latch_usable(l) ? gate_try(&latch_gate, (struct sync *)l) : -EINVAL;
}

int oa_latch_arrive_wait_until(struct oa_latch *l, oa_time_t deadline)
{
	int err = latch_arrive(l);

	return err ? err : gate_wait(&latch_gate, (struct sync *)l, deadline);
}

int oa_latch_arrive_wait(struct oa_latch *l)
{
	return oa_latch_arrive_wait_until(l, OA_FOREVER);
}

int oa_latch_destroy(struct oa_latch *l)
{
	return latch_usable(l) ? sync_destroy((struct sync *)l) : -EINVAL;
}

int oa_latch_info(const struct oa_latch *l, struct oa_sync_info *info)
{
	struct oa_sync_info is = { .size = 0 };

	if (!latch_usable(l))
		return -EINVAL;
	is.value = sync_glance(l) >> SYNC_SHIFT;
	is.limit = l->oa__goal;
	return sync_info(l, info, &is);
}
