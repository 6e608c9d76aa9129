/* The context switch on arm64. The packaged state-threads switches by libc's _setjmp and
 * __longjmp_chk and puts the new stack pointer into slot 11 of the jmp_buf, where libc keeps
 * something else, and mangled. The program is linked with --wrap for both; these two keep the
 * stack pointer in slot 11, plain. Nothing else in the program may use setjmp.
 *
 * Slots of 8 bytes: 0-9 x19-x28, 10 frame pointer, 11 stack pointer, 12 return address,
 * 13-20 d8-d15. */
	.text

	.global __wrap__setjmp
	.type __wrap__setjmp, %function
	.p2align 2
__wrap__setjmp:
	stp x19, x20, [x0, #0]
	stp x21, x22, [x0, #16]
	stp x23, x24, [x0, #32]
	stp x25, x26, [x0, #48]
	stp x27, x28, [x0, #64]
	mov x2, sp
	stp x29, x2, [x0, #80]
	str x30, [x0, #96]
	stp d8, d9, [x0, #104]
	stp d10, d11, [x0, #120]
	stp d12, d13, [x0, #136]
	stp d14, d15, [x0, #152]
	mov w0, #0
	ret
	.size __wrap__setjmp, . - __wrap__setjmp

	.global __wrap___longjmp_chk
	.type __wrap___longjmp_chk, %function
	.p2align 2
__wrap___longjmp_chk:
	ldp x19, x20, [x0, #0]
	ldp x21, x22, [x0, #16]
	ldp x23, x24, [x0, #32]
	ldp x25, x26, [x0, #48]
	ldp x27, x28, [x0, #64]
	ldp x29, x2, [x0, #80]
	mov sp, x2
	ldr x30, [x0, #96]
	ldp d8, d9, [x0, #104]
	ldp d10, d11, [x0, #120]
	ldp d12, d13, [x0, #136]
	ldp d14, d15, [x0, #152]
	cmp w1, #0
	csinc w0, w1, wzr, ne
	ret
	.size __wrap___longjmp_chk, . - __wrap___longjmp_chk

	.section .note.GNU-stack, "", %progbits
