// SPDX-License-Identifier: MIT
/* Event: a gate that is opened by hand, and shut by hand or by who passes. */
#include "sync/gate.h"

static bool event_open(const struct sync *s, uint64_t w)
{
	(void)s;
	return w & SYNC_ONE;
}

static uint64_t event_pass(const struct sync *s, uint64_t w)
{
	return ((const struct oa_event *)s)->oa__auto ? w & ~SYNC_ONE : w;
}

const struct gate event_gate = { "event", event_open, event_pass };

static int set(const struct sync *s, uint64_t *w, int64_t arg)
{
	(void)s;
	(void)arg;
	*w |= SYNC_ONE;
	return 0;
}

static int reset(const struct sync *s, uint64_t *w, int64_t arg)
{
	(void)s;
	(void)arg;
	*w &= ~SYNC_ONE;
	return 0;
}

int oa_event_wait(struct oa_event *e)
{
	return e ? gate_wait(&event_gate, (struct sync *)e, OA_FOREVER)
		 : -EINVAL;
}

int oa_event_wait_until(struct oa_event *e, oa_time_t deadline)
{
	return e ? gate_wait(&event_gate, (struct sync *)e, deadline) : -EINVAL;
}

int oa_event_trywait(struct oa_event *e)
{
	return e ? gate_try(&event_gate, (struct sync *)e) : -EINVAL;
}

int oa_event_set(struct oa_event *e)
{
	return e ? gate_change(&event_gate, (struct sync *)e, set, 0) : -EINVAL;
}

int oa_event_reset(struct oa_event *e)
{
	return e ? gate_change(&event_gate, (struct sync *)e, reset, 0)
		 : -EINVAL;
}

int oa_event_destroy(struct oa_event *e)
{
	return sync_destroy((struct sync *)e);
}

int oa_event_info(const struct oa_event *e, struct oa_sync_info *info)
{
	struct oa_sync_info is = { .limit = 1 };

	if (!e)
		return -EINVAL;
	is.value = !!(sync_glance(e) & SYNC_ONE);
	return sync_info(e, info, &is);
}
