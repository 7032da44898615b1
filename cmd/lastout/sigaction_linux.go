package main

import (
	"io"
	"os"

	"lastout/jobs/terminal"

	"golang.org/x/sys/unix"
)

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
