/* SPDX-License-Identifier: MIT */
/*
 * Switching stacks, one family of processors per folder.
 *
 * A suspended stack is one pointer: the address of a struct arch_frame at the
 * end of that stack. Whoever resumes it loads the three words, sets the stack
 * pointer to the frame's address + ARCH_FRAME_SKIP and jumps to .pc with the
 * payload in the first argument register; what else has to come back is
 * restored by the code at .pc, which knows what it saved. That is why the
 * inline switch, the out-of-line one and a context that never ran can resume
 * one another.
 *
 * The same words are what a debugger needs: with pc, sp and fp set from them,
 * the unwind tables of the code at pc hold. For scripts, from the address F in
 * arch_ctx.sp:
 *
 *	pc = F[0], fp (rbp, x29) = F[8], base (rbx, x19) = F[16],
 *	sp = F + 152 on x86-64 (a red zone lies between), F + 32 on aarch64
 *
 * What is below F is free while the stack is suspended.
 *
 * arch_entry, at the bottom of every stack, says in its unwind table that
 * nobody called it: debuggers, unwinders and exceptions end there.
 *
 * No switch keeps the floating-point control words (arch_fpctl_*), and none
 * supports user shadow stacks: the object of the assembly routines is not
 * marked for them, so that a loader leaves them off. It is marked for landing
 * pads, which are in place.
 */
#ifndef OA_ARCH_ARCH_H
#define OA_ARCH_ARCH_H

#include <stdint.h>

#include "core/compiler.h"

#define __hidden_symbol	__attribute__((visibility("hidden")))

/* A suspended stack. Meaningless while the stack runs. */
struct arch_ctx {
	void *sp;
};

struct arch_frame {
	void *pc;
	void *fp;
	void *base;		/* what compilers may keep as base pointer */
};

/*
 * The same as arch_switch(), arch_jump() as calls of assembly routines.
 * arch_entry is not to be called: it calls .base with the payload and traps
 * if that returns.
 */
void *arch_switch_call(struct arch_ctx *from, struct arch_ctx *to,
		       void *payload) __hidden_symbol;
void arch_jump_call(struct arch_ctx *to, void *payload)
	__hidden_symbol __noreturn_fn;
void arch_entry(void) __hidden_symbol;

/*
 * fn(arg), called on another stack. Unwinders and exceptions go through it to
 * the caller's, as do frame pointers.
 */
void *arch_call_on(void *stack_top, void *(*fn)(void *arg), void *arg)
	__hidden_symbol;

/*
 * fn(arg), where an exception that leaves fn has left all that may catch it, as
 * at arch_entry. Unwinders that look for a handler, and come to either, tell.
 */
void *arch_call_bottom(void *(*fn)(void *arg), void *arg) __hidden_symbol;
/* What is called then, before the program ends; once is enough. */
void arch_set_uncaught(void (*tell)(void)) __hidden_symbol;

#if defined(__x86_64__)
#include "arch/x86_64/context.h"
#include "arch/x86_64/cpu.h"
#elif defined(__aarch64__)
#include "arch/aarch64/context.h"
#include "arch/aarch64/cpu.h"
#else
#error "liboa knows x86-64 and aarch64 only"
#endif

/* The first switch to @c calls entry(payload) on the stack ending there. */
static inline void arch_ctx_init(struct arch_ctx *c, void *stack_top,
				 void (*entry)(void *payload))
{
	uintptr_t top = (uintptr_t)stack_top & ~(uintptr_t)15;
	struct arch_frame *f = (struct arch_frame *)(top - ARCH_FRAME_SKIP);

	f->pc = (void *)arch_entry;
	f->fp = NULL;
	f->base = (void *)entry;
	c->sp = f;
}

static inline void *arch_ctx_pc(const struct arch_ctx *c)
{
	return ((const struct arch_frame *)c->sp)->pc;
}

static inline void *arch_ctx_sp(const struct arch_ctx *c)
{
	return (char *)c->sp + ARCH_FRAME_SKIP;
}

static inline void *arch_ctx_fp(const struct arch_ctx *c)
{
	return ((const struct arch_frame *)c->sp)->fp;
}

/*
 * The control words become @want. Looking first is what makes it cheap: words
 * that are alike but for exception flags, as two tasks' soon are, cost 60 ns to
 * exchange, and 1 ns to compare.
 */
static inline void arch_fpctl_set(const struct arch_fpctl *want)
{
	struct arch_fpctl now;

	arch_fpctl_save(&now);
	if (unlikely(!arch_fpctl_equal(&now, want)))
		arch_fpctl_load(want);
}

/* What a process starts with; for a stack that is handed to a new task. */
static inline void arch_fpctl_reset(void)
{
	struct arch_fpctl start = ARCH_FPCTL_DEFAULT;

	arch_fpctl_set(&start);
}

#endif
