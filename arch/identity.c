// SPDX-License-Identifier: MIT
/*
 * The thread sanitizer's identities of stacks, kept from one stack to the next:
 * to make one takes new memory, with gcc's as much as its thread-local storage
 * (readelf -l libtsan.so) and more, and a program that starts runtimes again
 * and again would do little else.
 *
 * The sanitizer is to learn of no order between who leaves one here and who
 * takes it, so it does not look into this file. Nobody waits here either, not
 * even in a child of fork() whose parent held the lock.
 */
#include <stdbool.h>

#include "arch/san.h"

#ifdef OA_TSAN

#define KEPT_MAX 256
/* The frames that a stack rests in stay on record with its identity. */
#define LIVES	 100

static struct {
	int lock;			/* A; pairs enter() with leave() */
	unsigned int n;			/* L:lock */
	struct san_ctx of[KEPT_MAX];	/* L:lock */
} kept;

static __unseen bool enter(void)
{
	return !__atomic_exchange_n(&kept.lock, 1, __ATOMIC_ACQUIRE);
}

static __unseen void leave(void)
{
	__atomic_store_n(&kept.lock, 0, __ATOMIC_RELEASE);
}

__unseen void san_identity_get(struct san_ctx *s)
{
	if (enter()) {
		if (kept.n)
			*s = kept.of[--kept.n];
		leave();
	}
	if (!s->identity)
		s->identity = __tsan_create_fiber(0);
}

__unseen void san_identity_put(struct san_ctx *s)
{
	if (++s->lives < LIVES && enter()) {
		if (kept.n < KEPT_MAX) {
			kept.of[kept.n++] = *s;
			s->identity = NULL;
		}
		leave();
	}
	san_ctx_fini(s);
}

#endif
