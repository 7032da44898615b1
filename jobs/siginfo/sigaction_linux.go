//go:build linux && (amd64 || arm64)

package siginfo

import (
	"errors"
	"fmt"
	"slices"
	"syscall"
	"unsafe"

	"golang.org/x/sys/unix"
)

// Flags of sigaction(2), and the disposition that is asked for here.
const (
	sigIgn    = 1
	saSiginfo = 0x4
	saOnstack = 0x08000000
	saRestart = 0x10000000
)

// Sender says that Info.PID is known.
const Sender = true

// handlerFD is where the handlers write, and runtimeHandler the Go runtime's own, to which faults go.
var (
	handlerFD      int32 = -1 //lint:ignore U1000 the handler in assembly reads it
	runtimeHandler uintptr
)

// The addresses of the functions in assembly, as data: a Go value of such a function would be that of a wrapper.
var handlerPC, faultHandlerPC, restorerPC uintptr

// faults are the signals that a program's own mistakes raise, too.
var faults = [...]syscall.Signal{unix.SIGILL, unix.SIGTRAP, unix.SIGBUS, unix.SIGFPE, unix.SIGSEGV}

func setHandlerFD(fd int) { handlerFD = int32(fd) }

// sigaction is the kernel's structure on the architectures above.
type sigaction struct {
	handler  uintptr
	flags    uint64
	restorer uintptr
	mask     uint64
}

// Ask has a signal received from now on, in place of whatever was done with it before. It fails for SIGKILL and SIGSTOP.
//
// A child does not inherit that: execve(2) resets what is handled, and what is ignored stays so.
func (r *Receiver) Ask(sig syscall.Signal) error { return catch(sig) }

// Swallow has a signal caught and forgotten, in a process without a [Receiver]. It fails for SIGKILL and SIGSTOP.
func Swallow(sig syscall.Signal) error { return catch(sig) }

// Default undoes what the Go runtime does with a signal of its own accord: for SIGCHLD that is a handler, and a thread that is
// interrupted by every child that ends. The default is to ignore it, but not as SIG_IGN does: children remain to be waited for.
func Default(sig syscall.Signal) error {
	return failure("reset", sig, rtSigaction(sig, &sigaction{}, nil))
}

// Ignored reports whether a signal is ignored, as the kernel has it. The Go runtime leaves an inherited SIG_IGN of HUP, INT
// and the terminal's signals alone.
func Ignored(sig syscall.Signal) bool {
	var old sigaction
	return rtSigaction(sig, nil, &old) == 0 && old.handler == sigIgn
}

// Ignoring calls f with a signal ignored, and puts what was done with it before back.
func Ignoring(sig syscall.Signal, f func() error) error {
	var old sigaction
	if err := failure("ignore", sig, rtSigaction(sig, &sigaction{handler: sigIgn}, &old)); err != nil {
		return err
	}
	err := f()
	return errors.Join(err, failure("restore", sig, rtSigaction(sig, &old, nil)))
}

func catch(sig syscall.Signal) error {
	// The Go runtime gives each of its threads a stack for signals, and needs handlers to be on it (SA_ONSTACK, os/signal).
	// All others wait while the handler runs: it may not be interrupted by one of the runtime's.
	a := sigaction{handler: handlerPC, flags: saSiginfo | saOnstack | saRestart | restorerFlag, restorer: restorerPC, mask: ^uint64(0)}
	if slices.Contains(faults[:], sig) {
		if runtimeHandler == 0 {
			var old sigaction
			rtSigaction(unix.SIGSEGV, nil, &old)
			runtimeHandler = old.handler
		}
		a.handler = faultHandlerPC
	}
	return failure("receive", sig, rtSigaction(sig, &a, nil))
}

func failure(what string, sig syscall.Signal, errno syscall.Errno) error {
	if errno == 0 {
		return nil
	}
	return fmt.Errorf("%s %s: %w", what, unix.SignalName(sig), errno)
}

func rtSigaction(sig syscall.Signal, now, old *sigaction) syscall.Errno {
	_, _, errno := unix.RawSyscall6(unix.SYS_RT_SIGACTION, uintptr(sig), uintptr(unsafe.Pointer(now)), uintptr(unsafe.Pointer(old)), unsafe.Sizeof(now.mask), 0, 0)
	return errno
}
