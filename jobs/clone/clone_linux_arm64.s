#include "textflag.h"

// func Clone(trap, arg1, arg2 uintptr, task *Task) (pid int)
//
// The child has the parent's registers, but for R0 and its stack pointer, and so its g and its
// thread-local storage: what it calls must not look at either.
TEXT ·Clone(SB),NOSPLIT,$0-40
	MOVD	trap+0(FP), R8
	MOVD	arg1+8(FP), R0
	MOVD	arg2+16(FP), R1
	MOVD	task+24(FP), R9
	MOVD	ZR, R2
	MOVD	ZR, R3
	MOVD	ZR, R4
	MOVD	ZR, R5
	SVC
	CBZ	R0, child
	MOVD	R0, pid+32(FP)
	RET
child:
	// task.Run(task), as the compiler calls a function value (ABIInternal): the argument in R0, the
	// closure in R26. A wrapper between this and Go would be known to the race detector.
	SUB	$32, RSP
	MOVD	R9, R0
	MOVD	0(R9), R26
	MOVD	0(R26), R9
	BL	(R9)
	MOVD	$1, R0
	MOVD	$93, R8 // exit
	SVC
	BRK

// func Exchange(p *int32, v int32) (old int32)
TEXT ·Exchange(SB),NOSPLIT,$0-20
	MOVD	p+0(FP), R0
	MOVW	v+8(FP), R1
again:
	LDAXRW	(R0), R2
	STLXRW	R1, (R0), R3
	CBNZ	R3, again
	MOVW	R2, old+16(FP)
	RET
