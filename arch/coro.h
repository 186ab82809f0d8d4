/* SPDX-License-Identifier: MIT */
/* What core may change about coroutines. */
#ifndef OA_ARCH_CORO_H
#define OA_ARCH_CORO_H

struct oa_coro;
struct san_ctx;

/*
 * Where the caller's chain of running coroutines begins. A task that runs one
 * takes the chain along when it goes on in another thread, so it must keep the
 * pointer itself: the function gives its address, or NULL outside a task, and
 * then the thread keeps it. Called on every resume and suspend, never over a
 * switch. Set once, before the first task runs.
 */
typedef struct oa_coro **(*coro_slot_fn)(void);

void coro_set_slot(coro_slot_fn slot);

/*
 * Deadlines that are entered in a coroutine go with it. Called by who resumes
 * one, before and after, with two words of it to keep them in. Set likewise.
 */
typedef void (*coro_turn_fn)(void **inner, void **base);

void coro_set_turns(coro_turn_fn enter, coro_turn_fn leave);

/* For core/grown.c: the innermost that the caller is in, or NULL. */
struct oa_coro *coro_running(void);
/* The one that it was resumed in, or NULL. */
struct oa_coro *coro_outer(const struct oa_coro *co);
/* Its own stack. */
void coro_bounds(const struct oa_coro *co, const char **low, const char **high);
/* The stacks that it has besides, the innermost; core's. */
void **coro_grown(struct oa_coro *co);
struct san_ctx *coro_san(struct oa_coro *co);
/* What sees to those when it is destroyed. Set before there are any. */
void coro_set_drop(void (*drop)(struct oa_coro *co));

#endif
