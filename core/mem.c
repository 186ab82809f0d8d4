// SPDX-License-Identifier: MIT
/* Where memory comes from. */
#include "core/mem.h"

#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#include <oa/runtime.h>

#include "core/compiler.h"
#include "core/fault.h"

#if defined(OA_SIM) && OA_SIM == 1
/* The same pages for each run, which begins with none in use. */
void *sim_map(size_t size);
void sim_unmap(void *p, size_t size);
#define pages_get	sim_map
#define pages_put	sim_unmap

static void *huge_get(void)
{
	return NULL;
}
#else
static void *pages_get(size_t size)
{
	void *p = mmap(NULL, size, PROT_READ | PROT_WRITE,
		       MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);

	return p == MAP_FAILED ? NULL : p;
}

static void pages_put(void *p, size_t size)
{
	munmap(p, size);
}

static void *huge_get(void)
{
	char *p = pages_get(2 * MEM_HUGE);
	size_t before = -(uintptr_t)p & (MEM_HUGE - 1);

	if (!p)
		return NULL;
	if (before)
		pages_put(p, before);
	pages_put(p + before + MEM_HUGE, MEM_HUGE - before);
	/* Fails where the kernel has none: then they are small. */
	madvise(p + before, MEM_HUGE, MADV_HUGEPAGE);
	return p + before;
}
#endif

struct mem_count mem_count;

static void count(int64_t bytes, int64_t pieces)
{
	/* relaxed: set before there is another thread */
	if (likely(!__atomic_load_n(&mem_count.on, __ATOMIC_RELAXED)))
		return;
	/* relaxed: sums, read when all is over */
	__atomic_add_fetch(&mem_count.bytes, bytes, __ATOMIC_RELAXED);
	__atomic_add_fetch(&mem_count.pieces, pieces, __ATOMIC_RELAXED);
}

void mem_taken(size_t size)
{
	count((int64_t)size, 1);
}

void mem_given(size_t size)
{
	count(-(int64_t)size, -1);
}

void mem_kept(size_t size)
{
	mem_given(size);
}

void *mem_map(size_t size)
{
	void *p = fault_hit(FAULT_MMAP) ? NULL : pages_get(size);

	if (p)
		mem_taken(size);
	return p;
}

void *mem_map_huge(void)
{
	void *p = fault_hit(FAULT_MMAP) ? NULL : huge_get();

	if (p)
		mem_taken(MEM_HUGE);
	return p;
}

void mem_unmap(void *p, size_t size)
{
	pages_put(p, size);
	mem_given(size);
}

void *mem_alloc(const struct oa_allocator *a, size_t size, size_t align)
{
	void *p;

	if (fault_hit(FAULT_ALLOC))
		return NULL;
	align = max_of(align, sizeof(void *));
	/* A hook is told the same size here and in mem_free(). */
	if (a && a->alloc)
		p = a->alloc(size, align, a->ctx);
	else
		p = aligned_alloc(align, (size + align - 1) & ~(align - 1));
	if (!p)
		return NULL;
	mem_taken(size);
	return memset(p, 0, size);
}

void mem_free(const struct oa_allocator *a, void *p, size_t size)
{
	if (!p)
		return;
	mem_given(size);
	if (a && a->alloc)
		a->free(p, size, a->ctx);
	else
		free(p);
}

#ifdef OA_ASAN
/* What is only known from there would be taken for lost. */
#define SPARSE	0
#else
#define SPARSE	1
#endif

void *mem_alloc_sparse(const struct oa_allocator *a, size_t size, size_t align)
{
	void *p;

	if (!SPARSE || (a && a->alloc))
		return mem_alloc(a, size, align);
	p = fault_hit(FAULT_ALLOC) ? NULL : pages_get(size);
	if (p)
		mem_taken(size);
	return p;
}

void mem_free_sparse(const struct oa_allocator *a, void *p, size_t size)
{
	if (!SPARSE || (a && a->alloc))
		mem_free(a, p, size);
	else if (p)
		mem_unmap(p, size);
}
