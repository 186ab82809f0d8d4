/* SPDX-License-Identifier: MIT */
/* Who waits for whom: a glance at the waits of tasks. See core/waitgraph.c. */
#ifndef OA_CORE_WAITGRAPH_H
#define OA_CORE_WAITGRAPH_H

#include "core/task.h"

/* One wait, as it was when it was looked at. */
struct wait_link {
	struct task *task;
	oa_task_t id;
	uint64_t word;			/* the wait word */
	const char *what;		/* "mutex", "join", ... */
	const void *on;			/* the object, or the joined task */
	unsigned int next;		/* which holder is to be looked at next */
	bool loose;			/* leads to a scope: to be seen again */
};

/* What @t waits for and is not open to a glance stays "object" and NULL. */
bool wait_look(struct task *t, struct wait_link *l);

/* That wait still, all the time since? */
bool wait_lasts(const struct wait_link *l);

/*
 * The @i-th of those that all have to go on before that wait can end; NULL:
 * no more, or nobody knows. Only scopes have more than one.
 */
struct task *wait_holder(const struct wait_link *l, unsigned int i);

/*
 * A ring of waits, none with a deadline, that can be reached from @t: its
 * links lie at stack[*from] to stack[n - 1], n is returned; 0: there is none.
 * @marks: a byte for each descriptor, of those that were looked at before;
 * NULL: only a ring that @t is part of counts, and little is looked at.
 */
unsigned int waitgraph_ring(struct task *t, struct wait_link *stack,
			    unsigned int room, unsigned char *marks,
			    unsigned int *from);

/* Is @t in a ring that is no longer than most? */
bool waitgraph_stuck(struct task *t);

/*
 * Since when has it been seen in the wait that @word says; 0: it was not
 * before, and is from now on.
 */
oa_time_t waitgraph_since(const struct task *t, uint64_t word, oa_time_t now);

/*
 * Of sync/, which knows the objects: the @i-th who holds what lies at @on, by
 * the name that waits on it have. The memory may have gone, and what is told
 * is to be checked: it may be no task.
 */
const void *object_holder(const char *what, const void *on, unsigned int i);
/* Of sync/: who has opened that scope, a glance. It may be no task. */
const void *scope_opener(const void *scope);

#endif
