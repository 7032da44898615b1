#include "textflag.h"

// The first instruction of the program. This name is the linker's default entry point, and the runtime defines it, too. Of several
// definitions the linker takes the one that it reads first, if one of them is DUPOK, and package main is what it reads first.
//
// enter is compiled Go: it looks for its g in thread-local storage, so both are made up here, with a stack limit of 0. In a
// dynamic executable the C library has storage there already, and gets it back.
TEXT _rt0_amd64_linux(SB),NOSPLIT|NOFRAME|DUPOK,$0
	MOVQ	SP, ·entryStack(SB)
	MOVL	$158, AX // arch_prctl
	MOVL	$0x1003, DI // ARCH_GET_FS
	LEAQ	·threadPointer(SB), SI
	SYSCALL
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
