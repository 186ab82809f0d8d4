// SPDX-License-Identifier: MIT
/* Wait group: a gate that is open while nothing is left to be done. */
#include "sync/gate.h"

static bool none_left(const struct sync *s, uint64_t w)
{
	(void)s;
	return !(w >> SYNC_SHIFT);
}

static uint64_t stays(const struct sync *s, uint64_t w)
{
	(void)s;
	return w;
}

static const struct gate waitgroup_gate = { "waitgroup", none_left, stays };

static int add(const struct sync *s, uint64_t *w, int64_t n)
{
	int64_t count = (int64_t)(*w >> SYNC_SHIFT) + n;

	(void)s;
	if (count < 0)
		return -EINVAL;
	if (count > UINT32_MAX)
		return -EOVERFLOW;
	*w = (*w & SYNC_BITS) | (uint64_t)count << SYNC_SHIFT;
	return 0;
}

int oa_waitgroup_add(struct oa_waitgroup *g, int n)
{
	return g ? gate_change(&waitgroup_gate, (struct sync *)g, add, n)
		 : -EINVAL;
}

int oa_waitgroup_done(struct oa_waitgroup *g)
{
	return g ? gate_change(&waitgroup_gate, (struct sync *)g, add, -1)
		 : -EINVAL;
}

int oa_waitgroup_wait(struct oa_waitgroup *g)
{
	return g ? gate_wait(&waitgroup_gate, (struct sync *)g, OA_FOREVER)
		 : -EINVAL;
}

int oa_waitgroup_wait_until(struct oa_waitgroup *g, oa_time_t deadline)
{
	return g ? gate_wait(&waitgroup_gate, (struct sync *)g, deadline)
		 : -EINVAL;
}

int oa_waitgroup_trywait(struct oa_waitgroup *g)
{
	return g ? gate_try(&waitgroup_gate, (struct sync *)g) : -EINVAL;
}

int oa_waitgroup_destroy(struct oa_waitgroup *g)
{
	return sync_destroy((struct sync *)g);
}

int oa_waitgroup_info(const struct oa_waitgroup *g, struct oa_sync_info *info)
{
	struct oa_sync_info is = { .limit = UINT32_MAX };

	if (!g)
		return -EINVAL;
	is.value = sync_glance(g) >> SYNC_SHIFT;
	return sync_info(g, info, &is);
}
