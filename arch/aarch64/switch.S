/* SPDX-License-Identifier: MIT */
/*
 * Switching stacks on aarch64, out of line. The saved layout and the rules are
 * in arch/arch.h. The landing pads are hints, which every assembler knows:
 * 34 is `bti c` (for calls), 36 `bti j` (for jumps), 38 `bti jc`.
 */
	.text

/* void *arch_switch_call(x0 from, x1 to, x2 payload) */
	.globl	arch_switch_call
	.hidden	arch_switch_call
	.type	arch_switch_call, %function
	.p2align 4
arch_switch_call:
	.cfi_startproc
	hint	#34
	sub	sp, sp, #144
	.cfi_adjust_cfa_offset 144
	stp	x20, x21, [sp]
	.cfi_rel_offset x20, 0
	.cfi_rel_offset x21, 8
	stp	x22, x23, [sp, #16]
	.cfi_rel_offset x22, 16
	.cfi_rel_offset x23, 24
	stp	x24, x25, [sp, #32]
	.cfi_rel_offset x24, 32
	.cfi_rel_offset x25, 40
	stp	x26, x27, [sp, #48]
	.cfi_rel_offset x26, 48
	.cfi_rel_offset x27, 56
	stp	x28, x30, [sp, #64]
	.cfi_rel_offset x28, 64
	.cfi_rel_offset x30, 72
	stp	d8, d9, [sp, #80]
	.cfi_rel_offset b8, 80
	.cfi_rel_offset b9, 88
	stp	d10, d11, [sp, #96]
	.cfi_rel_offset b10, 96
	.cfi_rel_offset b11, 104
	stp	d12, d13, [sp, #112]
	.cfi_rel_offset b12, 112
	.cfi_rel_offset b13, 120
	stp	d14, d15, [sp, #128]
	.cfi_rel_offset b14, 128
	.cfi_rel_offset b15, 136
	adr	x10, 1f
	sub	sp, sp, #32
	.cfi_adjust_cfa_offset 32
	mov	x9, sp
	stp	x10, x29, [x9]
	str	x19, [x9, #16]
	str	x9, [x0]
	ldr	x9, [x1]
	mov	x0, x2
	ldp	x10, x29, [x9]
	ldr	x19, [x9, #16]
	add	sp, x9, #32
	.cfi_adjust_cfa_offset -32
	br	x10
1:	hint	#36
	ldp	x20, x21, [sp]
	ldp	x22, x23, [sp, #16]
	ldp	x24, x25, [sp, #32]
	ldp	x26, x27, [sp, #48]
	ldp	x28, x30, [sp, #64]
	ldp	d8, d9, [sp, #80]
	ldp	d10, d11, [sp, #96]
	ldp	d12, d13, [sp, #112]
	ldp	d14, d15, [sp, #128]
	add	sp, sp, #144
	.cfi_def_cfa sp, 0
	.cfi_restore x20
	.cfi_restore x21
	.cfi_restore x22
	.cfi_restore x23
	.cfi_restore x24
	.cfi_restore x25
	.cfi_restore x26
	.cfi_restore x27
	.cfi_restore x28
	.cfi_restore x30
	.cfi_restore b8
	.cfi_restore b9
	.cfi_restore b10
	.cfi_restore b11
	.cfi_restore b12
	.cfi_restore b13
	.cfi_restore b14
	.cfi_restore b15
	/* mispredicted, but callers have no landing pad for anything else */
	ret
	.cfi_endproc
	.size	arch_switch_call, . - arch_switch_call

/* void arch_jump_call(x0 to, x1 payload) */
	.globl	arch_jump_call
	.hidden	arch_jump_call
	.type	arch_jump_call, %function
	.p2align 4
arch_jump_call:
	.cfi_startproc
	hint	#34
	ldr	x9, [x0]
	mov	x0, x1
	ldp	x10, x29, [x9]
	ldr	x19, [x9, #16]
	add	sp, x9, #32
	br	x10
	.cfi_endproc
	.size	arch_jump_call, . - arch_jump_call

/*
 * void *arch_call_on(x0 stack_top, x1 fn, x2 arg)
 *
 * gdb takes frames that lead to lower addresses for broken, but for those of a
 * function of this name: gcc's, which does the same with -fsplit-stack.
 */
	.globl	arch_call_on
	.hidden	arch_call_on
	.type	arch_call_on, %function
	.p2align 4
arch_call_on:
	.cfi_startproc
	hint	#34
	stp	x29, x30, [sp, #-16]!
	.cfi_adjust_cfa_offset 16
	.cfi_rel_offset x29, 0
	.cfi_rel_offset x30, 8
	.size	arch_call_on, . - arch_call_on
	.type	__morestack, %function
__morestack:
	mov	x29, sp
	.cfi_def_cfa_register x29
	mov	sp, x0
	mov	x0, x2
	blr	x1
	mov	sp, x29
	.cfi_def_cfa_register sp
	ldp	x29, x30, [sp], #16
	.cfi_adjust_cfa_offset -16
	.cfi_restore x29
	.cfi_restore x30
	ret
	.cfi_endproc
	.size	__morestack, . - __morestack

/* void *arch_call_bottom(x0 fn, x1 arg) */
	.globl	arch_call_bottom
	.hidden	arch_call_bottom
	.type	arch_call_bottom, %function
	.p2align 4
arch_call_bottom:
	.cfi_startproc
	.cfi_personality 0x1b, arch_bottom
	hint	#34
	stp	x29, x30, [sp, #-16]!
	.cfi_adjust_cfa_offset 16
	.cfi_rel_offset x29, 0
	.cfi_rel_offset x30, 8
	mov	x29, sp
	mov	x9, x0
	mov	x0, x1
	blr	x9
	ldp	x29, x30, [sp], #16
	.cfi_adjust_cfa_offset -16
	.cfi_restore x29
	.cfi_restore x30
	ret
	.cfi_endproc
	.size	arch_call_bottom, . - arch_call_bottom

/* x19: the entry function, x0: its payload */
	.globl	arch_entry
	.hidden	arch_entry
	.type	arch_entry, %function
	.p2align 4
arch_entry:
	.cfi_startproc
	.cfi_personality 0x1b, arch_bottom
	.cfi_undefined x30
	hint	#38
	blr	x19
	brk	#1
	.cfi_endproc
	.size	arch_entry, . - arch_entry

/*
 * Landing pads are in place (BTI, bit 0). Guarded control stacks (bit 2) are
 * not claimed: these switches do not carry them, and one object without the
 * bit makes linker and loader leave them off.
 */
	.section .note.gnu.property, "a", %note
	.p2align 3
	.long	4			/* size of the name */
	.long	16			/* size of the properties */
	.long	5			/* NT_GNU_PROPERTY_TYPE_0 */
	.asciz	"GNU"
	.long	0xc0000000		/* GNU_PROPERTY_AARCH64_FEATURE_1_AND */
	.long	4
	.long	0x1
	.long	0

	.section .note.GNU-stack, "", %progbits
