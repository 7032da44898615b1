#include "textflag.h"

// func Clone(trap, arg1, arg2 uintptr, task *Task) (pid int)
//
// The child has the parent's registers, but for R0 and its stack pointer, and so its g and its thread-local storage:
// what it calls must not look at either.
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
	SUB	$32, RSP
	MOVD	R9, 8(RSP)
	BL	·begin(SB)
	MOVD	$1, R0
	MOVD	$93, R8 // exit
	SVC
	BRK
