/* SPDX-License-Identifier: MIT */
/*
 * Switching stacks on x86-64, out of line. The saved layout and the rules are
 * in arch/arch.h. All jumps go through a register: a return would always be
 * mispredicted, since the processor expects the caller on the other stack.
 */
	.text

/* void *arch_switch_call(rdi from, rsi to, rdx payload) */
	.globl	arch_switch_call
	.hidden	arch_switch_call
	.type	arch_switch_call, @function
	.p2align 4
arch_switch_call:
	.cfi_startproc
	endbr64
	pushq	%r15
	.cfi_adjust_cfa_offset 8
	.cfi_rel_offset r15, 0
	pushq	%r14
	.cfi_adjust_cfa_offset 8
	.cfi_rel_offset r14, 0
	pushq	%r13
	.cfi_adjust_cfa_offset 8
	.cfi_rel_offset r13, 0
	pushq	%r12
	.cfi_adjust_cfa_offset 8
	.cfi_rel_offset r12, 0
	leaq	-152(%rsp), %rcx
	leaq	1f(%rip), %rax
	movq	%rcx, %rsp
	.cfi_adjust_cfa_offset 152
	movq	%rax, 0(%rcx)
	movq	%rbp, 8(%rcx)
	movq	%rbx, 16(%rcx)
	movq	%rcx, (%rdi)
	movq	%rdx, %rdi
	movq	(%rsi), %rcx
	movq	0(%rcx), %rax
	movq	8(%rcx), %rbp
	movq	16(%rcx), %rbx
	leaq	152(%rcx), %rsp
	.cfi_adjust_cfa_offset -152
	jmpq	*%rax
1:	endbr64
	movq	%rdi, %rax
	popq	%r12
	.cfi_adjust_cfa_offset -8
	.cfi_restore r12
	popq	%r13
	.cfi_adjust_cfa_offset -8
	.cfi_restore r13
	popq	%r14
	.cfi_adjust_cfa_offset -8
	.cfi_restore r14
	popq	%r15
	.cfi_adjust_cfa_offset -8
	.cfi_restore r15
	popq	%rcx
	.cfi_adjust_cfa_offset -8
	.cfi_register rip, rcx
	/* callers have no landing pad where a call returns */
	notrack jmpq *%rcx
	.cfi_endproc
	.size	arch_switch_call, . - arch_switch_call

/* void arch_jump_call(rdi to, rsi payload) */
	.globl	arch_jump_call
	.hidden	arch_jump_call
	.type	arch_jump_call, @function
	.p2align 4
arch_jump_call:
	.cfi_startproc
	endbr64
	movq	(%rdi), %rcx
	movq	%rsi, %rdi
	movq	0(%rcx), %rax
	movq	8(%rcx), %rbp
	movq	16(%rcx), %rbx
	leaq	152(%rcx), %rsp
	jmpq	*%rax
	.cfi_endproc
	.size	arch_jump_call, . - arch_jump_call

/* void *arch_return(rdi result) */
	.globl	arch_return
	.hidden	arch_return
	.type	arch_return, @function
	.p2align 4
arch_return:
	.cfi_startproc
	endbr64
	movq	%rdi, %rax
	popq	%rcx
	.cfi_adjust_cfa_offset -8
	.cfi_register rip, rcx
	notrack jmpq *%rcx
	.cfi_endproc
	.size	arch_return, . - arch_return

/*
 * void *arch_call_on(rdi stack_top, rsi fn, rdx arg)
 *
 * gdb takes frames that lead to lower addresses for broken, but for those of a
 * function of this name: gcc's, which does the same with -fsplit-stack.
 */
	.globl	arch_call_on
	.hidden	arch_call_on
	.type	arch_call_on, @function
	.p2align 4
arch_call_on:
	.cfi_startproc
	endbr64
	pushq	%rbp
	.cfi_adjust_cfa_offset 8
	.cfi_rel_offset rbp, 0
	.size	arch_call_on, . - arch_call_on
	.type	__morestack, @function
__morestack:
	movq	%rsp, %rbp
	.cfi_def_cfa_register rbp
	movq	%rdi, %rsp
	movq	%rdx, %rdi
	callq	*%rsi
	leave
	.cfi_def_cfa rsp, 8
	.cfi_restore rbp
	retq
	.cfi_endproc
	.size	__morestack, . - __morestack

/* void *arch_call_bottom(rdi fn, rsi arg) */
	.globl	arch_call_bottom
	.hidden	arch_call_bottom
	.type	arch_call_bottom, @function
	.p2align 4
arch_call_bottom:
	.cfi_startproc
	.cfi_personality 0x1b, arch_bottom
	endbr64
	subq	$8, %rsp
	.cfi_adjust_cfa_offset 8
	movq	%rdi, %rax
	movq	%rsi, %rdi
	callq	*%rax
	addq	$8, %rsp
	.cfi_adjust_cfa_offset -8
	retq
	.cfi_endproc
	.size	arch_call_bottom, . - arch_call_bottom

/* rbx: the entry function, rdi: its payload */
	.globl	arch_entry
	.hidden	arch_entry
	.type	arch_entry, @function
	.p2align 4
arch_entry:
	.cfi_startproc
	.cfi_personality 0x1b, arch_bottom
	.cfi_undefined rip
	endbr64
	callq	*%rbx
	ud2
	.cfi_endproc
	.size	arch_entry, . - arch_entry

/*
 * Landing pads are in place (IBT, bit 0). Shadow stacks (bit 1) are not
 * claimed: these switches do not carry them, and one object without the bit
 * makes linker and loader leave them off.
 */
	.section .note.gnu.property, "a", @note
	.p2align 3
	.long	4			/* size of the name */
	.long	16			/* size of the properties */
	.long	5			/* NT_GNU_PROPERTY_TYPE_0 */
	.asciz	"GNU"
	.long	0xc0000002		/* GNU_PROPERTY_X86_FEATURE_1_AND */
	.long	4
	.long	0x1
	.long	0

	.section .note.GNU-stack, "", @progbits
