// SPDX-License-Identifier: MIT
/*
 * Memory of a run. Everything lies where it lay in the run before, and begins
 * alike; what was freed is not used again within a run, is filled with a
 * pattern, and is looked at when the run is over: who wrote to it wrote too
 * late.
 */
#if defined(OA_SIM) && OA_SIM == 1
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#include "selftests/sim/sim_priv.h"

#define HEAP_SIZE	(32u << 20)
#define PAGES_SIZE	(64u << 20)
#define STACKS_SIZE	(1u << 30)
#define FREED		0xdb
#define MAGIC		0x68656170u

struct block {
	uint32_t magic;
	bool freed;
	size_t size;
	struct block *next;
};

struct arena {
	char *base;
	size_t size, used;
};

/* A reservation for stacks. */
struct piece {
	void *base;
	size_t size;
	uint64_t run;		/* that used it last */
};

static struct arena heap, pages, stacks;
static struct block *blocks;
static struct piece pieces[512];
static unsigned int nr_pieces;
static uint64_t run;

static void arena_make(struct arena *a, size_t size)
{
	if (a->base)
		return;
	a->base = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_PRIVATE |
		       MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
	if (a->base == MAP_FAILED) {
		perror("simulator: no memory");
		exit(4);
	}
	a->size = size;
	madvise(a->base, size, MADV_NOHUGEPAGE);
}

static void *take(struct arena *a, size_t size, size_t align)
{
	size_t at = (a->used + align - 1) & ~(align - 1);

	if (at + size > a->size)
		return NULL;
	a->used = at + size;
	return a->base + at;
}

void sim_mem_reset(void)
{
	arena_make(&heap, HEAP_SIZE);
	arena_make(&pages, PAGES_SIZE);
	arena_make(&stacks, STACKS_SIZE);
	heap.used = pages.used = 0;
	run++;
	blocks = NULL;
}

static void *heap_alloc(size_t size, size_t align, void *ctx)
{
	size_t head, unit = max_of(align, (size_t)16);
	struct block *b;
	char *p;

	(void)ctx;
	/* What comes after it is aligned as well. */
	head = (sizeof(*b) + unit - 1) & ~(unit - 1);
	p = take(&heap, size + head, unit);
	if (!p)
		return NULL;
	b = (struct block *)(p + head) - 1;
	*b = (struct block){ .magic = MAGIC, .size = size, .next = blocks };
	blocks = b;
	return b + 1;
}

static void heap_free(void *p, size_t size, void *ctx)
{
	struct block *b = (struct block *)p - 1;

	(void)ctx;
	if (b->magic != MAGIC || b->freed)
		sim_stuck("memory is freed that is not allocated");
	if (size > b->size)
		sim_stuck("memory is freed with a wrong size");
	b->freed = true;
	memset(p, FREED, b->size);
}

void sim_mem_check(void)
{
	const unsigned char *p;

	for (const struct block *b = blocks; b; b = b->next) {
		if (b->magic != MAGIC)
			sim_stuck("the head of allocated memory was written to");
		if (!b->freed)
			sim_stuck("memory of a runtime is not freed");
		p = (const unsigned char *)(b + 1);
		if (b->size && (p[0] != FREED ||
				memcmp(p, p + 1, b->size - 1) != 0))
			sim_stuck("freed memory was written to");
	}
}

/* The run before left things in them: zeroed anew, as the kernel's are. */
void *sim_map(size_t size);
void *sim_map(size_t size)
{
	void *p = take(&pages, size, 4096);

	return p ? memset(p, 0, size) : NULL;
}

void sim_unmap(void *p, size_t size);
void sim_unmap(void *p, size_t size)
{
	(void)p;
	(void)size;
}

/* The guards in it stay, so it goes to stacks of the same size again. */
static void *stacks_reserve(size_t size, size_t align, void *ctx)
{
	struct piece *p;

	(void)ctx;
	for (p = pieces; p < pieces + nr_pieces; p++) {
		if (p->size == size && p->run != run) {
			p->run = run;
			/* A runtime that was shut down at once kept it. */
			san_stack_clean(p->base, size);
			return p->base;
		}
	}
	if (nr_pieces == ARRAY_SIZE(pieces))
		return NULL;
	p->base = take(&stacks, size, align);
	if (!p->base)
		return NULL;
	p->size = size;
	p->run = run;
	nr_pieces++;
	return p->base;
}

static void stacks_release(void *base, size_t size, void *ctx)
{
	(void)base;
	(void)size;
	(void)ctx;
}

const struct oa_allocator sim_allocator = {
	.alloc = heap_alloc,
	.free = heap_free,
};

const struct oa_stack_allocator sim_stacks = {
	.reserve = stacks_reserve,
	.release = stacks_release,
};
#endif
