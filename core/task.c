// SPDX-License-Identifier: MIT
/* Descriptors: slabs, handles, the end of a generation. */
#include "core/task.h"

#include <stddef.h>
#include <string.h>

#include "core/bug.h"
#include "core/conds.h"
#include "core/grown.h"
#include "core/locals.h"
#include "core/mem.h"
#include "core/park.h"
#include "core/runtime.h"
#include "core/thread.h"

#define CHUNK_SHIFT	10
#define EXT_SHIFT	8

uint32_t task_prios;
SIM_STATE(task_prios);

static struct slab_chunk *task_dir[MAX_TASKS >> CHUNK_SHIFT];
static struct slab_chunk *ext_dir[MAX_TASKS >> EXT_SHIFT];

static void task_init(void *obj, uint32_t number)
{
	struct task *t = obj;

	WRITE_ONCE(t->slot, number);
	/* Generation 0 is for handles that carry an error. */
	/* [life] for walkers, who may be there already */
	atomic_store_rel(&t->life, (uint64_t)1 << LIFE_GEN_SHIFT);
	t->deadline = OA_FOREVER;
}

static void ext_init(void *obj, uint32_t number)
{
	(void)obj;
	(void)number;
}

struct slab_cache task_cache = {
	.obj_size = sizeof(struct task),
	.chunk_shift = CHUNK_SHIFT,
	.max_chunks = MAX_TASKS >> CHUNK_SHIFT,
	.dir = task_dir,
	.chunks = CDS_LIST_HEAD_INIT(task_cache.chunks),
	.init = task_init,
};

struct slab_cache ext_cache = {
	.obj_size = sizeof(struct task_ext),
	.chunk_shift = EXT_SHIFT,
	.max_chunks = MAX_TASKS >> EXT_SHIFT,
	.dir = ext_dir,
	.chunks = CDS_LIST_HEAD_INIT(ext_cache.chunks),
	.init = ext_init,
};

struct task *task_alloc(struct worker *w)
{
	return w ? slab_alloc(&task_cache, &w->tasks) : task_alloc_any();
}

struct task *task_alloc_any(void)
{
	struct thread_cache *c = thread_cache();

	return c ? slab_alloc(&task_cache, &c->tasks)
		 : slab_alloc_one(&task_cache);
}

static struct task_ext *ext_alloc(struct worker *w)
{
	struct thread_cache *c = w ? NULL : thread_cache();

	if (w)
		return slab_alloc(&ext_cache, &w->exts);
	return c ? slab_alloc(&ext_cache, &c->exts)
		 : slab_alloc_one(&ext_cache);
}

/* On a thread without a worker. */
static __cold_path void task_put_any(struct task *t)
{
	struct thread_cache *c = thread_cache();

	if (c)
		slab_free(&task_cache, &c->tasks, t);
	else
		slab_free_one(&task_cache, t);
}

static void ext_put(struct worker *w, struct task_ext *x)
{
	struct thread_cache *c = w ? NULL : thread_cache();

	if (w)
		slab_free(&ext_cache, &w->exts, x);
	else if (c)
		slab_free(&ext_cache, &c->exts, x);
	else
		slab_free_one(&ext_cache, x);
}

bool task_need_ext(struct worker *w, struct task *t)
{
	struct task_ext *x = t->ext;

	if (x)
		return true;
	x = ext_alloc(w);
	if (!x)
		return false;
	memset(x, 0, offsetof(struct task_ext, inl));
	x->fpctl = ARCH_FPCTL_DEFAULT;
	WRITE_ONCE(t->ext, x);
	task_set(t, TASK_EXTRA);
	return true;
}

static void ext_free(struct worker *w, struct task *t)
{
	struct task_ext *x = t->ext;

	if (t->flags & TASK_CONDS)
		conds_free(x->start);
	if (t->flags & TASK_LOCALS)
		locals_free(t);
	/* What longjmp() has left. */
	if (unlikely(t->flags & TASK_GROWN) && !t->rt->left_behind)
		grown_drop(t);

	mem_free(rt_alloc(t->rt), x->copy, x->copy_size);
	x->copy = NULL;
	x->name[0] = '\0';
	WRITE_ONCE(t->ext, NULL);
	ext_put(w, x);
}

static void task_clean(struct worker *w, struct task *t)
{
	t->within = NULL;
	t->user = NULL;
	t->coro = NULL;
	if (t->ext)
		ext_free(w, t);
}

void task_strip(struct worker *w, struct task *t)
{
	if (t->flags & TASK_TIMED)
		park_disarm(t);
	if (t->flags & TASK_EXTRA)
		task_clean(w, t);
	WRITE_ONCE(t->flags,
		   t->flags & ~(uint32_t)(TASK_TIMED | TASK_EXTRA |
					  TASK_AT_END));
}

static __noinline void free_odd(struct worker *w, struct task *t)
{
	task_strip(w, t);
	task_free(w, t);
}

void task_free(struct worker *w, struct task *t)
{
	uint64_t gen = READ_ONCE(t->life) >> LIFE_GEN_SHIFT;

	if (unlikely(t->flags & (TASK_TIMED | TASK_EXTRA))) {
		free_odd(w, t);
		return;
	}
	WRITE_ONCE(t->stack, NULL);
	WRITE_ONCE(t->rt, NULL);
	/* relaxed: a swap that expects the old generation fails */
	atomic_store_rlx(&t->life, (gen + 1) << LIFE_GEN_SHIFT);
	if (unlikely(gen + 1 == LIFE_GEN_MAX))
		return; /* used up: a handle value never comes back */
	if (likely(w != NULL))
		slab_free(&task_cache, &w->tasks, t);
	else
		task_put_any(t);
}

/* Also of a task that was found where no lock tells that it is set up. */
__glance const char *task_name(const struct task *t)
{
	const struct task_ext *x = READ_ONCE(t->ext);

	return x ? x->name : "";
}

/*
 * The extension goes to another task when this one has ended, though it is not
 * joined: what was read is this one's if it has it still.
 */
__glance void task_copy_name(const struct task *t, char *buf, size_t n)
{
	const volatile char *name;
	size_t i;

	do {
		name = task_name(t);
		for (i = 0; i + 1 < n && name[i]; i++)
			buf[i] = name[i];
		buf[i] = '\0';
		smp_mb(); /* [ext-look] what was read before the second look */
	} while (i && task_name(t) != name);
}
