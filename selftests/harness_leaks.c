// SPDX-License-Identifier: MIT
/*
 * What a test leaves inside the library: memory, and objects of its slabs. Part
 * of the programs that have these names in sight; one that is linked to a few
 * parts of the library has but some of them, so they are weak.
 */
#include "harness_priv.h"

#include "core/conds.h"
#include "core/mem.h"
#include "core/members.h"
#include "core/task.h"
#include "core/thread.h"
#include "slab_used.h"

#include <oa/runtime.h>

#pragma weak mem_count
#pragma weak task_cache
#pragma weak ext_cache
#pragma weak start_cache
#pragma weak scope_cache
#pragma weak thread_self
#pragma weak oa_run_with

static const struct {
	const char *name;
	struct slab_cache *cache;
} slabs[] = {
	{ "task_cache", &task_cache },
	{ "ext_cache", &ext_cache },
	{ "start_cache", &start_cache },
	{ "scope_cache", &scope_cache },
};

static struct {
	int64_t bytes, pieces;
	uint32_t used[ARRAY_SIZE(slabs)];
} before;

static int64_t read_count(const int64_t *n)
{
	return __atomic_load_n(n, __ATOMIC_RELAXED);
}

static uint32_t used(unsigned int i)
{
	return slabs[i].cache ? slab_used(slabs[i].cache) : 0;
}

/* The main thread keeps what stands for it: from here on it has that. */
static void stand_in(void)
{
	static bool stands;

	if (stands || !slabs[0].cache || !thread_self)
		return;
	stands = thread_self();
	before.used[0] += stands;
}

void harness_inside_begin(void)
{
	if (oa_run_with && !&mem_count)
		FAIL("what the library takes is not in sight");
	if (&mem_count) {
		mem_count.on = true;
		before.bytes = read_count(&mem_count.bytes);
		before.pieces = read_count(&mem_count.pieces);
	}
	for (unsigned int i = 0; i < ARRAY_SIZE(slabs); i++)
		before.used[i] = used(i);
}

static void fail_if(bool left)
{
	if (left)
		__atomic_fetch_add(&harness_current.shared->failures, 1,
				   __ATOMIC_RELAXED);
}

static bool memory_left(void)
{
	int64_t bytes, pieces;

	if (!&mem_count)
		return false;
	bytes = read_count(&mem_count.bytes) - before.bytes;
	pieces = read_count(&mem_count.pieces) - before.pieces;
	if (!bytes && !pieces)
		return false;
	harness_log(NULL, 0, "leak: memory: %lld bytes in %lld pieces",
		    (long long)bytes, (long long)pieces);
	return true;
}

static bool objects_left(unsigned int i)
{
	uint32_t now = used(i);

	if (now == before.used[i])
		return false;
	harness_log(NULL, 0, "leak: %s: %u objects in use, not %u",
		    slabs[i].name, now, before.used[i]);
	return true;
}

void harness_inside_end(void)
{
	stand_in();
	fail_if(memory_left());
	for (unsigned int i = 0; i < ARRAY_SIZE(slabs); i++)
		fail_if(objects_left(i));
}
