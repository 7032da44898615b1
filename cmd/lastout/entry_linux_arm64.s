#include "textflag.h"

// The first instruction of the program. This name is the linker's default entry point, and the
// runtime defines it, too. Of several definitions the linker takes the one that it reads first, if
// one of them is DUPOK, and package main is what it reads first.
//
// enter is compiled Go: it needs a g, which is made up here, with a stack limit of 0.
TEXT _rt0_arm64_linux(SB),NOSPLIT|NOFRAME|DUPOK,$0
	MOVD	RSP, R9
	MOVD	R9, ·entryStack(SB)
	MOVD	$·noG(SB), g
	SUB	$64, RSP
	BL	·enter(SB)
	MOVD	·entryStack(SB), R9
	MOVD	R9, RSP
	JMP	_rt0_arm64(SB)

// The runtime's system call to change a thread's signal mask, with one difference: signals in
// heldBack stay blocked. In each of its threads the runtime unblocks some that were blocked when it
// started (minitSignalMask in its signal_unix.go).
//
// func rtsigprocmask(how int32, new, old *sigset, size int32)
TEXT runtime·rtsigprocmask(SB),NOSPLIT|DUPOK,$16-28
	MOVW	how+0(FP), R0
	MOVD	new+8(FP), R1
	CMPW	$2, R0 // SIG_SETMASK
	BNE	change
	CBZ	R1, change
	MOVD	(R1), R4
	MOVD	·heldBack(SB), R5
	ORR	R5, R4
	MOVD	R4, mask-8(SP)
	MOVD	$mask-8(SP), R1
change:
	MOVD	old+16(FP), R2
	MOVW	size+24(FP), R3
	MOVD	$135, R8 // rt_sigprocmask
	SVC
	CMN	$4095, R0
	BCC	done
	MOVD	$0, R0
	MOVD	R0, (R0) // crash
done:
	RET

// What the runtime says when it ends the process, it says by these two: a page, and exit status 2.
// Unless somebody wants to see the page, it is one line and 125. The variables are in
// last_word_linux.go of package guardian.
//
// func write1(fd uintptr, p unsafe.Pointer, n int32) int32
TEXT runtime·write1(SB),NOSPLIT|NOFRAME|DUPOK,$0-28
	MOVD	fd+0(FP), R0
	MOVW	n+16(FP), R2
	CMP	$2, R0
	BNE	write
	MOVW	lastout∕cmd∕lastout∕internal∕guardian·terse(SB), R4
	CBZW	R4, write
	MOVW	$1, R4
	MOVW	R4, lastout∕cmd∕lastout∕internal∕guardian·failed(SB)
	MOVW	R2, ret+24(FP)
	RET
write:
	MOVD	p+8(FP), R1
	MOVD	$64, R8 // write
	SVC
	MOVW	R0, ret+24(FP)
	RET

// func exit(code int32)
TEXT runtime·exit(SB),NOSPLIT|NOFRAME|DUPOK,$0-4
	MOVW	code+0(FP), R0
	MOVW	lastout∕cmd∕lastout∕internal∕guardian·failed(SB), R4
	CBZW	R4, exit
	MOVD	$2, R0
	MOVD	lastout∕cmd∕lastout∕internal∕guardian·lastWord+0(SB), R1
	MOVD	lastout∕cmd∕lastout∕internal∕guardian·lastWord+8(SB), R2
	MOVD	$64, R8 // write
	SVC
	MOVD	$125, R0
exit:
	MOVD	$94, R8 // exit_group
	SVC
	RET
