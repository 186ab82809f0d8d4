/* SPDX-License-Identifier: MIT */
/* What core may change about coroutines. */
#ifndef OA_ARCH_CORO_H
#define OA_ARCH_CORO_H

struct oa_coro;

/*
 * Where the caller's chain of running coroutines begins. A task that runs one
 * takes the chain along when it goes on in another thread, so it must keep the
 * pointer itself: the function gives its address, or NULL outside a task, and
 * then the thread keeps it. Called on every resume and suspend, never over a
 * switch. Set once, before the first task runs.
 */
typedef struct oa_coro **(*coro_slot_fn)(void);

void coro_set_slot(coro_slot_fn slot);

#endif
