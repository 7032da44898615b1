package main

import (
	"io"
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
	setSize = 8 // bytes of the kernel's sigset_t
)

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

// writeQuietly writes without a SIGPIPE, which goes to the thread that writes: it would kill us, or be taken for one that
// was sent to be forwarded. The system call is made here because the runtime makes a SIGPIPE of its own out of EPIPE.
func writeQuietly(w io.Writer, text string) {
	f, ok := w.(*os.File)
	if !ok {
		_, _ = io.WriteString(w, text)
		return
	}
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	set, old := uint64(1)<<(unix.SIGPIPE-1), uint64(0)
	_, _, errno := unix.RawSyscall6(unix.SYS_RT_SIGPROCMASK, unix.SIG_BLOCK, uintptr(unsafe.Pointer(&set)), uintptr(unsafe.Pointer(&old)), setSize, 0, 0)
	if raw, err := f.SyscallConn(); err == nil {
		_ = raw.Control(func(fd uintptr) { writeAll(int(fd), []byte(text)) })
	}
	if errno != 0 || old&set != 0 {
		return
	}
	var now unix.Timespec
	_, _, _ = unix.RawSyscall6(unix.SYS_RT_SIGTIMEDWAIT, uintptr(unsafe.Pointer(&set)), 0, uintptr(unsafe.Pointer(&now)), setSize, 0, 0)
	_, _, _ = unix.RawSyscall6(unix.SYS_RT_SIGPROCMASK, unix.SIG_SETMASK, uintptr(unsafe.Pointer(&old)), 0, setSize, 0, 0)
}

func writeAll(fd int, b []byte) {
	for len(b) > 0 {
		n, err := unix.Write(fd, b)
		switch err {
		case nil:
			b = b[n:]
		case unix.EINTR:
		case unix.EAGAIN: // somebody has made it non-blocking
			_, _ = unix.Poll([]unix.PollFd{{Fd: int32(fd), Events: unix.POLLOUT}}, -1)
		default:
			return
		}
	}
}
