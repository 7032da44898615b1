package pdeath

import (
	"errors"
	"fmt"
	"syscall"
	"unsafe"

	"golang.org/x/sys/unix"
)

// Set makes the kernel send sig to this process when the thread that forked it ends
// (PR_SET_PDEATHSIG, prctl(2), Linux 2.1.57). parent is the parent's process id as it was known
// before; if the parent is another one by now, the signal would never come: Set clears it again and
// returns [ErrParentGone]. The parent is not compared with 1, because an orphan may be adopted by
// any subreaper.
//
// The setting belongs to the calling thread: lock the goroutine to it (runtime.LockOSThread).
func Set(sig syscall.Signal, parent int) error {
	if err := set(sig); err != nil {
		return err
	}
	if syscall.Getppid() != parent {
		return fmt.Errorf("set parent-death signal: parent %d: %w", parent, errors.Join(ErrParentGone, set(0)))
	}
	return nil
}

// Clear takes the calling thread's parent-death signal back.
func Clear() error { return set(0) }

func set(sig syscall.Signal) error {
	if err := unix.Prctl(unix.PR_SET_PDEATHSIG, uintptr(sig), 0, 0, 0); err != nil {
		return fmt.Errorf("set parent-death signal %d: %w", int(sig), err)
	}
	return nil
}

// Signal returns the calling thread's parent-death signal, 0 where there is none (PR_GET_PDEATHSIG,
// Linux 2.3.15).
func Signal() (syscall.Signal, error) {
	var sig int32
	if err := unix.Prctl(unix.PR_GET_PDEATHSIG, uintptr(unsafe.Pointer(&sig)), 0, 0, 0); err != nil {
		return 0, fmt.Errorf("read parent-death signal: %w", err)
	}
	return syscall.Signal(sig), nil
}

func onMainThread() bool { return syscall.Gettid() == syscall.Getpid() }
