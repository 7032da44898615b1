package main

import (
	"os"
	"runtime"
	"syscall"
	"time"
	"unsafe"

	"golang.org/x/sys/unix"
)

// sigaction is the kernel's struct sigaction. Its first field is the same everywhere, and all that is read or written here.
type sigaction struct {
	handler uintptr
	_       [3]uint64
}

const (
	sigDfl  = 0
	sigIgn  = 1
	setSize = 8 // bytes of the kernel's sigset_t
)

// ignored reports whether a signal is ignored, as the kernel has it. The runtime leaves an inherited SIG_IGN of HUP, INT
// and the terminal's signals alone.
func ignored(sig syscall.Signal) bool {
	var old sigaction
	_, _, errno := unix.RawSyscall6(unix.SYS_RT_SIGACTION, uintptr(sig), 0, uintptr(unsafe.Pointer(&old)), setSize, 0, 0)
	return errno == 0 && old.handler == sigIgn
}

// dieOf makes the process die of a signal, so that the caller sees what it would have seen without lastout. It
// returns only if that fails.
func dieOf(sig syscall.Signal) {
	runtime.LockOSThread()
	dfl := sigaction{handler: sigDfl}
	_, _, _ = unix.RawSyscall6(unix.SYS_RT_SIGACTION, uintptr(sig), uintptr(unsafe.Pointer(&dfl)), 0, setSize, 0, 0)
	set := uint64(1) << (sig - 1)
	_, _, _ = unix.RawSyscall6(unix.SYS_RT_SIGPROCMASK, unix.SIG_UNBLOCK, uintptr(unsafe.Pointer(&set)), 0, setSize, 0, 0)
	if unix.Tgkill(os.Getpid(), unix.Gettid(), sig) == nil {
		time.Sleep(time.Second) // the signal is delivered on return from tgkill; this is for one whose default is not to end
	}
}

// quietly runs f, a write, with SIGPIPE blocked on its thread. SIGPIPE goes to the thread that wrote; it would
// kill us, or be taken for one that was sent to be forwarded.
func quietly(f func()) {
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	set, old := uint64(1)<<(unix.SIGPIPE-1), uint64(0)
	_, _, errno := unix.RawSyscall6(unix.SYS_RT_SIGPROCMASK, unix.SIG_BLOCK, uintptr(unsafe.Pointer(&set)), uintptr(unsafe.Pointer(&old)), setSize, 0, 0)
	f()
	if errno != 0 || old&set != 0 {
		return
	}
	var now unix.Timespec
	_, _, _ = unix.RawSyscall6(unix.SYS_RT_SIGTIMEDWAIT, uintptr(unsafe.Pointer(&set)), 0, uintptr(unsafe.Pointer(&now)), setSize, 0, 0)
	_, _, _ = unix.RawSyscall6(unix.SYS_RT_SIGPROCMASK, unix.SIG_SETMASK, uintptr(unsafe.Pointer(&old)), 0, setSize, 0, 0)
}
