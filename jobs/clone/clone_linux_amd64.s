#include "textflag.h"

// func Clone(trap, arg1, arg2 uintptr, task *Task) (pid int)
//
// The child has the parent's registers, but for AX and its stack pointer, and so its g and its
// thread-local storage: what it calls must not look at either.
TEXT ·Clone(SB),NOSPLIT,$0-40
	MOVQ	trap+0(FP), AX
	MOVQ	arg1+8(FP), DI
	MOVQ	arg2+16(FP), SI
	MOVQ	task+24(FP), R12
	XORL	DX, DX
	XORL	R10, R10
	XORL	R8, R8
	XORL	R9, R9
	SYSCALL
	TESTQ	AX, AX
	JZ	child
	MOVQ	AX, pid+32(FP)
	RET
child:
	// task.Run(task), as the compiler calls a function value (ABIInternal): the argument in AX, the
	// closure in DX, X15 zero. A wrapper between this and Go would be known to the race detector.
	SUBQ	$32, SP
	MOVQ	R12, AX
	MOVQ	0(R12), DX
	MOVQ	0(DX), CX
	XORPS	X15, X15
	CALL	CX
	MOVL	$1, DI
	MOVL	$60, AX // exit
	SYSCALL
	INT	$3

// func Exchange(p *int32, v int32) (old int32)
TEXT ·Exchange(SB),NOSPLIT,$0-20
	MOVQ	p+0(FP), BX
	MOVL	v+8(FP), AX
	XCHGL	AX, 0(BX) // locked, as ever with memory
	MOVL	AX, old+16(FP)
	RET
