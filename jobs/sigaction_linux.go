package jobs

import (
	"errors"
	"syscall"
	"unsafe"

	"golang.org/x/sys/unix"
)

// sigaction is the kernel's struct sigaction, or more. Its first field is the same everywhere, and
// all that is written here.
type sigaction struct {
	handler uintptr
	_       [3]uint64
}

// Dispositions.
const (
	sigDfl = 0
	sigIgn = 1
)

func rtSigaction(sig syscall.Signal, now, old *sigaction) error {
	_, _, errno := unix.RawSyscall6(unix.SYS_RT_SIGACTION, uintptr(sig), uintptr(unsafe.Pointer(now)),
		uintptr(unsafe.Pointer(old)), 8, 0, 0)
	if errno != 0 {
		return errno
	}
	return nil
}

// byDefault undoes what the Go runtime does with a signal of its own accord: for SIGCHLD that is a
// handler, and a thread that is interrupted by every child that ends. The default is to ignore it,
// but not as SIG_IGN does: children remain to be waited for.
func byDefault(sig syscall.Signal) { _ = rtSigaction(sig, &sigaction{handler: sigDfl}, nil) }

// ignoring calls f with a signal ignored, and puts what was done with it before back.
func ignoring(sig syscall.Signal, f func() error) error {
	var old sigaction
	if err := rtSigaction(sig, &sigaction{handler: sigIgn}, &old); err != nil {
		return err
	}
	err := f()
	return errors.Join(err, rtSigaction(sig, &old, nil))
}
