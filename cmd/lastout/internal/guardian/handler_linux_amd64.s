#include "textflag.h"

// func handler(sig int32 DI, info *siginfo_t SI, context *ucontext_t DX), called by the kernel on
// the signal stack. It clobbers what it likes: rt_sigreturn(2) restores all registers. A pipe that
// is full loses the signal, and there is no errno to spoil: system calls are made directly.
TEXT ·handler(SB),NOSPLIT|NOFRAME|TOPFRAME,$0-0
	MOVL	·handlerFD(SB), DI
	MOVL	$32, DX // recordSize
	MOVL	$1, AX // write
	SYSCALL
	RET

// The same for signals of faults. One with a positive si_code is a fault of ours, and the Go
// runtime's to deal with.
TEXT ·faultHandler(SB),NOSPLIT|NOFRAME|TOPFRAME,$0-0
	CMPL	8(SI), $0
	JLE	sent
	MOVQ	·runtimeHandler(SB), AX
	JMP	AX
sent:
	JMP	·handler(SB)

// What the handler returns to; the kernel of this architecture insists that the program brings it
// (SA_RESTORER).
TEXT ·restorer(SB),NOSPLIT|NOFRAME|TOPFRAME,$0-0
	MOVL	$15, AX // rt_sigreturn
	SYSCALL
	INT	$3

DATA ·handlerPC(SB)/8, $·handler(SB)
GLOBL ·handlerPC(SB), NOPTR, $8
DATA ·faultHandlerPC(SB)/8, $·faultHandler(SB)
GLOBL ·faultHandlerPC(SB), NOPTR, $8
DATA ·restorerPC(SB)/8, $·restorer(SB)
GLOBL ·restorerPC(SB), NOPTR, $8
