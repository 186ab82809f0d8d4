/* SPDX-License-Identifier: MIT */
/* What the ABI has a call keep, a switch keeps, whatever the other side did. */
#include "selftests/arch/arch_test.h"

#include <string.h>

static struct test_ctx home, away;

/*
 * Gives every callee-saved register a value made from one of words[], calls
 * arch_switch_call(from, to, NULL), and writes down what came back.
 */
void keeps_registers(struct arch_ctx *from, struct arch_ctx *to,
		     uint64_t *words);

#ifdef __x86_64__
#define NR_SAVED	6

__asm__("	.pushsection .text\n"
	"	.globl	keeps_registers\n"
	"	.type	keeps_registers, @function\n"
	"keeps_registers:\n"
	"	endbr64\n"
	"	pushq	%rbx\n"
	"	pushq	%rbp\n"
	"	pushq	%r12\n"
	"	pushq	%r13\n"
	"	pushq	%r14\n"
	"	pushq	%r15\n"
	"	pushq	%rdx\n"
	"	movq	0(%rdx), %rbx\n"
	"	movq	8(%rdx), %rbp\n"
	"	movq	16(%rdx), %r12\n"
	"	movq	24(%rdx), %r13\n"
	"	movq	32(%rdx), %r14\n"
	"	movq	40(%rdx), %r15\n"
	"	xorl	%edx, %edx\n"
	"	call	arch_switch_call\n"
	"	movq	(%rsp), %rdx\n"
	"	movq	%rbx, 0(%rdx)\n"
	"	movq	%rbp, 8(%rdx)\n"
	"	movq	%r12, 16(%rdx)\n"
	"	movq	%r13, 24(%rdx)\n"
	"	movq	%r14, 32(%rdx)\n"
	"	movq	%r15, 40(%rdx)\n"
	"	popq	%rdx\n"
	"	popq	%r15\n"
	"	popq	%r14\n"
	"	popq	%r13\n"
	"	popq	%r12\n"
	"	popq	%rbp\n"
	"	popq	%rbx\n"
	"	ret\n"
	"	.size	keeps_registers, . - keeps_registers\n"
	"	.popsection\n");

/* All that may be named; frame and base pointer are the switch's own matter. */
__always_inline_oa void spoil_registers(void)
{
	__asm__ volatile("movq $-1, %%r12\n\tmovq $-2, %%r13\n\t"
			 "movq $-3, %%r14\n\tmovq $-4, %%r15\n\t"
			 "pcmpeqd %%xmm0, %%xmm0\n\t"
			 "pcmpeqd %%xmm7, %%xmm7\n\t"
			 "pcmpeqd %%xmm8, %%xmm8\n\t"
			 "pcmpeqd %%xmm15, %%xmm15"
			 : : : "r12", "r13", "r14", "r15", "xmm0", "xmm7",
			 "xmm8", "xmm15");
}
#else
#define NR_SAVED	19		/* x19-x28, x29, d8-d15 */

__asm__("	.pushsection .text\n"
	"	.globl	keeps_registers\n"
	"	.type	keeps_registers, %function\n"
	"keeps_registers:\n"
	"	hint	#34\n"
	"	sub	sp, sp, #176\n"
	"	stp	x19, x20, [sp]\n"
	"	stp	x21, x22, [sp, #16]\n"
	"	stp	x23, x24, [sp, #32]\n"
	"	stp	x25, x26, [sp, #48]\n"
	"	stp	x27, x28, [sp, #64]\n"
	"	stp	x29, x30, [sp, #80]\n"
	"	stp	d8, d9, [sp, #96]\n"
	"	stp	d10, d11, [sp, #112]\n"
	"	stp	d12, d13, [sp, #128]\n"
	"	stp	d14, d15, [sp, #144]\n"
	"	str	x2, [sp, #160]\n"
	"	ldp	x19, x20, [x2]\n"
	"	ldp	x21, x22, [x2, #16]\n"
	"	ldp	x23, x24, [x2, #32]\n"
	"	ldp	x25, x26, [x2, #48]\n"
	"	ldp	x27, x28, [x2, #64]\n"
	"	ldr	x29, [x2, #80]\n"
	"	ldp	d8, d9, [x2, #88]\n"
	"	ldp	d10, d11, [x2, #104]\n"
	"	ldp	d12, d13, [x2, #120]\n"
	"	ldp	d14, d15, [x2, #136]\n"
	"	mov	x2, xzr\n"
	"	bl	arch_switch_call\n"
	"	ldr	x2, [sp, #160]\n"
	"	stp	x19, x20, [x2]\n"
	"	stp	x21, x22, [x2, #16]\n"
	"	stp	x23, x24, [x2, #32]\n"
	"	stp	x25, x26, [x2, #48]\n"
	"	stp	x27, x28, [x2, #64]\n"
	"	str	x29, [x2, #80]\n"
	"	stp	d8, d9, [x2, #88]\n"
	"	stp	d10, d11, [x2, #104]\n"
	"	stp	d12, d13, [x2, #120]\n"
	"	stp	d14, d15, [x2, #136]\n"
	"	ldp	x19, x20, [sp]\n"
	"	ldp	x21, x22, [sp, #16]\n"
	"	ldp	x23, x24, [sp, #32]\n"
	"	ldp	x25, x26, [sp, #48]\n"
	"	ldp	x27, x28, [sp, #64]\n"
	"	ldp	x29, x30, [sp, #80]\n"
	"	ldp	d8, d9, [sp, #96]\n"
	"	ldp	d10, d11, [sp, #112]\n"
	"	ldp	d12, d13, [sp, #128]\n"
	"	ldp	d14, d15, [sp, #144]\n"
	"	add	sp, sp, #176\n"
	"	ret\n"
	"	.size	keeps_registers, . - keeps_registers\n"
	"	.popsection\n");

__always_inline_oa void spoil_registers(void)
{
	__asm__ volatile("mov x20, #-1\n\tmov x21, #-2\n\tmov x22, #-3\n\t"
			 "mov x23, #-4\n\tmov x24, #-5\n\tmov x25, #-6\n\t"
			 "mov x26, #-7\n\tmov x27, #-8\n\tmov x28, #-9\n\t"
			 "fmov d8, x20\n\tfmov d9, x20\n\tfmov d10, x20\n\t"
			 "fmov d11, x20\n\tfmov d12, x20\n\tfmov d13, x20\n\t"
			 "fmov d14, x20\n\tfmov d15, x20\n\tfmov d0, x20"
			 : : : "x20", "x21", "x22", "x23", "x24", "x25", "x26",
			 "x27", "x28", "v0", "v8", "v9", "v10", "v11", "v12",
			 "v13", "v14", "v15");
}
#endif

static void spoils_inline(void *payload)
{
	san_arrive(&away.san, &home.san);
	for (;;) {
		spoil_registers();
		payload = test_switch(&away, &home, payload);
	}
}

static void spoils_by_call(void *payload)
{
	san_arrive(&away.san, &home.san);
	for (;;) {
		spoil_registers();
		payload = test_switch_call(&away, &home, payload);
	}
}

static void check_saved(void (*entry)(void *))
{
	uint64_t words[NR_SAVED], want[NR_SAVED];

	test_ctx_init(&away, entry);
	for (uint64_t round = 1; round <= 100; round++) {
		for (unsigned int i = 0; i < NR_SAVED; i++)
			want[i] = round * 0x0101010101010101u + i * 0x1003;
		memcpy(words, want, sizeof(want));
		san_leave(&home.san, &away.san);
		keeps_registers(&home.ctx, &away.ctx, words);
		san_arrive(&home.san, &away.san);
		ASSERT_MEMEQ(words, want, sizeof(want));
	}
	test_ctx_fini(&away);
}

TEST(the_routine_keeps_registers_from_an_inline_switch)
{
	check_saved(spoils_inline);
}

TEST(the_routine_keeps_registers_from_another_routine)
{
	check_saved(spoils_by_call);
}

/*
 * More values than there are registers, integer and floating, live over an
 * inline switch; and a frame whose size the compiler does not know, which
 * makes it use frame and base pointer.
 */
static void __noinline check_live(unsigned int n, bool by_call)
{
	uint64_t a = n, b = n * 3, c = n * 5, d = n * 7, e = n * 11;
	uint64_t f = n * 13, g = n * 17, h = n * 19, i = n * 23, j = n * 29;
	double p = n + .5, q = n + .25, r = n * 1.5, s = n * 2.5, t = n / 3.;
	long double u = (long double)n / 7, v = (long double)n / 9;
	char aligned[64] __aligned_to(64);
	char *grown = __builtin_alloca(n % 7 * 16 + 16);

	__asm__ volatile("" : "+r" (a), "+r" (b), "+r" (c), "+r" (d));
	__asm__ volatile("" : "+r" (e), "+r" (f), "+r" (g), "+r" (h));
	memset(grown, (int)n, n % 7 * 16 + 16);
	memset(aligned, (int)n, sizeof(aligned));
	__asm__ volatile("" : : "r" (grown), "r" (aligned) : "memory");
	if (by_call)
		test_switch_call(&home, &away, NULL);
	else
		test_switch(&home, &away, NULL);
	ASSERT_EQ(a + b * 2 + c * 3 + d * 4 + e * 5 + f * 6 + g * 7 + h * 8 +
		  i * 9 + j * 10, n * 951ul);
	ASSERT_TRUE(p == n + .5 && q == n + .25 && r == n * 1.5);
	ASSERT_TRUE(s == n * 2.5 && t == n / 3.);
	ASSERT_TRUE(u == (long double)n / 7 && v == (long double)n / 9);
	for (unsigned int k = 0; k < n % 7 * 16 + 16; k++)
		ASSERT_EQ(grown[k], (char)n);
	ASSERT_EQ((uintptr_t)aligned % 64, 0);
	ASSERT_EQ(aligned[63], (char)n);
}

TEST(values_live_over_an_inline_switch_survive)
{
	test_ctx_init(&away, spoils_inline);
	for (unsigned int n = 1; n <= 1000; n++)
		check_live(n, false);
	test_ctx_fini(&away);
}

TEST(values_live_over_a_called_switch_survive)
{
	test_ctx_init(&away, spoils_by_call);
	for (unsigned int n = 1; n <= 1000; n++)
		check_live(n, true);
	test_ctx_fini(&away);
}

HARNESS_MAIN
