// SPDX-License-Identifier: MIT
/*
 * Stacks that nobody has wanted for a while give back their memory: after a
 * crowd of tasks it would stay as long as the runtime. The watch sees to it, a
 * few at a time, since each batch interrupts the CPUs that the process runs on.
 *
 * What is in the depot is set apart; the depot begins anew, and what it lacks
 * is taken from there. What is left of it after TRIM_AFTER has not been used in
 * all that time. Of such a stack nothing stays, not even its descriptor, but
 * that it exists, and its guard, which outlives its memory: it is made anew
 * before more is carved. The program's hooks may have their own ideas of
 * memory, and sanitizers know of each stack: there all stays as it is.
 */
#include "core/stack.h"

#include <sys/mman.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <unistd.h>

#include <oa/runtime.h>

#include "core/mem.h"

#define TRIM_BATCHES	16u		/* at once, and then a rest */
#define TRIM_REST	(20 * OA_MSEC)

oa_time_t stack_trim_after = 10 * OA_SEC;

/* Slots without memory; as many as there are in a batch at most. */
struct stack_gone {
	struct stack_gone *next;	/* L:pool lock */
	uint32_t n;			/* I */
	struct gone_slot {
		char *base;		/* I */
		uint8_t guard;		/* I; enum guard_kind */
	} slot[2 * STACK_BATCH];	/* I */
};

static bool may_trim(const struct stack_pool *p)
{
	return !SAN_STACKS && !(p->alloc && p->alloc->reserve);
}

/* Under the lock: begins a time in which nobody may want them. */
static oa_time_t set_apart(struct stack_pool *p, oa_time_t now)
{
	if (!p->cold) {
		p->cold = p->depot;
		p->depot = NULL;
		p->cold_at = now;
	}
	return p->cold ? p->cold_at + stack_trim_after : OA_FOREVER;
}

static struct stack *take_cold(struct stack_pool *p)
{
	struct stack *batch;

	spin_lock(&p->lock);
	batch = p->cold;
	if (batch)
		p->cold = batch->next_batch;
	spin_unlock(&p->lock);
	return batch;
}

static void put_back(struct stack_pool *p, struct stack *batch)
{
	spin_lock(&p->lock);
	batch->next_batch = p->cold;
	p->cold = batch;
	spin_unlock(&p->lock);
}

/* What cannot be had back (it is locked in memory, say) stays as it is. */
static void forget_all(const struct iovec *v, size_t n)
{
	/* One interruption for all of them, where the kernel knows that. */
	if (syscall(SYS_process_madvise, OA_PIDFD_SELF, v, n, MADV_DONTNEED,
		    0) == (long)(n * v->iov_len))
		return;
	for (size_t i = 0; i < n; i++)
		madvise(v[i].iov_base, v[i].iov_len, MADV_DONTNEED);
}

/* The list is in what goes. */
static bool trim_batch(struct stack_pool *p, const struct stack *batch)
{
	struct stack_gone *g = mem_alloc(NULL, sizeof(*g), 8);
	struct iovec v[2 * STACK_BATCH];

	if (!g)
		return false;
	g->n = 0;
	for (const struct stack *s = batch; s; s = s->next) {
		v[g->n] = (struct iovec){ s->low, p->size - STACK_GUARD };
		g->slot[g->n].base = s->low - STACK_GUARD;
		g->slot[g->n++].guard = s->guard;
	}
	forget_all(v, g->n);
	spin_lock(&p->lock);
	g->next = p->gone;
	p->gone = g;
	spin_unlock(&p->lock);
	return true;
}

oa_time_t stack_pool_trim(struct stack_pool *p, oa_time_t now)
{
	struct stack *batch;
	oa_time_t at;

	if (!may_trim(p))
		return OA_FOREVER;
	spin_lock(&p->lock);
	at = set_apart(p, now);
	spin_unlock(&p->lock);
	if (at > now)
		return at;
	for (uint32_t i = 0; i < TRIM_BATCHES; i++) {
		batch = take_cold(p);
		if (!batch)
			return stack_pool_trim(p, now);
		if (!trim_batch(p, batch)) {
			put_back(p, batch);
			break;
		}
	}
	return now + TRIM_REST;
}

struct stack *stack_take_gone(struct stack_pool *p, uint32_t *n)
{
	struct stack *list = NULL, *s;
	struct stack_gone *g;

	spin_lock(&p->lock);
	g = p->gone;
	if (g)
		p->gone = g->next;
	spin_unlock(&p->lock);
	if (!g)
		return NULL;
	for (uint32_t i = g->n; i--;) {
		s = stack_slot_init(g->slot[i].base, p->size,
				    (uint32_t)((uintptr_t)g->slot[i].base /
					       p->size),
				    (enum guard_kind)g->slot[i].guard);
		s->next = list;
		list = s;
	}
	*n = g->n;
	mem_free(NULL, g, sizeof(*g));
	return list;
}

void stack_forget_gone(struct stack_pool *p)
{
	struct stack_gone *g;

	while ((g = p->gone)) {
		p->gone = g->next;
		mem_free(NULL, g, sizeof(*g));
	}
	p->cold = NULL;
}
