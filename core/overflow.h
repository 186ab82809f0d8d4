/* SPDX-License-Identifier: MIT */
/* The report of a stack overflow. See core/overflow.c. */
#ifndef OA_CORE_OVERFLOW_H
#define OA_CORE_OVERFLOW_H

struct stack;
struct task;

/* Once per process: a SIGSEGV handler in front of what was there. */
void overflow_install(void);
/* A worker's thread: a signal stack of its own, unless it has one. */
void overflow_thread(void);
void overflow_thread_gone(void);
/* Owner, on @t's stack, which has no guard: ends the process if it was left. */
void overflow_check(const struct task *t);
/* It was, by @t (NULL: a thread), on @s. */
void overflow_found(const struct task *t, const struct stack *s)
	__attribute__((noreturn));

#endif
