#include "textflag.h"

// func handler(sig int32 R0, info *siginfo_t R1, context *ucontext_t R2), called by the kernel on
// the signal stack. It clobbers what it likes: rt_sigreturn(2), in the kernel's vdso, which is
// where it returns to, restores all registers. A pipe that is full loses the signal.
TEXT ·handler(SB),NOSPLIT|NOFRAME|TOPFRAME,$0-0
	MOVW	·handlerFD(SB), R0
	MOVD	$32, R2 // recordSize
	MOVD	$64, R8 // write
	SVC
	RET

// The same for signals of faults. One with a positive si_code is a fault of ours, and the Go
// runtime's to deal with.
TEXT ·faultHandler(SB),NOSPLIT|NOFRAME|TOPFRAME,$0-0
	MOVW	8(R1), R3
	CMPW	$0, R3
	BLE	sent
	MOVD	·runtimeHandler(SB), R3
	JMP	(R3)
sent:
	JMP	·handler(SB)

DATA ·handlerPC(SB)/8, $·handler(SB)
GLOBL ·handlerPC(SB), NOPTR, $8
DATA ·faultHandlerPC(SB)/8, $·faultHandler(SB)
GLOBL ·faultHandlerPC(SB), NOPTR, $8
DATA ·restorerPC(SB)/8, $0
GLOBL ·restorerPC(SB), NOPTR, $8
