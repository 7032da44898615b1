//go:build amd64 || arm64

package main

import (
	"unsafe"

	"lastout/cmd/lastout/internal/guardian"
)

// What the assembly in entry_linux_*.s needs: the stack and the thread pointer at the start, a g
// whose stack has no limit, thread-local storage that names it, the signals that the runtime is not
// to unblock, and what is said where not even the first system call is possible.
//
//lint:file-ignore U1000 the assembly uses them
var (
	entryStack    unsafe.Pointer
	threadPointer uintptr
	noG           [128]uintptr
	noTLS         [8]uintptr
	heldBack      uint64
	refused       = "lastout: cannot start: it needs system call 158 (arch_prctl), which is refused: allow it (seccomp)\n"
)

// enter is the first function that runs. It has no argument: the race detector would be told of a
// wrapper that has.
//
//go:norace
func enter() { heldBack = guardian.Enter(entryStack) }
