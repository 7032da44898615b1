#include "textflag.h"

// The first instruction of the program. This name is the linker's default entry point, and the runtime defines it, too. Of several
// definitions the linker takes the one that it reads first, if one of them is DUPOK, and package main is what it reads first.
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
