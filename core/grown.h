/* SPDX-License-Identifier: MIT */
/* Stacks that a task has besides its own. See core/grown.c. */
#ifndef OA_CORE_GROWN_H
#define OA_CORE_GROWN_H

#include "core/stack.h"
#include "core/task.h"

/* A call on a stack of its own; at the top of that stack. */
struct grown {
	void *outer;		/* T; struct grown that it was called in */
	void **head;		/* I; the chain that this is in */
	struct task *task;	/* I; whose chain it is, or NULL */
	struct stack *stack;	/* I */
	bool shared;		/* I; one of those of the runtime's tasks */
	char *under;		/* I; where the caller's frame begins */
	oa_fn fn;		/* I */
	void *arg;		/* I */
	bool returned;		/* T; no exception came through */
	struct san_ctx from;	/* T; of the caller's stack */
};

/*
 * The running task @t, or the pool's thread with it. Gives up all stacks that
 * it has grown, and calls then(t, result) on the one that it began on; returns
 * if there are none.
 */
void grown_leave(struct task *t, void (*then)(struct task *t, void *result),
		 void *result);

/* @t never runs again, wherever it was left. */
void grown_drop(struct task *t);
/*
 * The same, where others may still use what lies on them: they are put on a
 * list, by ->next, the first of coroutines' and the second of the task's own.
 */
void grown_bury(struct task *t, struct stack *list[2]);
/* They stay when the runtime goes. */
void grown_keep(struct task *t);

/* The running task @t, in a signal handler: whose guard has @at, or NULL. */
const struct stack *grown_guard(const struct task *t, const char *at);

#endif
