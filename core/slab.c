// SPDX-License-Identifier: MIT
/*
 * Slabs of type-stable objects. They are process-wide, grow and never shrink:
 * a pointer to an object stays a pointer to an object of that type, whatever
 * became of the task, so a late waker or a walker may look at it and find by
 * generation that it came too late.
 *
 * Objects move between workers in batches through the depot, so that a
 * pipeline (one worker spawns, another finishes) does not grow.
 *
 * A free never needs memory. Outside of workers all batches with objects but
 * one are full; so a batch for every SLAB_BATCH objects, made with their chunk,
 * and one more are enough, beside the two that each worker was given when it
 * began. Those are counted (->surplus), not told apart.
 *
 * Chunks hang on a list that walkers read under RCU; the directory finds an
 * object by number without it.
 *
 * Where there are many, they are cut from huge pages: a million descriptors are
 * 47,000 small ones, each a fault and later a miss of the page tables' cache.
 */
#include "core/slab.h"

#include "core/bug.h"
#include "core/fault.h"
#include "core/mem.h"
#include "core/rcu.h"

#define SURPLUS_PAGE	4096u
#define SMALL_CHUNKS	8u	/* then from huge pages */

static void push(struct slab_batch **list, struct slab_batch *b)
{
	b->next = *list;
	*list = b;
}

static struct slab_batch *pop(struct slab_batch **list)
{
	struct slab_batch *b = *list;

	if (b)
		*list = b->next;
	return b;
}

/* Enough for all objects of a chunk, and one that is not full. */
static uint32_t batches_per_chunk(const struct slab_cache *c)
{
	return slab_chunk_objs(c) / SLAB_BATCH + 2;
}

static void *map_kept(size_t size)
{
	void *p = mem_map(size);

	if (p)
		mem_kept(size);
	return p;
}

/* Under the lock. Zeroed memory that is never given back. */
static void *chunk_room(struct slab_cache *c, size_t size)
{
	char *p;

	if (c->nr_chunks < SMALL_CHUNKS || size > MEM_HUGE / 4)
		return map_kept(size);
	size = (size + OA_LINE_PAIR - 1) & ~(size_t)(OA_LINE_PAIR - 1);
	if (c->room_left < size) {
		p = mem_map_huge();
		if (!p)
			return map_kept(size);
		mem_kept(MEM_HUGE);
		c->room = p;
		c->room_left = MEM_HUGE;
	}
	p = c->room;
	c->room += size;
	c->room_left -= size;
	return p;
}

/*
 * Under the lock: one more chunk of objects that were never used, and the
 * batches to hold them. (The mapping is made under it, once per thousand
 * objects: whoever wants the lock then wants that chunk.)
 */
static bool add_chunk(struct slab_cache *c)
{
	size_t bytes = (size_t)slab_chunk_objs(c) * c->obj_size;
	size_t more = batches_per_chunk(c) * sizeof(struct slab_batch);
	struct slab_batch *b;
	struct slab_chunk *k;

	if (c->nr_chunks == c->max_chunks || fault_hit(FAULT_SLAB))
		return false;
	k = chunk_room(c, sizeof(*k) + OA_LINE_PAIR + bytes + more);
	if (!k)
		return false;
	k->objs = (char *)(((uintptr_t)(k + 1) + OA_LINE_PAIR - 1) &
			   ~(uintptr_t)(OA_LINE_PAIR - 1));
	k->base = c->nr_chunks * slab_chunk_objs(c);
	k->count = slab_chunk_objs(c);
	b = (struct slab_batch *)(void *)(k->objs + bytes);
	for (uint32_t i = 0; i < batches_per_chunk(c); i++)
		push(&c->empty, &b[i]);
	c->dir[c->nr_chunks] = k;
	/* [slab-dir] the entry before the count; pairs with slab_at() */
	atomic_store_rel(&c->nr_chunks, c->nr_chunks + 1);
	cds_list_add_rcu(&k->node, &c->chunks);
	return true;
}

/* Under the lock. An object that was never used, or NULL. */
static void *carve_one(struct slab_cache *c)
{
	uint32_t number = c->fresh;

	if (number == c->nr_chunks * slab_chunk_objs(c) && !add_chunk(c))
		return NULL;
	c->fresh++;
	c->init(slab_obj(c, number), number);
	return slab_obj(c, number);
}

/* Under the lock. Fills @b with objects that were never used. */
static void carve(struct slab_cache *c, struct slab_batch *b, uint32_t want)
{
	void *obj;

	while (b->n < want && (obj = carve_one(c)))
		b->obj[b->n++] = obj;
}

/* Under the lock. A page of batches that are nobody's share. */
static void add_surplus(struct slab_cache *c)
{
	uint32_t n = SURPLUS_PAGE / sizeof(struct slab_batch);
	struct slab_batch *b = map_kept(SURPLUS_PAGE);

	for (uint32_t i = 0; b && i < n; i++)
		push(&c->empty, &b[i]);
	c->surplus += b ? n : 0;
}

bool slab_mag_init(struct slab_cache *c, struct slab_mag *m)
{
	bool had;

	spin_lock(&c->lock);
	if (c->surplus < 2)
		add_surplus(c);
	had = c->surplus >= 2;
	if (had) {
		c->surplus -= 2;
		m->now = pop(&c->empty);
		m->spare = pop(&c->empty);
	}
	spin_unlock(&c->lock);
	return had;
}

/* Under the lock. */
static void put_one(struct slab_cache *c, void *obj)
{
	struct slab_batch *b = c->partial;

	if (!b) {
		b = c->partial = pop(&c->empty);
		OA_BUG_ON(!b);
	}
	b->obj[b->n++] = obj;
	if (b->n == SLAB_BATCH) {
		push(&c->depot, b);
		c->partial = NULL;
	}
}

void *slab_alloc_slow(struct slab_cache *c, struct slab_mag *m)
{
	struct slab_batch *b = m->now;

	m->now = m->spare;
	m->spare = b;
	if (!m->now->n) {
		spin_lock(&c->lock);
		b = pop(&c->depot);
		if (b) {
			push(&c->empty, m->now);
			m->now = b;
		} else {
			carve(c, m->now, SLAB_BATCH);
		}
		spin_unlock(&c->lock);
	}
	/* No memory: what threads have given back one by one. */
	if (unlikely(!m->now->n))
		return slab_alloc_one(c);
	return m->now->obj[--m->now->n];
}

void slab_free_slow(struct slab_cache *c, struct slab_mag *m, void *obj)
{
	struct slab_batch *b = m->now;

	m->now = m->spare;
	m->spare = b;
	if (m->now->n == SLAB_BATCH) {
		spin_lock(&c->lock);
		push(&c->depot, m->now);
		m->now = pop(&c->empty);
		spin_unlock(&c->lock);
		OA_BUG_ON(!m->now);
	}
	m->now->obj[m->now->n++] = obj;
}

/* Under the lock. What is in @b, and then @b itself. */
static void give_back(struct slab_cache *c, struct slab_batch *b)
{
	if (b->n == SLAB_BATCH) {
		push(&c->depot, b);
		return;
	}
	while (b->n)
		put_one(c, b->obj[--b->n]);
	push(&c->empty, b);
}

/* The owner ends. */
void slab_mag_flush(struct slab_cache *c, struct slab_mag *m)
{
	spin_lock(&c->lock);
	give_back(c, m->now);
	give_back(c, m->spare);
	c->surplus += 2;
	spin_unlock(&c->lock);
	m->now = m->spare = NULL;
}

void *slab_alloc_one(struct slab_cache *c)
{
	struct slab_batch *b;
	void *obj = NULL;

	spin_lock(&c->lock);
	if (!c->partial)
		c->partial = pop(&c->depot);
	b = c->partial;
	if (b) {
		obj = b->obj[--b->n];
		if (!b->n) {
			push(&c->empty, b);
			c->partial = NULL;
		}
	} else {
		obj = carve_one(c);
	}
	spin_unlock(&c->lock);
	return obj;
}

void slab_free_one(struct slab_cache *c, void *obj)
{
	spin_lock(&c->lock);
	put_one(c, obj);
	spin_unlock(&c->lock);
}
