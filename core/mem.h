/* SPDX-License-Identifier: MIT */
/* Memory from the system, and from the allocator of a runtime. */
#ifndef OA_CORE_MEM_H
#define OA_CORE_MEM_H

#include <stddef.h>

struct oa_allocator;

/* Zeroed pages, straight from the kernel; NULL on failure. */
void *mem_map(size_t size);
void mem_unmap(void *p, size_t size);

/* The same, so large and so aligned; a huge page, if the kernel likes. */
#define MEM_HUGE	((size_t)2 << 20)
void *mem_map_huge(void);

/* Zeroed; from the hooks in @a, or the C library when it has none. */
void *mem_alloc(const struct oa_allocator *a, size_t size, size_t align);
void mem_free(const struct oa_allocator *a, void *p, size_t size);

#endif
