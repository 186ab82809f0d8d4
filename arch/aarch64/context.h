/* SPDX-License-Identifier: MIT */
/* Switching stacks on aarch64. Included by arch/arch.h. */
#ifndef OA_ARCH_AARCH64_CONTEXT_H
#define OA_ARCH_AARCH64_CONTEXT_H

/* struct arch_frame and what keeps the stack aligned; there is no red zone. */
#define ARCH_FRAME_SKIP	32

/*
 * What a call may destroy and these switches do, but for the operands. No
 * switch touches x18, the platform's register; on Linux compilers use it as a
 * scratch register, so it is a clobber too. The low halves of v8-v15 are
 * callee-saved: as clobbers they get saved.
 */
#ifdef __ARM_FEATURE_SVE
#define ARCH_CLOBBER_SVE \
	, "p0", "p1", "p2", "p3", "p4", "p5", "p6", "p7", "p8", "p9", "p10", \
	"p11", "p12", "p13", "p14", "p15"
#else
#define ARCH_CLOBBER_SVE
#endif
#define ARCH_CLOBBER_FP \
	"v0", "v1", "v2", "v3", "v4", "v5", "v6", "v7", "v8", "v9", "v10", \
	"v11", "v12", "v13", "v14", "v15", "v16", "v17", "v18", "v19", "v20", \
	"v21", "v22", "v23", "v24", "v25", "v26", "v27", "v28", "v29", "v30", \
	"v31" ARCH_CLOBBER_SVE

/* Expects the address of the target's arch_frame in x9. */
#define ARCH_RESUME_X9 \
	"ldp	x10, x29, [x9]\n\t" \
	"ldr	x19, [x9, #16]\n\t" \
	"add	sp, x9, #32\n\t" \
	"br	x10\n"

/*
 * arch_switch - suspend into @from, resume @to with @payload
 *
 * Returns the payload of whoever resumes @from. Nothing that is tied to the
 * thread may be kept over it, thread-local addresses included.
 *
 * x19 and x29, which compilers may reserve and then refuse as clobbers, are
 * kept in the frame; all other registers are clobbers, so that only what is
 * live gets saved. hint 36 is `bti j`.
 */
__always_inline_oa void *arch_switch(struct arch_ctx *from,
				     struct arch_ctx *to, void *payload)
{
	register void *x0 __asm__("x0") = payload;
	register void *x1 __asm__("x1") = from;
	register void *x2 __asm__("x2") = to;

	__asm__ volatile(
		"adr	x10, 1f\n\t"
		"sub	sp, sp, #32\n\t"
		"mov	x9, sp\n\t"
		"stp	x10, x29, [x9]\n\t"
		"str	x19, [x9, #16]\n\t"
		"str	x9, [x1]\n\t"
		"ldr	x9, [x2]\n\t"
		ARCH_RESUME_X9
		"1:	hint	#36"
		: "+r" (x0), "+r" (x1), "+r" (x2)
		:
		: "x3", "x4", "x5", "x6", "x7", "x8", "x9", "x10", "x11",
		  "x12", "x13", "x14", "x15", "x16", "x17", "x18", "x20",
		  "x21", "x22", "x23", "x24", "x25", "x26", "x27", "x28",
		  "x30",
		  ARCH_CLOBBER_FP, "memory", "cc");
	return x0;
}

/*
 * return arch_return(x) in place of return x, in a function that has switched:
 * a jump on x86-64. Here callers would need a landing pad for that.
 */
__always_inline_oa void *arch_return(void *result)
{
	return result;
}

__always_inline_oa int arch_return_int(int result)
{
	return result;
}

/* Resume @to and save nothing: the present stack is free from here on. */
__always_inline_oa __noreturn_fn void arch_jump(struct arch_ctx *to,
						void *payload)
{
	register void *x0 __asm__("x0") = payload;
	register void *x9 __asm__("x9") = to->sp;

	__asm__ volatile(ARCH_RESUME_X9 : : "r" (x0), "r" (x9) : "memory");
	__builtin_unreachable();
}

/* Abandon all frames of this stack and call entry(payload) at its top. */
__always_inline_oa __noreturn_fn void
arch_restart(void *stack_top, void (*entry)(void *payload), void *payload)
{
	register void *x0 __asm__("x0") = payload;
	register void (*x10)(void *) __asm__("x10") = entry;
	register uintptr_t x9 __asm__("x9") =
		(uintptr_t)stack_top & ~(uintptr_t)15;

	__asm__ volatile("mov	sp, x9\n\t"
			 "mov	x19, x10\n\t"
			 "mov	x29, xzr\n\t"
			 "b	arch_entry"
			 : : "r" (x0), "r" (x9), "r" (x10) : "memory");
	__builtin_unreachable();
}

#endif
