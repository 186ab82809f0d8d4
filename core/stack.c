// SPDX-License-Identifier: MIT
/*
 * Stacks are slots of large reservations, so that a million of them are a
 * handful of mappings. Each begins with a guard and ends with its descriptor.
 * The guard is MADV_GUARD_INSTALL, in vectors as slots are first used; on
 * kernels without it mprotect(). That costs two mappings a stack, of which a
 * process may have 65530 in all, so some stacks on no more have any: they are
 * looked at whenever their task gives way. Below them nothing is ever written,
 * so it reads as zeroes and costs no memory.
 *
 * Where the first frame begins is coloured over the lines of the top page that
 * leave 1 KiB of it: many stacks used in turn would otherwise meet in the same
 * few cache sets (174 ns a switch over 50,000 stacks against 35).
 *
 * Nothing is unmapped while the runtime lives: that interrupts every CPU. A
 * worker reuses the newest first, and batches go to the pool's depot; what lies
 * there for long loses its memory (core/stack_trim.c).
 */
#include "core/stack.h"

#include <errno.h>
#include <stdint.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <unistd.h>

#include <oa/runtime.h>

#include "arch/cxx.h"
#include "core/bug.h"
#include "core/fault.h"
#include "core/mem.h"

#ifndef MADV_GUARD_INSTALL
#define MADV_GUARD_INSTALL 102
#endif
#ifndef MADV_GUARD_REMOVE
#define MADV_GUARD_REMOVE 103
#endif
#define PAGE		4096
#define COLOURS		((PAGE - 1024 - 128) / 64)
#define LOOKED_AT	512	/* bytes below a stack without a guard */
#define MPROTECT_MAX	16384u	/* guards: half of the usual mappings */

/* What worked last; only ever goes down the list, and not past mprotect(). */
static enum guard_kind guard_kind;
/* A; in the process. */
static uint32_t mprotected;

const char *stack_guard_kind(void)
{
	static const char *const names[] = {
		"not tried yet", "process_madvise(MADV_GUARD_INSTALL)",
		"madvise(MADV_GUARD_INSTALL)", "mprotect",
	};

	return names[READ_ONCE(guard_kind)];
}

void stack_guard_disable(void)
{
	WRITE_ONCE(guard_kind, GUARD_MPROTECT);
}

bool stack_overrun(const struct stack *s)
{
	const uint64_t *at = (const uint64_t *)(s->low - LOOKED_AT);
	uint64_t any = 0;

	for (size_t i = 0; i < LOOKED_AT / sizeof(*at); i++)
		any |= at[i];
	return any;
}

void stack_pool_init(struct stack_pool *p, size_t size,
		     const struct oa_stack_allocator *a)
{
	memset(p, 0, sizeof(*p));
	p->size = size;
	p->alloc = a;
}

static char *map_aligned(size_t size, size_t align)
{
	char *base, *at;
	size_t head;

	base = mmap(NULL, size + align, PROT_READ | PROT_WRITE,
		    MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE | MAP_STACK,
		    -1, 0);
	if (base == MAP_FAILED)
		return NULL;
	at = (char *)(((uintptr_t)base + align - 1) & ~((uintptr_t)align - 1));
	head = (size_t)(at - base);
	if (head)
		munmap(base, head);
	if (align - head)
		munmap(at + size, align - head);
	/* One huge page would make every stack in it resident. */
	madvise(at, size, MADV_NOHUGEPAGE);
	return at;
}

static void *reserve(const struct oa_stack_allocator *a, size_t size,
		     size_t align)
{
	void *p;

	if (fault_hit(FAULT_STACK))
		return NULL;
	p = a && a->reserve ? a->reserve(size, align, a->ctx)
			    : map_aligned(size, align);
	if (p)
		mem_taken(size);
	return p;
}

static void release(const struct oa_stack_allocator *a, void *base,
		    size_t size)
{
	if (a && a->release)
		a->release(base, size, a->ctx);
	else
		munmap(base, size);
	mem_given(size);
}

static bool guard_vector(struct iovec *v, size_t n)
{
	size_t bytes = n * STACK_GUARD;

	return syscall(SYS_process_madvise, OA_PIDFD_SELF, v, n,
		       MADV_GUARD_INSTALL, 0) == (long)bytes;
}

static bool guard_each(const struct iovec *v, size_t n)
{
	for (size_t i = 0; i < n; i++)
		if (madvise(v[i].iov_base, v[i].iov_len, MADV_GUARD_INSTALL))
			return false;
	return true;
}

static bool guard_by_mprotect(const struct iovec *v, size_t n)
{
	size_t i;

	/* [guards] a bound, nothing else depends on it */
	if (atomic_add(&mprotected, (uint32_t)n) + n > MPROTECT_MAX)
		goto err;
	for (i = 0; i < n; i++)
		if (mprotect(v[i].iov_base, v[i].iov_len, PROT_NONE))
			goto err_some;
	return true;
err_some:
	while (i--)
		mprotect(v[i].iov_base, v[i].iov_len, PROT_READ | PROT_WRITE);
err:
	atomic_sub(&mprotected, (uint32_t)n); /* [guards] */
	return false;
}

/* Guards over all of @v by the best means that works; may repeat some. */
static enum guard_kind guard_all(struct iovec *v, size_t n)
{
	enum guard_kind kind = READ_ONCE(guard_kind);

	if (fault_hit(FAULT_GUARD))
		return GUARD_NONE;
	if (kind <= GUARD_VECTOR && guard_vector(v, n))
		kind = GUARD_VECTOR;
	else if (kind <= GUARD_MADVISE && guard_each(v, n))
		kind = GUARD_MADVISE;
	else
		kind = GUARD_MPROTECT;
	WRITE_ONCE(guard_kind, kind);
	if (kind == GUARD_MPROTECT && !guard_by_mprotect(v, n))
		return GUARD_NONE;
	return kind;
}

struct stack *stack_slot_init(char *base, size_t size, uint32_t colour,
			      enum guard_kind guard)
{
	struct stack *s = (struct stack *)(base + size) - 1;

	/* Memory from the program's hooks need not be new. */
	memset(s, 0, sizeof(*s));
	s->low = base + STACK_GUARD;
	s->size = size;
	s->top = (char *)s - 64 - (colour % COLOURS) * 64;
	s->top = (char *)((uintptr_t)s->top & ~(uintptr_t)63);
	s->id = san_stack_add(s->low, stack_room(s));
	s->guard = (uint8_t)guard;
	s->bare = guard == GUARD_NONE;
	s->marks = (uint8_t)((s->bare ? STACK_BARE : 0) |
			     (cxx_present() ? STACK_CXX : 0));
	if (s->bare && stack_overrun(s))
		memset(s->low - LOOKED_AT, 0, LOOKED_AT);
	return s;
}

/* Under the lock. The first unused byte of a region with room, or NULL. */
static char *region_room(struct stack_pool *p, size_t *slots)
{
	struct stack_region *r = p->regions;
	size_t want;

	if (!r || r->used == r->size) {
		/* 16 MiB of 256 KiB stacks, doubled up to 1 GiB. */
		want = r ? min_of(r->size * 2, (size_t)1 << 30)
			 : min_of(p->size * 64, (size_t)1 << 30);
		want -= want % p->size;
		want = max_of(want, p->size);
		r = mem_alloc(NULL, sizeof(*r), 8);
		if (!r)
			return NULL;
		r->base = reserve(p->alloc, want, PAGE);
		if (!r->base && want > p->size * STACK_BATCH) {
			want = p->size * STACK_BATCH;
			r->base = reserve(p->alloc, want, PAGE);
		}
		if (!r->base) {
			mem_free(NULL, r, sizeof(*r));
			return NULL;
		}
		r->size = want;
		r->next = p->regions;
		p->regions = r;
	}
	*slots = min_of(*slots, (r->size - r->used) / p->size);
	r->used += *slots * p->size;
	return r->base + r->used - *slots * p->size;
}

/* A batch of slots with guards, of which nothing else is touched. */
static void carve(struct stack_pool *p, struct stack_mag *m)
{
	struct iovec v[STACK_BATCH];
	size_t slots = STACK_BATCH;
	enum guard_kind guard;

	spin_lock(&p->lock);
	m->uncut = region_room(p, &slots);
	m->uncut_colour = p->carved;
	p->carved += m->uncut ? (uint32_t)slots : 0;
	spin_unlock(&p->lock);
	if (!m->uncut)
		return;
	for (size_t k = 0; k < slots; k++) {
		v[k].iov_base = m->uncut + k * p->size;
		v[k].iov_len = STACK_GUARD;
	}
	guard = guard_all(v, slots);
	if (guard == GUARD_MPROTECT)
		atomic_add(&p->mprotected, (uint32_t)slots); /* [guards] */
	m->uncut_n = (uint32_t)slots;
	m->uncut_guard = (uint8_t)guard;
}

/* Must all slots of a region have descriptors when it goes? */
static bool told_of_each(const struct stack_pool *p)
{
	return SAN_STACKS || (p->alloc && p->alloc->release);
}

/*
 * Each descriptor is a page. One at first, since many a worker never needs a
 * second stack; four times as many each time, since others need thousands.
 */
static struct stack *cut(struct stack_pool *p, struct stack_mag *m)
{
	uint32_t n = min_of(m->cut_n ? 4 * m->cut_n : 1u, (uint32_t)STACK_BATCH);
	struct stack *list = NULL, *s;

	m->cut_n = n;
	n = told_of_each(p) ? m->uncut_n : min_of(n, m->uncut_n);
	for (uint32_t i = n; i--;) {
		s = stack_slot_init(m->uncut + i * p->size, p->size,
				    m->uncut_colour + i,
				    (enum guard_kind)m->uncut_guard);
		s->next = list;
		list = s;
	}
	m->uncut += n * p->size;
	m->uncut_colour += n;
	m->uncut_n -= n;
	m->n = n;
	return list;
}

/* A batch, the last that came first. */
static struct stack *depot_take(struct stack_pool *p)
{
	struct stack **from, *s;

	spin_lock(&p->lock);
	from = p->depot ? &p->depot : &p->cold;
	s = *from;
	if (s)
		*from = s->next_batch;
	spin_unlock(&p->lock);
	return s;
}

bool stack_refill(struct stack_pool *p, struct stack_mag *m)
{
	struct stack *s;

	if (m->list)
		return true;
	if (m->spare) {
		m->list = m->spare;
		m->n = m->spare_n;
		m->spare = NULL;
		return true;
	}
	s = depot_take(p);
	if (s) {
		m->n = s->n;
	} else {
		s = m->uncut_n ? NULL : stack_take_gone(p, &m->n);
		if (!s && !m->uncut_n)
			carve(p, m);
		if (!s && m->uncut_n)
			s = cut(p, m);
		m->fresh += s ? m->n : 0;
	}
	m->list = s;
	return s;
}

static void depot_put(struct stack_pool *p, struct stack *batch, uint32_t n)
{
	batch->n = (uint16_t)n;
	spin_lock(&p->lock);
	batch->next_batch = p->depot;
	p->depot = batch;
	spin_unlock(&p->lock);
}

/* The colder half becomes the spare batch, the spare one goes to the depot. */
void stack_spill(struct stack_pool *p, struct stack_mag *m)
{
	struct stack *last = m->list;

	if (m->spare)
		depot_put(p, m->spare, m->spare_n);
	for (uint32_t i = 1; i < m->n / 2; i++)
		last = last->next;
	m->spare = last->next;
	m->spare_n = m->n - m->n / 2;
	m->n /= 2;
	last->next = NULL;
}

/* What is uncut stays so until its region goes. */
void stack_mag_flush(struct stack_pool *p, struct stack_mag *m)
{
	if (m->spare)
		depot_put(p, m->spare, m->spare_n);
	if (m->list)
		depot_put(p, m->list, m->n);
	memset(m, 0, sizeof(*m));
}

/* What goes back to the program's hooks is plain memory again. */
static void unguard(char *base, enum guard_kind kind)
{
	if (kind == GUARD_VECTOR || kind == GUARD_MADVISE)
		madvise(base, STACK_GUARD, MADV_GUARD_REMOVE);
	else if (kind == GUARD_MPROTECT)
		mprotect(base, STACK_GUARD, PROT_READ | PROT_WRITE);
}

static void forget_slot(struct stack *s)
{
	if (!SAN_STACKS)
		return;
	if (s->rest.sp && !s->keep)
		san_ctx_rest(&s->san);
	else
		san_ctx_fini(&s->san);
	san_stack_remove(s->id, s->low, stack_room(s));
}

/* Every slot of @r that was ever used. */
static void forget_slots(struct stack_pool *p, struct stack_region *r)
{
	struct stack *s;

	for (size_t at = 0; at < r->used; at += p->size) {
		s = (struct stack *)(r->base + at + p->size) - 1;
		if (p->alloc && p->alloc->release)
			unguard(r->base + at, (enum guard_kind)s->guard);
		forget_slot(s);
	}
}

static struct stack *slot_of(const struct stack_region *r, size_t at,
			     size_t size)
{
	return (struct stack *)(r->base + at + size) - 1;
}

/*
 * What is not to stay; the program's hooks take regions back as a whole. *stay:
 * how many of those that do have a guard by mprotect().
 */
static bool unmap_others(struct stack_pool *p, struct stack_region *r,
			 uint32_t *stay)
{
	size_t from = 0, at = 0;
	bool any = false;

	for (; at < r->used; at += p->size) {
		struct stack *s = slot_of(r, at, p->size);

		if (!s->keep) {
			forget_slot(s);
			continue;
		}
		any = true;
		*stay += s->guard == GUARD_MPROTECT;
		if (at > from)
			munmap(r->base + from, at - from);
		from = at + p->size;
	}
	if (r->size > from)
		munmap(r->base + from, r->size - from);
	return any;
}

/* On a list, so that tools which look for what was lost find it. */
static struct stack_region *kept;
static struct spin kept_lock;

void stack_pool_keep(struct stack_pool *p)
{
	bool whole = p->alloc && p->alloc->release;
	uint32_t stay = 0;
	struct stack_region *r;

	stack_forget_gone(p);
	while ((r = p->regions)) {
		p->regions = r->next;
		mem_kept(r->size);
		if (!whole && !unmap_others(p, r, &stay)) {
			mem_free(NULL, r, sizeof(*r));
			continue;
		}
		mem_kept(sizeof(*r));
		spin_lock(&kept_lock);
		r->next = kept;
		kept = r;
		spin_unlock(&kept_lock);
	}
	/* Those of what is mapped no more can be made elsewhere. */
	if (!whole && stay < p->mprotected)
		atomic_sub(&mprotected, p->mprotected - stay); /* [guards] */
	p->mprotected = 0;
}

void stack_pool_fini(struct stack_pool *p)
{
	struct stack_region *r;

	while ((r = p->regions)) {
		p->regions = r->next;
		if (told_of_each(p))
			forget_slots(p, r);
		release(p->alloc, r->base, r->size);
		mem_free(NULL, r, sizeof(*r));
	}
	p->depot = NULL;
	stack_forget_gone(p);
	atomic_sub(&mprotected, p->mprotected); /* [guards] */
	p->mprotected = 0;
}

struct stack *stack_alloc_own(const struct oa_stack_allocator *a, size_t size)
{
	char *base = reserve(a, size, PAGE);
	struct iovec v = { base, STACK_GUARD };

	if (!base)
		return NULL;
	return stack_slot_init(base, size, 0, guard_all(&v, 1));
}

void stack_free_own(const struct oa_stack_allocator *a, struct stack *s)
{
	char *base = s->low - STACK_GUARD;
	size_t size = s->size;
	enum guard_kind guard = (enum guard_kind)s->guard;

	san_ctx_fini(&s->san);
	san_stack_remove(s->id, s->low, stack_room(s));
	if (a && a->release)
		unguard(base, guard);
	release(a, base, size);
	if (guard == GUARD_MPROTECT)
		atomic_sub(&mprotected, 1); /* [guards] */
}
