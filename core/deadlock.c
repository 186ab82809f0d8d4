// SPDX-License-Identifier: MIT
/*
 * Deadlocks, unasked: now and then the watch goes through all descriptors. Of
 * most it reads the wait word only, and notes which waits are new, so that a
 * dump can tell since when; those that wait for what knows its holder are
 * followed (core/waitgraph.c). A ring is told once, and again only if one of
 * its waits has ended in between.
 */
#ifndef OA_SIM
#include <string.h>

#include "core/mem.h"
#include "core/park.h"
#include "core/waitgraph.h"
#include "core/watch.h"
#include "core/watch_priv.h"

#define DEPTH		16384u		/* longest ring that is found */
#define TOLD		64u		/* rings at a time that are told */
#define LISTED		40u		/* links of one that are listed */

/* Rings that stand: by the least handle in it, and the epoch of its wait. */
static struct told {
	uint64_t id;			/* 0: free */
	uint64_t epoch;
	bool seen;			/* in this round */
} told[TOLD];				/* watch */

static struct search {
	struct wait_link *stack;
	unsigned char *marks;
	bool failed;			/* no memory: not this time */
} search;				/* watch */

static struct report report;		/* watch */

/* A wait on what may be held, or a join. */
static bool may_be_stuck(const struct task *t, uint64_t word)
{
	if (word & (WAIT_TIMED | WAIT_OP))
		return false;
	if (word & WAIT_SYNC)
		return word & WAIT_OWNED ||
		       !(READ_ONCE(t->flags) & TASK_STARTED);
	return READ_ONCE(t->wait_on) != NULL;
}

/* False: it has been told, or there are too many to remember. */
static bool is_new(const struct wait_link *l, unsigned int n)
{
	struct told *free = NULL;
	unsigned int least = 0;

	for (unsigned int i = 1; i < n; i++)
		if (l[i].id.id < l[least].id.id)
			least = i;
	for (unsigned int i = 0; i < TOLD; i++) {
		if (!told[i].id) {
			free = &told[i];
		} else if (told[i].id == l[least].id.id &&
			   told[i].epoch == l[least].word >> 8) {
			told[i].seen = true;
			return false;
		}
	}
	if (!free)
		return false;
	*free = (struct told){ l[least].id.id, l[least].word >> 8, true };
	return true;
}

static void put_link(struct symbols *syms, const struct wait_link *l,
		     struct task *to)
{
	report_add(&report, "\n    ");
	report_task(&report, syms, l->task);
	if (l->word & WAIT_SYNC && !strcmp(l->what, "scope"))
		report_add(&report, " waits for its scope at %p, in which is ",
			   l->on);
	else if (l->word & WAIT_SYNC)
		report_add(&report, " waits for the %s at %p, which is held by ",
			   l->what, l->on);
	else
		report_add(&report, " waits for the end of ");
	report_task(&report, syms, to);
}

static void put_ring(const struct wait_link *l, unsigned int n)
{
	struct symbols syms;

	symbols_init(&syms);
	report_begin(&report);
	report_add(&report, "deadlock of %u task%s", n, n == 1 ? "" : "s");
	for (unsigned int i = 0; i < n && i < LISTED; i++)
		put_link(&syms, &l[i], l[(i + 1) % n].task);
	if (n > LISTED)
		report_add(&report, "\n    ... and %u more", n - LISTED);
	symbols_fini(&syms);
}

/* To the first runtime in it that is watched; false: it has gone. */
static bool tell(const struct wait_link *l, unsigned int n)
{
	struct oa_runtime_event ev = {
		.kind = OA_EVENT_DEADLOCK, .worker = -1, .value = n,
	};
	struct watched *d = NULL;
	unsigned int i, threads = 0;
	const struct runtime *rt;

	for (i = 0; i < n && !d; i++) {
		rt = READ_ONCE(l[i].task->rt);
		threads += !rt;
		d = rt ? watch_hold(rt) : NULL;
		ev.task = l[i].id;
	}
	if (!d && threads < n)
		return true;
	put_ring(l, n);
	/* Its tasks are there, so the runtime is one that has them. */
	for (i = 0; i < n && wait_lasts(&l[i]); i++)
		;
	if (i == n)
		report_tell(d ? d->rt : NULL, &report, &ev);
	if (d)
		watch_let_go();
	return i == n;
}

/* Once for a walk, when there is somebody to follow. */
static bool search_begin(void)
{
	if (search.stack || search.failed)
		return search.stack;
	search.marks = mem_map(MAX_TASKS);
	if (search.marks)
		search.stack = mem_map(DEPTH * sizeof(*search.stack));
	search.failed = !search.stack;
	return search.stack;
}

static void search_end(void)
{
	if (search.marks)
		mem_unmap(search.marks, MAX_TASKS);
	if (search.stack)
		mem_unmap(search.stack, DEPTH * sizeof(*search.stack));
	search = (struct search){ .stack = NULL };
}

static void follow(struct task *t)
{
	unsigned int from, n;

	if (!search_begin() || search.marks[READ_ONCE(t->slot)])
		return;
	n = waitgraph_ring(t, search.stack, DEPTH, search.marks, &from);
	if (n && is_new(&search.stack[from], n - from) &&
	    !tell(&search.stack[from], n - from))
		return;
	/* What is left on the stack has been seen. */
	while (n--)
		search.marks[READ_ONCE(search.stack[n].task->slot)] = 2;
}

static void forget_ended(void)
{
	for (unsigned int i = 0; i < TOLD; i++) {
		if (!told[i].seen)
			told[i].id = 0;
		told[i].seen = false;
	}
}

void deadlock_look(oa_time_t now)
{
	/* [slab-dir] */
	uint32_t chunks = atomic_load_acq(&task_cache.nr_chunks);
	uint32_t n = chunks * slab_chunk_objs(&task_cache);
	struct task *t;
	uint64_t word;

	for (uint32_t i = 0; i < n; i++) {
		t = slab_obj(&task_cache, i);
		word = atomic_load_acq(&t->wait); /* [wait-look] */
		if (!wait_open(word))
			continue;
		waitgraph_since(t, word, now);
		if (may_be_stuck(t, word))
			follow(t);
	}
	search_end();
	forget_ended();
}

void deadlock_fork_child(void)
{
	for (unsigned int i = 0; i < TOLD; i++)
		told[i].id = 0;
	search = (struct search){ .stack = NULL };
}
#endif
