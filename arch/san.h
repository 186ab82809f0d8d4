/* SPDX-License-Identifier: MIT */
/*
 * What sanitizers and Valgrind must be told about a switch of stacks. All of
 * it is empty in an ordinary build, but for the registration with Valgrind.
 *
 * A struct san_ctx stands beside each struct arch_ctx. Around a switch:
 *
 *	san_leave(&from->san, &to->san);
 *	prev = arch_switch(&from->ctx, &to->ctx, from);
 *	san_arrive(&from->san, &prev->san);
 *
 * with nothing in between, and san_arrive() is the first thing that an entry
 * function does. san_leave_last() and arch_jump() go away for good.
 *
 * The bounds of a stack are learned by whoever arrives from it, so they need
 * to be known beforehand only for stacks that were never left. A context
 * whose stack changes while it runs (a task inside a coroutine) comes out
 * right by itself, provided that every arrival names where it came from.
 *
 * The functions are inlined into whoever switches, since a call between the
 * announcement and the jump would return on the wrong shadow stack.
 */
#ifndef OA_ARCH_SAN_H
#define OA_ARCH_SAN_H

#include "core/compiler.h"

#ifdef OA_ASAN
#include <sanitizer/asan_interface.h>
#include <sanitizer/common_interface_defs.h>
#include <sanitizer/lsan_interface.h>
#endif
#ifdef OA_TSAN
#include <sanitizer/tsan_interface.h>
#endif
#if !defined(NVALGRIND) && defined(__has_include)
#if __has_include(<valgrind/valgrind.h>)
#include <valgrind/valgrind.h>
#define OA_VALGRIND 1
#endif
#endif

struct san_ctx {
#ifdef OA_ASAN
	void *fake;		/* its fake stack while it is suspended */
	const void *bottom;
	size_t size;
#endif
#ifdef OA_TSAN
	void *identity;		/* NULL until it first runs */
	unsigned int lives;	/* how often it was another stack's before */
#endif
};

#ifdef OA_TSAN
void san_identity_get(struct san_ctx *s);
void san_identity_put(struct san_ctx *s);
#endif

/* A stack that has not run yet. */
__always_inline_oa void san_ctx_init(struct san_ctx *s, void *bottom,
				     size_t size)
{
	(void)s, (void)bottom, (void)size;
#ifdef OA_ASAN
	s->fake = NULL;
	s->bottom = bottom;
	s->size = size;
#endif
#ifdef OA_TSAN
	s->identity = NULL;
	s->lives = 0;
#endif
}

/* The last announcement before a switch. */
__always_inline_oa void san_leave(struct san_ctx *from, struct san_ctx *to)
{
	(void)from, (void)to;
#ifdef OA_ASAN
	__sanitizer_start_switch_fiber(&from->fake, to->bottom, to->size);
#endif
#ifdef OA_TSAN
	if (!to->identity)
		san_identity_get(to);
	from->identity = __tsan_get_current_fiber();
	__tsan_switch_to_fiber(to->identity, 0);
#endif
}

/* The same from a stack that nobody will resume; then san_ctx_fini() it. */
__always_inline_oa void san_leave_last(struct san_ctx *to)
{
	(void)to;
#ifdef OA_ASAN
	__sanitizer_start_switch_fiber(NULL, to->bottom, to->size);
#endif
#ifdef OA_TSAN
	if (!to->identity)
		san_identity_get(to);
	__tsan_switch_to_fiber(to->identity, 0);
#endif
}

/* On @self's stack again, or at last, coming from @prev if that still lives. */
__always_inline_oa void san_arrive(struct san_ctx *self, struct san_ctx *prev)
{
	(void)self, (void)prev;
#ifdef OA_ASAN
	__sanitizer_finish_switch_fiber(self->fake,
					prev ? &prev->bottom : NULL,
					prev ? &prev->size : NULL);
	self->fake = NULL;
#endif
}

/* Before arch_restart() on one's own stack: its frames are gone. */
__always_inline_oa void san_restart(struct san_ctx *self, void *bottom,
				    size_t size)
{
	(void)self, (void)bottom, (void)size;
#ifdef OA_ASAN
	__asan_unpoison_memory_region(bottom, size);
#endif
#ifdef OA_TSAN
	/* the frames were entered and will not be left: start a new history */
	void *old = __tsan_get_current_fiber();

	self->identity = __tsan_create_fiber(0);
	self->lives = 0;
	__tsan_switch_to_fiber(self->identity, 0);
	__tsan_destroy_fiber(old);
#endif
}

/*
 * A call that goes on on another stack. For the thread sanitizer it is a call
 * like any other. Around arch_call_on(), @from beside the caller's stack:
 *
 *	san_call_leave(&from, &to);
 *	arch_call_on(..., fn, ...);	fn: san_call_begin(&from); ...
 *					san_call_end(&from);
 *	san_call_back(&from);
 *
 * An exception that came through has san_call_end() done with the last.
 */
__always_inline_oa void san_call_leave(struct san_ctx *from,
				       const struct san_ctx *to)
{
	(void)from, (void)to;
#ifdef OA_ASAN
	__sanitizer_start_switch_fiber(&from->fake, to->bottom, to->size);
#endif
}

__always_inline_oa void san_call_begin(struct san_ctx *from)
{
	(void)from;
#ifdef OA_ASAN
	__sanitizer_finish_switch_fiber(NULL, &from->bottom, &from->size);
#endif
}

__always_inline_oa void san_call_end(const struct san_ctx *from)
{
	(void)from;
#ifdef OA_ASAN
	__sanitizer_start_switch_fiber(NULL, from->bottom, from->size);
#endif
}

__always_inline_oa void san_call_back(struct san_ctx *from)
{
	(void)from;
#ifdef OA_ASAN
	__sanitizer_finish_switch_fiber(from->fake, NULL, NULL);
	from->fake = NULL;
#endif
}

/* An exception has left frames on the caller's stack as well. */
__always_inline_oa void san_call_unwound(void)
{
#ifdef OA_ASAN
	__asan_handle_no_return();
#endif
}

/* @to never runs again: what it would have found again is @from's. */
__always_inline_oa void san_inherit(struct san_ctx *to, struct san_ctx *from)
{
	(void)to, (void)from;
#ifdef OA_ASAN
	to->fake = from->fake;
	from->fake = NULL;
#endif
}

/* A suspended context, or one that left for good, is given up. */
static inline void san_ctx_fini(struct san_ctx *s)
{
	(void)s;
#ifdef OA_ASAN
	/* only its owner can free a fake stack: be that for a moment */
	if (s->fake) {
		const void *bottom;
		size_t size;
		void *mine;

		__sanitizer_start_switch_fiber(&mine, s->bottom, s->size);
		__sanitizer_finish_switch_fiber(s->fake, &bottom, &size);
		__sanitizer_start_switch_fiber(NULL, bottom, size);
		__sanitizer_finish_switch_fiber(mine, NULL, NULL);
		s->fake = NULL;
	}
#endif
#ifdef OA_TSAN
	if (s->identity)
		__tsan_destroy_fiber(s->identity);
	s->identity = NULL;
#endif
}

/*
 * The same of a stack that nothing was left on but the frames it always rests
 * in: another one can go on with what the sanitizer has of it.
 */
static inline void san_ctx_rest(struct san_ctx *s)
{
#ifdef OA_TSAN
	if (s->identity)
		san_identity_put(s);
#else
	san_ctx_fini(s);
#endif
}

/* Frames left on a stack without returning are forgotten. */
__always_inline_oa void san_stack_clean(void *bottom, size_t size)
{
	(void)bottom, (void)size;
#ifdef OA_ASAN
	__asan_unpoison_memory_region(bottom, size);
#endif
}

/*
 * Memory that holds stacks, guard pages excluded, from its reservation to its
 * release. The result is for san_stack_remove().
 */
static inline unsigned int san_stack_add(void *bottom, size_t size)
{
	(void)bottom, (void)size;
#ifdef OA_ASAN
	/* what only a suspended stack points to is not lost */
	__lsan_register_root_region(bottom, size);
#endif
#ifdef OA_VALGRIND
	return VALGRIND_STACK_REGISTER(bottom, (char *)bottom + size);
#else
	return 0;
#endif
}

static inline void san_stack_remove(unsigned int id, void *bottom, size_t size)
{
	(void)id, (void)bottom, (void)size;
#ifdef OA_ASAN
	__asan_unpoison_memory_region(bottom, size);
	__lsan_unregister_root_region(bottom, size);
#endif
#ifdef OA_VALGRIND
	VALGRIND_STACK_DEREGISTER(id);
#endif
}

#endif
