// SPDX-License-Identifier: MIT
/* Who holds an object that tasks wait for, for dumps and for who watches. */
#include <string.h>

#include "core/inspect.h"
#include "core/job.h"
#include "core/waitgraph.h"
#include "sync/sync.h"

/* Of core/waitgraph.c. One glance each, by the kernel: it may be gone. */

static const void *mutex_holder(const void *on)
{
	uint64_t word;

	if (!inspect_peek(&word, on, sizeof(word)))
		return NULL;
	/* Descriptors are aligned, the bits below are the object's. */
	return (const void *)(uintptr_t)(word & ~(uint64_t)0x3f);
}

static const void *rwlock_holder(const void *on)
{
	struct oa_rwlock l;

	if (!inspect_peek(&l, on, sizeof(l)) || !(l.oa__word & SYNC_BIT))
		return NULL;
	return l.oa__owner;
}

static const void *once_holder(const void *on)
{
	struct oa_once o;

	return inspect_peek(&o, on, sizeof(o)) ? o.oa__owner : NULL;
}

/* In the frame of who waits, which may be gone. */
static const void *job_holder(const void *on)
{
	struct oa_job job;
	oa_task_t h;

	if (!inspect_peek(&job, on, sizeof(job)) || !job.oa__task)
		return NULL;
	h.id = job.oa__task;
	return task_find(h);
}

static const struct {
	const char *what;
	const void *(*holder)(const void *on);
} kinds[] = {
	{ "mutex", mutex_holder },
	{ "rwlock", rwlock_holder },
	{ "once", once_holder },
	{ job_name, job_holder },
};

const void *object_holder(const char *what, const void *on, unsigned int i)
{
	for (unsigned int k = 0; !i && k < ARRAY_SIZE(kinds); k++)
		if (!strcmp(what, kinds[k].what))
			return kinds[k].holder(on);
	return NULL;
}
