/* SPDX-License-Identifier: MIT */
/* Switching stacks on x86-64. Included by arch/arch.h. */
#ifndef OA_ARCH_X86_64_CONTEXT_H
#define OA_ARCH_X86_64_CONTEXT_H

/* struct arch_frame, and the red zone of the function that suspends. */
#define ARCH_FRAME_SKIP	152

/* What a call may destroy and these switches do, but for the operands. */
#ifdef __AVX512F__
#define ARCH_CLOBBER_AVX512 \
	, "xmm16", "xmm17", "xmm18", "xmm19", "xmm20", "xmm21", "xmm22", \
	"xmm23", "xmm24", "xmm25", "xmm26", "xmm27", "xmm28", "xmm29", \
	"xmm30", "xmm31", "k0", "k1", "k2", "k3", "k4", "k5", "k6", "k7"
#else
#define ARCH_CLOBBER_AVX512
#endif
#define ARCH_CLOBBER_FP \
	"xmm0", "xmm1", "xmm2", "xmm3", "xmm4", "xmm5", "xmm6", "xmm7", \
	"xmm8", "xmm9", "xmm10", "xmm11", "xmm12", "xmm13", "xmm14", \
	"xmm15", "st", "st(1)", "st(2)", "st(3)", "st(4)", "st(5)", \
	"st(6)", "st(7)" ARCH_CLOBBER_AVX512

/* Expects the address of the target's arch_frame in rcx. */
#define ARCH_RESUME_RCX \
	"movq	0(%%rcx), %%rax\n\t" \
	"movq	8(%%rcx), %%rbp\n\t" \
	"movq	16(%%rcx), %%rbx\n\t" \
	"leaq	152(%%rcx), %%rsp\n\t" \
	"jmpq	*%%rax\n"

/*
 * arch_switch - suspend into @from, resume @to with @payload
 *
 * Returns the payload of whoever resumes @from. Nothing that is tied to the
 * thread may be kept over it, thread-local addresses included.
 *
 * rbx and rbp, which compilers may reserve and then refuse as clobbers, are
 * kept in the frame; all other registers are clobbers, so that only what is
 * live gets saved.
 */
__always_inline_oa void *arch_switch(struct arch_ctx *from,
				     struct arch_ctx *to, void *payload)
{
	__asm__ volatile(
		"leaq	-152(%%rsp), %%rcx\n\t"
		"movq	%%rcx, %%rsp\n\t"
		"leaq	1f(%%rip), %%rax\n\t"
		"movq	%%rax, 0(%%rcx)\n\t"
		"movq	%%rbp, 8(%%rcx)\n\t"
		"movq	%%rbx, 16(%%rcx)\n\t"
		"movq	%%rcx, (%%rsi)\n\t"
		"movq	(%%rdx), %%rcx\n\t"
		ARCH_RESUME_RCX
		"1:	endbr64"
		: "+D" (payload), "+S" (from), "+d" (to)
		:
		: "rax", "rcx", "r8", "r9", "r10", "r11", "r12", "r13", "r14",
		  "r15", ARCH_CLOBBER_FP, "memory", "cc");
	return payload;
}

/*
 * return arch_return(x) in place of return x, in a function that has switched:
 * the processor expects it to return to where the other stack's last call came
 * from, and guesses wrong unless both came from one place. As a tail call this
 * jumps there instead, which is predicted by history: 20 ns less for a resume
 * and a suspend. Not worth it where both sides do come from one place.
 */
void *arch_return(void *result) __hidden_symbol;
/* The same for an int: a conversion of the other would be no tail call. */
int arch_return_int(int result) __asm__("arch_return") __hidden_symbol;

/* Resume @to and save nothing: the present stack is free from here on. */
__always_inline_oa __noreturn_fn void arch_jump(struct arch_ctx *to,
						void *payload)
{
	__asm__ volatile(ARCH_RESUME_RCX
			 : : "c" (to->sp), "D" (payload) : "memory");
	__builtin_unreachable();
}

/* Abandon all frames of this stack and call entry(payload) at its top. */
__always_inline_oa __noreturn_fn void
arch_restart(void *stack_top, void (*entry)(void *payload), void *payload)
{
	uintptr_t top = (uintptr_t)stack_top & ~(uintptr_t)15;

	__asm__ volatile("movq	%0, %%rsp\n\t"
			 "movq	%1, %%rbx\n\t"
			 "xorl	%%ebp, %%ebp\n\t"
			 "jmp	arch_entry"
			 : : "a" (top), "S" (entry), "D" (payload) : "memory");
	__builtin_unreachable();
}

#endif
