//go:build amd64 || arm64

package guardian

import (
	"slices"
	"syscall"
	"unsafe"

	"golang.org/x/sys/unix"
)

// unblocked are the signals that the Go runtime unblocks in all of its threads, though they were
// blocked when it started (blockableSig in its signal_unix.go), and that it needs. They are caught;
// all others stay blocked: see keptBlocked.
var unblocked = [...]syscall.Signal{
	unix.SIGILL, unix.SIGTRAP, unix.SIGBUS, unix.SIGFPE, unix.SIGSEGV, unix.SIGURG, unix.SIGSYS, 32, 33, 34,
}

// faults are those that a program's own mistakes raise, too. The handler leaves these to the
// runtime.
var faults = [...]syscall.Signal{unix.SIGILL, unix.SIGTRAP, unix.SIGBUS, unix.SIGFPE, unix.SIGSEGV, unix.SIGSYS}

// handlerFD is where the handler writes, and runtimeHandler the Go runtime's own.
var (
	handlerFD      int32   = -1 //lint:ignore U1000 the handler in assembly reads it
	runtimeHandler uintptr      //lint:ignore U1000 the same
)

// The addresses of the functions in assembly, as data: a Go value of such a function would be that
// of a wrapper.
var handlerPC, faultHandlerPC, restorerPC uintptr

// sigaction is the kernel's structure on the architectures above.
type sigaction struct {
	handler  uintptr
	flags    uint64
	restorer uintptr
	mask     uint64
}

// Flags of sigaction(2).
const (
	saSiginfo = 0x4
	saOnstack = 0x08000000
	saRestart = 0x10000000

	// The Go runtime gives each of its threads a stack for signals, and needs handlers to be on it
	// (SA_ONSTACK, os/signal).
	handlerFlags = saSiginfo | saOnstack | saRestart | restorerFlag
)

// catch lets signals come: those that stop act by default where the process is to stop, and what is
// not blocked is caught.
func catch() {
	handlerFD = entered.pipe[1]
	for sig := unix.SIGTSTP; sig <= unix.SIGTTOU; sig++ {
		set(sig, sigDfl)
	}
	var old sigaction
	rtSigaction(unix.SIGSEGV, nil, &old)
	runtimeHandler = old.handler
	for _, sig := range unblocked {
		a := sigaction{handler: handlerPC, flags: handlerFlags, restorer: restorerPC, mask: ^uint64(0)}
		if slices.Contains(faults[:], sig) {
			a.handler = faultHandlerPC
		}
		rtSigaction(sig, &a, nil)
	}
}

func rtSigaction(sig syscall.Signal, now, old *sigaction) {
	_, _, _ = unix.RawSyscall6(unix.SYS_RT_SIGACTION, uintptr(sig), uintptr(unsafe.Pointer(now)),
		uintptr(unsafe.Pointer(old)), unsafe.Sizeof(now.mask), 0, 0)
}
