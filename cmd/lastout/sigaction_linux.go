package main

import (
	"io"
	"os"
	"syscall"
	"time"
	"unsafe"

	"lastout/jobs/terminal"

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
	dfl := sigaction{handler: sigDfl}
	_, _, _ = unix.RawSyscall6(unix.SYS_RT_SIGACTION, uintptr(sig), uintptr(unsafe.Pointer(&dfl)), 0, setSize, 0, 0)
	if unix.Kill(os.Getpid(), sig) == nil {
		time.Sleep(time.Second) // it is delivered on return from kill, or to another thread; this is for one whose default is not to end
	}
}

// writeQuietly writes what lastout has to say; that it cannot be written is nobody's business.
func writeQuietly(w io.Writer, text string) {
	if f, ok := w.(*os.File); ok {
		_ = writeFile(f, []byte(text))
		return
	}
	_, _ = io.WriteString(w, text)
}

// writeFile makes the system call itself: the runtime makes a SIGPIPE of its own out of EPIPE. That which the kernel sends is
// known to be ours by its sender. In the background of a terminal it is not stopped for writing (stty tostop).
func writeFile(f *os.File, b []byte) error {
	raw, err := f.SyscallConn()
	if err == nil {
		_ = raw.Control(func(fd uintptr) { terminal.Undisturbed(func() { err = writeAll(int(fd), b) }) })
	}
	return err
}

func writeAll(fd int, b []byte) error {
	for len(b) > 0 {
		n, err := unix.Write(fd, b)
		switch err {
		case nil:
			b = b[n:]
		case unix.EINTR:
		case unix.EAGAIN: // somebody has made it non-blocking
			_, _ = unix.Poll([]unix.PollFd{{Fd: int32(fd), Events: unix.POLLOUT}}, -1)
		default:
			return err
		}
	}
	return nil
}
