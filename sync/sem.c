// SPDX-License-Identifier: MIT
/* Counting semaphore: a gate that is open while there are permits. */
#include <string.h>

#include "sync/gate.h"

static bool sem_open(const struct sync *s, uint64_t w)
{
	(void)s;
	return w >> SYNC_SHIFT;
}

static uint64_t sem_pass(const struct sync *s, uint64_t w)
{
	(void)s;
	return w - SYNC_ONE;
}

const struct gate sem_gate = { "sem", sem_open, sem_pass };

static int add_permit(const struct sync *s, uint64_t *w, int64_t n)
{
	(void)s;
	(void)n;
	if (*w >> SYNC_SHIFT >= OA_SEM_MAX)
		return -EOVERFLOW;
	*w += SYNC_ONE;
	return 0;
}

int oa_sem_init(struct oa_sem *s, uint32_t permits)
{
	if (!s)
		return -EINVAL;
	*s = (struct oa_sem)OA_SEM_INIT(permits);
	return 0;
}

int oa_sem_wait(struct oa_sem *s)
{
	return s ? gate_wait(&sem_gate, (struct sync *)s, OA_FOREVER) : -EINVAL;
}

int oa_sem_wait_until(struct oa_sem *s, oa_time_t deadline)
{
	return s ? gate_wait(&sem_gate, (struct sync *)s, deadline) : -EINVAL;
}

int oa_sem_trywait(struct oa_sem *s)
{
	return s ? gate_try(&sem_gate, (struct sync *)s) : -EINVAL;
}

int oa_sem_post(struct oa_sem *s)
{
	if (!s)
		return -EINVAL;
	return gate_change(&sem_gate, (struct sync *)s, add_permit, 1);
}

uint32_t oa_sem_value(const struct oa_sem *s)
{
	return s ? (uint32_t)(sync_glance(s) >> SYNC_SHIFT) : 0;
}

int oa_sem_destroy(struct oa_sem *s)
{
	return sync_destroy((struct sync *)s);
}

int oa_sem_info(const struct oa_sem *s, struct oa_sync_info *info)
{
	struct oa_sync_info is = { .limit = OA_SEM_MAX };

	if (!s)
		return -EINVAL;
	is.value = oa_sem_value(s);
	return sync_info(s, info, &is);
}
