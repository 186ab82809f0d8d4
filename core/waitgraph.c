// SPDX-License-Identifier: MIT
/*
 * The graph of waits: a task waits for an object, which some other task holds,
 * which waits itself. It is not kept anywhere but read off the tasks when
 * somebody wants to know.
 *
 * Nothing is stopped for it. A wait is looked at between two looks at the wait
 * word: the same epoch, and open still, means that the task has been suspended
 * in between, so its waiter, and the object that it waits for, were there, and
 * what was read of them is of that wait. Memory that may have gone is read by
 * the kernel (inspect_peek()).
 *
 * A ring is real if none of its waits has ended when all have been read: each
 * then lasted from its own reading to the first of the second looks, and who
 * is suspended gives nothing back. It may still be ended from outside, by a
 * cancel.
 *
 * Who waits for a scope waits for all that is in it, any number of tasks. They
 * are not gone through: of a chain that ends in such a wait one asks whether
 * somebody in it belongs to that scope, himself or by the opener of his own,
 * who waits for that; then the ring is closed. So what leads to a scope is
 * gone through again from each that begins there.
 */
#include "core/waitgraph.h"

#include <string.h>

#include "core/inspect.h"
#include "core/mem.h"
#include "core/park.h"
#include "core/waiter.h"

#define LITTLE	32u		/* links, where there is no memory for marks */
#define NESTED	8u		/* scopes in scopes */

enum mark { MARK_NONE, MARK_OPEN, MARK_DONE };

bool wait_lasts(const struct wait_link *l)
{
	uint64_t word;

	smp_mb(); /* [wait-look] what was read before the second look */
	word = atomic_load_acq(&l->task->wait); /* [wait-look] */
	return word >> 8 == l->word >> 8 && wait_open(word);
}

/* Where wait_on points to depends on the word. */
static void look_at_object(struct wait_link *l, const void *at)
{
	struct waiter n;

	l->what = "object";
	l->on = NULL;
	if (!at || !inspect_peek(&n, at, sizeof(n)) || !wait_lasts(l) ||
	    n.task != l->task || n.epoch >> 8 != l->word >> 8)
		return;
	l->what = n.what;
	l->on = n.on;
}

__glance bool wait_look(struct task *t, struct wait_link *l)
{
	uint64_t life = atomic_load_acq(&t->life); /* [life] */
	const void *at;

	l->task = t;
	l->word = atomic_load_acq(&t->wait); /* [wait-look] */
	l->id.id = life >> LIFE_GEN_SHIFT << LIFE_GEN_SHIFT | READ_ONCE(t->slot);
	l->next = 0;
	l->loose = false;
	if (!(life & LIFE_ALIVE) || life & LIFE_ENDED || !wait_open(l->word))
		return false;
	at = READ_ONCE(t->wait_on);
	l->on = NULL;
	l->what = l->word & WAIT_OP ? "request" : "time";
	if (l->word & WAIT_SYNC) {
		look_at_object(l, at);
	} else if (!(l->word & WAIT_OP) && at) {
		l->what = "join";
		l->on = at;
	}
	return wait_lasts(l);
}

/* A descriptor? What it is read from may be anything by now. */
static struct task *as_task(const void *p)
{
	struct task *t = (struct task *)(uintptr_t)p;
	uint32_t slot;

	if (!p || !inspect_peek(&slot, &t->slot, sizeof(slot)))
		return NULL;
	return slab_at(&task_cache, slot) == t ? t : NULL;
}

struct task *wait_holder(const struct wait_link *l, unsigned int i)
{
	if (!l->on)
		return NULL;
	if (l->word & WAIT_SYNC)
		return as_task(object_holder(l->what, l->on, i));
	return i ? NULL : as_task(l->on);
}

/*
 * What leads to @t may have been read by the kernel, which orders nothing: of a
 * slab that is being carved it may be a descriptor in the making.
 */
static unsigned char *mark_of(unsigned char *marks, const struct task *t)
{
	return &marks[READ_ONCE(t->slot)];
}

static void mark(unsigned char *marks, const struct task *t, enum mark as)
{
	if (marks)
		*mark_of(marks, t) = (unsigned char)as;
}

/* Onto the stack, if it waits and nothing but what it waits for ends that. */
static bool enter(struct task *t, struct wait_link *l, unsigned char *marks)
{
	mark(marks, t, MARK_DONE);
	if (!wait_look(t, l) || l->word & WAIT_TIMED || !l->on)
		return false;
	mark(marks, t, MARK_OPEN);
	return true;
}

static unsigned int place_of(const struct wait_link *stack, unsigned int n,
			     const struct task *t)
{
	while (n-- && stack[n].task != t)
		;
	return n;
}

static bool ring_lasts(const struct wait_link *stack, unsigned int from,
		       unsigned int n)
{
	while (from < n && wait_lasts(&stack[from]))
		from++;
	return from == n;
}

static bool for_scope(const struct wait_link *l)
{
	return l->word & WAIT_SYNC && !strcmp(l->what, "scope");
}

/* The scope that @t was started in, or NULL. */
static __glance const void *scope_of(const struct task *t)
{
	const struct task_ext *x = READ_ONCE(t->ext);

	return x && READ_ONCE(t->flags) & TASK_MEMBER ?
	       READ_ONCE(x->member[MEMBER_SCOPE].of) : NULL;
}

/* Of those who wait for scopes, from that of @t up to @scope. @n: how many. */
static bool go_up(const struct task *t, const void *scope, struct wait_link *up,
		  unsigned int *n)
{
	const void *at = scope_of(t);
	struct task *opener;

	for (*n = 0; at && at != scope; at = scope_of(opener), ++*n) {
		opener = as_task(scope_opener(at));
		if (!opener || *n == NESTED || !wait_look(opener, &up[*n]) ||
		    up[*n].word & WAIT_TIMED || up[*n].on != at)
			return false;
	}
	return at;
}

/* The last on the stack waits for a scope: of somebody below? */
static unsigned int close_scope(struct wait_link *stack, unsigned int n,
				unsigned int room, bool whole,
				unsigned int *from)
{
	struct wait_link up[NESTED];
	unsigned int m;

	for (unsigned int k = 0; k + 1 < (whole ? min_of(n, 2u) : n); k++) {
		if (!go_up(stack[k].task, stack[n - 1].on, up, &m) ||
		    n + m > room)
			continue;
		while (m)
			stack[n++] = up[--m];
		*from = k;
		return n;
	}
	return 0;
}

/* Done with it; what leads to a scope may be of a ring from elsewhere. */
static unsigned int leave(struct wait_link *stack, unsigned int n,
			  unsigned char *marks)
{
	const struct wait_link *l = &stack[--n];

	mark(marks, l->task, l->loose ? MARK_NONE : MARK_DONE);
	if (n && l->loose)
		stack[n - 1].loose = true;
	return n;
}

/* In depth: who is on the stack waits for who lies above him. */
unsigned int waitgraph_ring(struct task *t, struct wait_link *stack,
			    unsigned int room, unsigned char *marks,
			    unsigned int *from)
{
	unsigned int n = enter(t, &stack[0], marks), looks = 0, at, all;
	struct task *to;

	while (n) {
		if (for_scope(&stack[n - 1])) {
			all = close_scope(stack, n, room, !marks, from);
			if (all && ring_lasts(stack, *from, all))
				return all;
			stack[n - 1].loose = true;
			n = leave(stack, n, marks);
			continue;
		}
		to = wait_holder(&stack[n - 1], stack[n - 1].next++);
		if (!to || (!marks && ++looks > LITTLE)) {
			n = leave(stack, n, marks);
			continue;
		}
		if (marks && *mark_of(marks, to) == MARK_DONE)
			continue;
		at = !marks || *mark_of(marks, to) ? place_of(stack, n, to) :
						      ~0u;
		if (at == ~0u) {
			if (n < room && enter(to, &stack[n], marks))
				n++;
			continue;
		}
		if ((marks || !at) && ring_lasts(stack, at, n)) {
			*from = at;
			return n;
		}
	}
	return 0;
}

bool waitgraph_stuck(struct task *t)
{
	struct wait_link stack[LITTLE];
	unsigned int from;

	return waitgraph_ring(t, stack, LITTLE, NULL, &from);
}

#ifdef OA_SIM
oa_time_t waitgraph_since(const struct task *t, uint64_t word, oa_time_t now)
{
	(void)t;
	(void)word;
	(void)now;
	return 0;
}
#else
/*
 * When waits were first seen, by descriptor: the low half of the epoch, and
 * the time in hundredths of a second. Whoever looks writes, each in one piece.
 */
#define SINCE_SHIFT	10
#define SINCE_UNIT	(10 * OA_MSEC)

static uint64_t *since_dir[MAX_TASKS >> SINCE_SHIFT];

static uint64_t *since_of(uint32_t slot)
{
	uint64_t **dir = &since_dir[slot >> SINCE_SHIFT], *none = NULL, *map;
	size_t size = sizeof(*map) << SINCE_SHIFT;

	map = atomic_load_acq(dir); /* [since] */
	if (!map) {
		map = mem_map(size);
		/* [since] one of those who come at the same time */
		if (map && !atomic_cas(dir, &none, map)) {
			mem_unmap(map, size);
			map = none;
		} else if (map) {
			mem_kept(size);
		}
	}
	return map ? &map[slot & ((1u << SINCE_SHIFT) - 1)] : NULL;
}

oa_time_t waitgraph_since(const struct task *t, uint64_t word, oa_time_t now)
{
	uint64_t *at = since_of(READ_ONCE(t->slot)), is;
	uint32_t epoch = (uint32_t)(word >> 8);

	if (!at)
		return 0;
	is = READ_ONCE(*at);
	if (is >> 32 && (uint32_t)is == epoch)
		return (oa_time_t)(is >> 32) * SINCE_UNIT;
	WRITE_ONCE(*at, (uint64_t)(now / SINCE_UNIT) << 32 | epoch);
	return 0;
}
#endif
