/* SPDX-License-Identifier: MIT */
/* aarch64: pause, cycle counter, control word, thread pointer. */
#ifndef OA_ARCH_AARCH64_CPU_H
#define OA_ARCH_AARCH64_CPU_H

/* A spinning thread's breath: yield is a nop on most cores, isb is not. */
__always_inline_oa void arch_cpu_relax(void)
{
	__asm__ volatile("isb" : : : "memory");
}

/* The line will be written: it is to come so at once, not to be read first. */
__always_inline_oa void arch_fetch_to_write(const void *p)
{
	__builtin_prefetch(p, 1);
}

/* A counter of constant rate, not ordered with what stands around it. */
__always_inline_oa uint64_t arch_cycles(void)
{
	uint64_t v;

	__asm__ volatile("mrs	%0, cntvct_el0" : "=r" (v));
	return v;
}

/* The control word that the ABI has a called function keep. */
struct arch_fpctl {
	uint64_t fpcr;
};

#define ARCH_FPCTL_DEFAULT	((struct arch_fpctl){ 0 })

__always_inline_oa void arch_fpctl_save(struct arch_fpctl *f)
{
	__asm__ volatile("mrs	%0, fpcr" : "=r" (f->fpcr));
}

__always_inline_oa void arch_fpctl_load(const struct arch_fpctl *f)
{
	__asm__ volatile("msr	fpcr, %0" : : "r" (f->fpcr) : "memory");
}

__always_inline_oa int arch_fpctl_equal(const struct arch_fpctl *a,
					const struct arch_fpctl *b)
{
	return a->fpcr == b->fpcr;
}

/*
 * The address of a thread-local variable must not be kept over a switch: the
 * stack may go on in another thread. So neither compiler nor link-time
 * optimiser gets to see one: each use is an asm of its own. @var: a pointer,
 * `extern __thread T *var __hidden_symbol`, defined in a C file with
 * __attribute__((used)).
 */
#define arch_tls_load(var) ({						\
	void *_tls, *_tp;						\
	__asm__ volatile("mrs	%1, tpidr_el0\n\t"			\
			 "adrp	%0, :gottprel:" #var "\n\t"		\
			 "ldr	%0, [%0, :gottprel_lo12:" #var "]\n\t"	\
			 "ldr	%0, [%0, %1]"				\
			 : "=&r" (_tls), "=&r" (_tp) : : "memory");	\
	(__typeof__(var))_tls; })

#define arch_tls_store(var, value) do {					\
	__typeof__(var) _val = (value);					\
	void *_tls, *_tp;						\
	__asm__ volatile("mrs	%1, tpidr_el0\n\t"			\
			 "adrp	%0, :gottprel:" #var "\n\t"		\
			 "ldr	%0, [%0, :gottprel_lo12:" #var "]\n\t"	\
			 "str	%2, [%0, %1]"				\
			 : "=&r" (_tls), "=&r" (_tp)			\
			 : "r" (_val) : "memory");			\
} while (0)

#endif
