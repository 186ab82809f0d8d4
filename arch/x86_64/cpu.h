/* SPDX-License-Identifier: MIT */
/* x86-64: pause, cycle counter, control words, thread pointer. */
#ifndef OA_ARCH_X86_64_CPU_H
#define OA_ARCH_X86_64_CPU_H

/* A spinning thread's breath. */
__always_inline_oa void arch_cpu_relax(void)
{
	__asm__ volatile("pause" : : : "memory");
}

/*
 * The line will be written: it is to come so at once, not to be read first.
 * (Which the compiler's builtin leaves out without -mprfchw; processors that
 * do not know the instruction take it for a nop.)
 */
__always_inline_oa void arch_fetch_to_write(const void *p)
{
	__asm__ volatile("prefetchw %0" : : "m" (*(const char *)p));
}

/* A counter of constant rate, not ordered with what stands around it. */
__always_inline_oa uint64_t arch_cycles(void)
{
	uint32_t lo, hi;

	__asm__ volatile("rdtsc" : "=a" (lo), "=d" (hi));
	return (uint64_t)hi << 32 | lo;
}

/*
 * The control words that the ABI has a called function keep: rounding,
 * masks and flush-to-zero of SSE (MXCSR), rounding, masks and precision of
 * the x87. The exception flags in MXCSR belong to nobody.
 */
struct arch_fpctl {
	uint32_t mxcsr;
	uint16_t x87;
};

#define ARCH_MXCSR_FLAGS	0x3fu
#define ARCH_FPCTL_DEFAULT	((struct arch_fpctl){ 0x1f80, 0x037f })

__always_inline_oa void arch_fpctl_save(struct arch_fpctl *f)
{
	__asm__ volatile("stmxcsr %0" : "=m" (f->mxcsr));
	__asm__ volatile("fnstcw %0" : "=m" (f->x87));
}

__always_inline_oa void arch_fpctl_load(const struct arch_fpctl *f)
{
	__asm__ volatile("ldmxcsr %0" : : "m" (f->mxcsr) : "memory");
	__asm__ volatile("fldcw %0" : : "m" (f->x87) : "memory");
}

__always_inline_oa int arch_fpctl_equal(const struct arch_fpctl *a,
					const struct arch_fpctl *b)
{
	return !((a->mxcsr ^ b->mxcsr) & ~ARCH_MXCSR_FLAGS) &&
	       a->x87 == b->x87;
}

/*
 * The address of a thread-local variable must not be kept over a switch: the
 * stack may go on in another thread. So neither compiler nor link-time
 * optimiser gets to see one: each use is an asm of its own. @var: a pointer,
 * `extern __thread T *var __hidden_symbol`, defined in a C file with
 * __attribute__((used)).
 */
#define arch_tls_load(var) ({						\
	void *_tls;							\
	__asm__ volatile("movq " #var "@gottpoff(%%rip), %0\n\t"	\
			 "movq %%fs:(%0), %0" : "=r" (_tls)		\
			 : : "memory");					\
	(__typeof__(var))_tls; })

#define arch_tls_store(var, value) do {					\
	__typeof__(var) _val = (value);					\
	void *_tls;							\
	__asm__ volatile("movq " #var "@gottpoff(%%rip), %0\n\t"	\
			 "movq %1, %%fs:(%0)" : "=&r" (_tls)		\
			 : "r" (_val) : "memory");			\
} while (0)

#endif
