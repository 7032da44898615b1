#include "textflag.h"

// The first instruction of the program. This name is the linker's default entry point, and the
// runtime defines it, too. Of several definitions the linker takes the one that it reads first, if
// one of them is DUPOK, and package main is what it reads first.
//
// enter is compiled Go: it looks for its g in thread-local storage, so both are made up here, with
// a stack limit of 0. In a dynamic executable the C library has storage there already, and gets it
// back.
TEXT _rt0_amd64_linux(SB),NOSPLIT|NOFRAME|DUPOK,$0
	MOVQ	SP, ·entryStack(SB)
	MOVL	$158, AX // arch_prctl
	MOVL	$0x1003, DI // ARCH_GET_FS
	LEAQ	·threadPointer(SB), SI
	SYSCALL
	TESTQ	AX, AX
	JNZ	refused
	LEAQ	·noG(SB), AX
	MOVQ	AX, ·noTLS+48(SB)
	MOVL	$158, AX // arch_prctl
	MOVL	$0x1002, DI // ARCH_SET_FS
	LEAQ	·noTLS+56(SB), SI
	SYSCALL
	ANDQ	$~15, SP
	SUBQ	$64, SP
	CALL	·enter(SB)
	MOVL	$158, AX // arch_prctl
	MOVL	$0x1002, DI // ARCH_SET_FS
	MOVQ	·threadPointer(SB), SI
	SYSCALL
	MOVQ	·entryStack(SB), SP
	JMP	_rt0_amd64(SB)
refused:
	MOVL	$1, AX // write
	MOVL	$2, DI
	MOVQ	·refused+0(SB), SI
	MOVQ	·refused+8(SB), DX
	SYSCALL
	MOVL	$231, AX // exit_group
	MOVL	$125, DI
	SYSCALL

// The runtime's system call to change a thread's signal mask, with one difference: signals in
// heldBack stay blocked. In each of its threads the runtime unblocks some that were blocked when it
// started (minitSignalMask in its signal_unix.go).
//
// func rtsigprocmask(how int32, new, old *sigset, size int32)
TEXT runtime·rtsigprocmask(SB),NOSPLIT|DUPOK,$8-28
	MOVL	how+0(FP), DI
	MOVQ	new+8(FP), SI
	CMPL	DI, $2 // SIG_SETMASK
	JNE	change
	TESTQ	SI, SI
	JZ	change
	MOVQ	(SI), AX
	ORQ	·heldBack(SB), AX
	MOVQ	AX, mask-8(SP)
	LEAQ	mask-8(SP), SI
change:
	MOVQ	old+16(FP), DX
	MOVL	size+24(FP), R10
	MOVL	$14, AX // rt_sigprocmask
	SYSCALL
	CMPQ	AX, $0xfffffffffffff001
	JLS	2(PC)
	MOVL	$0xf1, 0xf1 // crash
	RET

// What the runtime says when it ends the process, it says by these two: a page, and exit status 2.
// Unless somebody wants to see the page, it is one line and 125. The variables are in
// last_word_linux.go of package guardian.
//
// func write1(fd uintptr, p unsafe.Pointer, n int32) int32
TEXT runtime·write1(SB),NOSPLIT|DUPOK,$0-28
	MOVQ	fd+0(FP), DI
	MOVL	n+16(FP), DX
	CMPQ	DI, $2
	JNE	write
	CMPL	lastout∕cmd∕lastout∕internal∕guardian·terse(SB), $0
	JEQ	write
	MOVL	$1, lastout∕cmd∕lastout∕internal∕guardian·failed(SB)
	MOVL	DX, ret+24(FP)
	RET
write:
	MOVQ	p+8(FP), SI
	MOVL	$1, AX // write
	SYSCALL
	MOVL	AX, ret+24(FP)
	RET

// func exit(code int32)
TEXT runtime·exit(SB),NOSPLIT|DUPOK,$0-4
	MOVL	code+0(FP), DI
	CMPL	lastout∕cmd∕lastout∕internal∕guardian·failed(SB), $0
	JEQ	exit
	MOVL	$1, AX // write
	MOVL	$2, DI
	MOVQ	lastout∕cmd∕lastout∕internal∕guardian·lastWord+0(SB), SI
	MOVQ	lastout∕cmd∕lastout∕internal∕guardian·lastWord+8(SB), DX
	SYSCALL
	MOVL	$125, DI
exit:
	MOVL	$231, AX // exit_group
	SYSCALL
	RET
