// SPDX-License-Identifier: MIT
/*
 * The raw stack switch that ours is measured against: out of line, the callee
 * saved registers and the stack pointer, and a jump through a register instead
 * of a return (whose prediction would always be wrong). It keeps neither the
 * floating-point control words nor unwind information.
 */
#include <stdlib.h>
#include <sys/mman.h>

#include "bench.h"

void raw_entry(void);

#if defined(__x86_64__)

#define SAVED_WORDS 7	/* r15 r14 r13 r12 rbx rbp and where to go on */

__asm__(".text\n"
	".globl raw_switch\n"
	".type raw_switch, @function\n"
	"raw_switch:\n"
	"	push %rbp\n"
	"	push %rbx\n"
	"	push %r12\n"
	"	push %r13\n"
	"	push %r14\n"
	"	push %r15\n"
	"	mov %rsp, (%rdi)\n"
	"	mov %rsi, %rsp\n"
	"	pop %r15\n"
	"	pop %r14\n"
	"	pop %r13\n"
	"	pop %r12\n"
	"	pop %rbx\n"
	"	pop %rbp\n"
	"	pop %rcx\n"
	"	jmp *%rcx\n"
	".size raw_switch, .-raw_switch\n"
	".hidden raw_entry\n"
	".globl raw_entry\n"
	".type raw_entry, @function\n"
	"raw_entry:\n"
	"	mov %r12, %rdi\n"
	"	call *%rbx\n"
	"	ud2\n"
	".size raw_entry, .-raw_entry\n");

void *raw_prepare(void *stack, size_t size, void (*fn)(void *), void *arg)
{
	void **top = (void **)((char *)stack + size);
	void **sp = top - 2 - SAVED_WORDS;	/* keeps calls aligned */

	sp[0] = sp[1] = sp[2] = NULL;
	sp[3] = arg;				/* r12 */
	*(void (**)(void *))(void *)&sp[4] = fn;	/* rbx */
	sp[5] = NULL;
	sp[6] = (void *)raw_entry;
	return sp;
}

#elif defined(__aarch64__)

#define SAVED_WORDS 20	/* x19-x30, d8-d15 */

__asm__(".text\n"
	".globl raw_switch\n"
	".type raw_switch, %function\n"
	"raw_switch:\n"
	"	sub sp, sp, #160\n"
	"	stp x19, x20, [sp]\n"
	"	stp x21, x22, [sp, #16]\n"
	"	stp x23, x24, [sp, #32]\n"
	"	stp x25, x26, [sp, #48]\n"
	"	stp x27, x28, [sp, #64]\n"
	"	stp x29, x30, [sp, #80]\n"
	"	stp d8, d9, [sp, #96]\n"
	"	stp d10, d11, [sp, #112]\n"
	"	stp d12, d13, [sp, #128]\n"
	"	stp d14, d15, [sp, #144]\n"
	"	mov x9, sp\n"
	"	str x9, [x0]\n"
	"	mov sp, x1\n"
	"	ldp x19, x20, [sp]\n"
	"	ldp x21, x22, [sp, #16]\n"
	"	ldp x23, x24, [sp, #32]\n"
	"	ldp x25, x26, [sp, #48]\n"
	"	ldp x27, x28, [sp, #64]\n"
	"	ldp x29, x30, [sp, #80]\n"
	"	ldp d8, d9, [sp, #96]\n"
	"	ldp d10, d11, [sp, #112]\n"
	"	ldp d12, d13, [sp, #128]\n"
	"	ldp d14, d15, [sp, #144]\n"
	"	add sp, sp, #160\n"
	"	br x30\n"
	".size raw_switch, .-raw_switch\n"
	".hidden raw_entry\n"
	".globl raw_entry\n"
	".type raw_entry, %function\n"
	"raw_entry:\n"
	"	mov x0, x20\n"
	"	blr x19\n"
	"	brk #1\n"
	".size raw_entry, .-raw_entry\n");

void *raw_prepare(void *stack, size_t size, void (*fn)(void *), void *arg)
{
	void **sp = (void **)((char *)stack + size) - SAVED_WORDS;

	for (int i = 0; i < SAVED_WORDS; i++)
		sp[i] = NULL;
	*(void (**)(void *))(void *)&sp[0] = fn;	/* x19 */
	sp[1] = arg;					/* x20 */
	sp[11] = (void *)raw_entry;			/* x30 */
	return sp;
}

#else

#define RAW_SWITCH_MISSING

void raw_switch(void **save, void *to)
{
	(void)save;
	(void)to;
	abort();
}

void *raw_prepare(void *stack, size_t size, void (*fn)(void *), void *arg)
{
	(void)stack;
	(void)size;
	(void)fn;
	(void)arg;
	return NULL;
}

#endif

bool raw_switch_here(void)
{
#ifdef RAW_SWITCH_MISSING
	return false;
#else
	return true;
#endif
}

/* Lives as long as the child process that asked for it. */
void *raw_stack_new(size_t size)
{
	void *p = mmap(NULL, size, PROT_READ | PROT_WRITE,
		       MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	return p == MAP_FAILED ? NULL : p;
}
