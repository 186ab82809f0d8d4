/* SPDX-License-Identifier: MIT */
/* Type-stable objects: memory that keeps its type for ever. See core/slab.c. */
#ifndef OA_CORE_SLAB_H
#define OA_CORE_SLAB_H

#include <urcu/list.h>

#include "core/spin.h"

#define SLAB_BATCH	62	/* what moves between workers at once */

/*
 * Free objects as an array rather than a list through them: who takes one does
 * not have to wait for it to come from memory first.
 */
struct slab_batch {
	struct slab_batch *next;	/* in the depot */
	uint32_t n;
	void *obj[SLAB_BATCH];
};

/* Objects in one piece of memory, on a list read under RCU. */
struct slab_chunk {
	struct cds_list_head node;	/* R:cache->lock */
	uint32_t base;			/* I; number of the first object */
	uint32_t count;			/* I */
	char *objs;			/* I */
};

struct slab_cache {
	struct spin lock;
	uint32_t obj_size;		/* I */
	uint32_t chunk_shift;		/* I; log2 of objects in a chunk */
	uint32_t max_chunks;		/* I */
	uint32_t nr_chunks;		/* 1: L:lock; readers see it last */
	uint32_t fresh;			/* L:lock; next object never used */
	struct slab_chunk **dir;	/* R:lock */
	struct cds_list_head chunks;	/* R:lock */
	struct slab_batch *depot;	/* L:lock; full ones */
	struct slab_batch *partial;	/* L:lock; one that is not, or NULL */
	struct slab_batch *empty;	/* L:lock */
	uint32_t surplus;		/* L:lock; of those, for workers */
	char *room;			/* L:lock; what is left of a huge page */
	size_t room_left;		/* L:lock */
	void (*init)(void *obj, uint32_t number);	/* I */
};

/* A worker's own: two batches, so that a steady rate never goes further. */
struct slab_mag {
	struct slab_batch *now;		/* W */
	struct slab_batch *spare;	/* W */
};

/* Owner, at its beginning. False: no memory. */
bool slab_mag_init(struct slab_cache *c, struct slab_mag *m);

void *slab_alloc_slow(struct slab_cache *c, struct slab_mag *m);
void slab_free_slow(struct slab_cache *c, struct slab_mag *m, void *obj);
void slab_mag_flush(struct slab_cache *c, struct slab_mag *m);

/* Any thread, without a magazine. */
void *slab_alloc_one(struct slab_cache *c);
void slab_free_one(struct slab_cache *c, void *obj);

static inline uint32_t slab_chunk_objs(const struct slab_cache *c)
{
	return 1u << c->chunk_shift;
}

/* Object @number, which exists. */
static inline void *slab_obj(const struct slab_cache *c, uint32_t number)
{
	const struct slab_chunk *k = c->dir[number >> c->chunk_shift];

	return k->objs +
	       (size_t)(number & (slab_chunk_objs(c) - 1)) * c->obj_size;
}

/* By number; NULL when there is none yet. */
static inline void *slab_at(struct slab_cache *c, uint32_t number)
{
	/* [slab-dir] pairs with the release in add_chunk() */
	uint32_t chunks = atomic_load_acq(&c->nr_chunks);

	return number >> c->chunk_shift < chunks ? slab_obj(c, number) : NULL;
}

/* Owner. NULL: no memory. */
static inline void *slab_alloc(struct slab_cache *c, struct slab_mag *m)
{
	struct slab_batch *b = m->now;

	if (unlikely(!b->n))
		return slab_alloc_slow(c, m);
	b->n--;
	/* Another soon: it was freed long ago, perhaps. */
	__builtin_prefetch(b->obj[b->n >= 4 ? b->n - 4 : 0], 1);
	return b->obj[b->n];
}

/* Owner. */
static inline void slab_free(struct slab_cache *c, struct slab_mag *m,
			     void *obj)
{
	struct slab_batch *b = m->now;

	if (unlikely(b->n == SLAB_BATCH))
		slab_free_slow(c, m, obj);
	else
		b->obj[b->n++] = obj;
}

#endif
