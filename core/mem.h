/* SPDX-License-Identifier: MIT */
/* Memory from the system, and from the allocator of a runtime. */
#ifndef OA_CORE_MEM_H
#define OA_CORE_MEM_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct oa_allocator;

/* What is taken and not given back, for tests: counted while ->on. */
struct mem_count {
	bool on;			/* A; before there is a runtime */
	int64_t bytes;			/* A */
	int64_t pieces;			/* A */
};

extern struct mem_count mem_count;

/* Other memory than these calls give: stacks. */
void mem_taken(size_t size);
void mem_given(size_t size);
/* A piece that stays until the process ends, which is no leak. */
void mem_kept(size_t size);

/* Zeroed pages, straight from the kernel; NULL on failure. */
void *mem_map(size_t size);
void mem_unmap(void *p, size_t size);

/* The same, so large and so aligned; a huge page, if the kernel likes. */
#define MEM_HUGE	((size_t)2 << 20)
void *mem_map_huge(void);

/* Zeroed; from the hooks in @a, or the C library when it has none. */
void *mem_alloc(const struct oa_allocator *a, size_t size, size_t align);
void mem_free(const struct oa_allocator *a, void *p, size_t size);

/*
 * For what is large and hardly touched: without hooks its pages come when they
 * are. At most a page's alignment.
 */
void *mem_alloc_sparse(const struct oa_allocator *a, size_t size, size_t align);
void mem_free_sparse(const struct oa_allocator *a, void *p, size_t size);

#endif
