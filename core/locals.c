// SPDX-License-Identifier: MIT
/*
 * Task-local storage. Keys are the process's: a table of destructors and how
 * often each place has been given out; a key carries both, so that one that
 * was deleted finds nothing, in whatever task. A task's values are an array
 * that is made, and grows, as they are set.
 */
#include "core/locals.h"

#include <errno.h>
#include <string.h>

#include <oa/block.h>

#include "core/conds.h"
#include "core/jobs.h"
#include "core/mem.h"
#include "core/members.h"
#include "core/runtime.h"

#define ROUNDS	4		/* destructors may set values again */
#define STEP	8u		/* by so many an array grows */

struct key {
	uint32_t uses;		/* A; odd: in use */
	void (*destructor)(void *value);	/* L:keys_lock; R as uses says */
};

struct value {
	uint32_t uses;		/* of the key that it was set by */
	void *value;
};

struct locals {
	uint32_t n;
	struct value v[];
};

struct spin keys_lock;
static struct key keys[OA_KEYS_MAX];
SIM_STATE(keys);

static uint32_t index_of(oa_key_t key)
{
	return key.id % OA_KEYS_MAX;
}

static uint32_t uses_of(oa_key_t key)
{
	return key.id / OA_KEYS_MAX;
}

/* It has been given out and not been deleted. */
static bool key_is(oa_key_t key)
{
	/* [key] pairs with oa_key_create() */
	return uses_of(key) & 1 &&
	       atomic_load_acq(&keys[index_of(key)].uses) == uses_of(key);
}

int oa_key_create(oa_key_t *key, void (*destructor)(void *value))
{
	int err = -EAGAIN;

	if (!key)
		return -EINVAL;
	spin_lock(&keys_lock);
	for (uint32_t i = 0; i < OA_KEYS_MAX && err; i++) {
		uint32_t uses = keys[i].uses + 1;

		if (!(uses & 1) || uses > UINT32_MAX / OA_KEYS_MAX)
			continue;
		WRITE_ONCE(keys[i].destructor, destructor);
		/* [key] the destructor before the number */
		atomic_store_rel(&keys[i].uses, uses);
		key->id = uses * OA_KEYS_MAX + i;
		err = 0;
	}
	spin_unlock(&keys_lock);
	return err;
}

int oa_key_delete(oa_key_t key)
{
	int err = -EINVAL;

	spin_lock(&keys_lock);
	if (key_is(key)) {
		/* [key] */
		atomic_store_rel(&keys[index_of(key)].uses, uses_of(key) + 1);
		err = 0;
	}
	spin_unlock(&keys_lock);
	return err;
}

static size_t size_for(uint32_t n)
{
	return sizeof(struct locals) + n * sizeof(struct value);
}

static struct locals *locals_of(const struct task *t)
{
	return t->flags & TASK_LOCALS ? t->ext->locals : NULL;
}

/* Room for value @i; false: no memory. */
static bool make_room(struct task *t, uint32_t i)
{
	struct locals *old = locals_of(t), *l;
	uint32_t n = (i / STEP + 1) * STEP;

	if (old && i < old->n)
		return true;
	if (!task_need_ext(worker_self(), t))
		return false;
	l = mem_alloc(rt_alloc(t->rt), size_for(n), 16);
	if (!l)
		return false;
	if (old) {
		memcpy(l->v, old->v, old->n * sizeof(*l->v));
		mem_free(rt_alloc(t->rt), old, size_for(old->n));
	}
	l->n = n;
	t->ext->locals = l;
	task_set(t, TASK_LOCALS);
	return true;
}

int oa_setspecific(oa_key_t key, void *value)
{
	struct task *t = task_self();
	uint32_t i = index_of(key);

	if (!t)
		return -EPERM;
	if (!key_is(key))
		return -EINVAL;
	if (!make_room(t, i))
		return -ENOMEM;
	locals_of(t)->v[i] = (struct value){ uses_of(key), value };
	return 0;
}

void *oa_getspecific(oa_key_t key)
{
	struct task *t = task_self();
	struct locals *l = t ? locals_of(t) : NULL;
	uint32_t i = index_of(key);

	if (!l || i >= l->n || l->v[i].uses != uses_of(key) || !key_is(key))
		return NULL;
	return l->v[i].value;
}

/* True: a destructor was called. */
static bool destroy_one(struct value *v, uint32_t i)
{
	struct value was = *v;
	/* [key] the destructor belongs to it if it is the same afterwards */
	void (*destructor)(void *) = READ_ONCE(keys[i].destructor);

	v->value = NULL;
	if (!was.value || !destructor ||
	    !key_is((oa_key_t){ was.uses * OA_KEYS_MAX + i }))
		return false;
	destructor(was.value);
	return true;
}

static void destroy_all(struct task *t)
{
	bool again = true;

	for (unsigned int round = 0; round < ROUNDS && again; round++) {
		again = false;
		/* A destructor may make the array grow. */
		for (uint32_t i = 0; i < locals_of(t)->n; i++)
			again |= destroy_one(&locals_of(t)->v[i], i);
	}
}

void task_at_end(struct task *t)
{
	if (t->flags & TASK_SCOPES)
		scopes_end(t);
	if (t->flags & TASK_LOCALS)
		destroy_all(t);
	if (t->flags & TASK_SCOPES)
		scopes_end(t);
	if (t->flags & TASK_CONDS)
		conds_release(t);
	if (t->flags & TASK_JOBS)
		jobs_check_end(worker_self(), t);
}

void locals_free(struct task *t)
{
	struct locals *l = t->ext->locals;

	if (!l)
		return;
	mem_free(rt_alloc(t->rt), l, size_for(l->n));
	t->ext->locals = NULL;
}
