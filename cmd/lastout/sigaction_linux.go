package main

import (
	"io"
	"os"

	"lastout/jobs/terminal"

	"golang.org/x/sys/unix"
)

// writeQuietly writes what lastout has to say; that it cannot be written is nobody's business.
// writeUntil writes a text. Who reads is waited for until ended is closed.
func writeUntil(w io.Writer, text string, ended <-chan struct{}) {
	f, ok := w.(*os.File)
	switch {
	case !ok:
		_, _ = io.WriteString(w, text)
	case ended == nil || len(text) <= pipeBuf && writable(f):
		_ = writeFile(f, []byte(text))
	default:
		written := make(chan struct{})
		go func() {
			defer close(written)
			_ = writeFile(f, []byte(text))
		}()
		select {
		case <-written:
		case <-ended:
		}
	}
}

// pipeBuf is what a pipe takes at once where poll(2) says that it takes something (pipe(7)).
const pipeBuf = 4096

func writable(f *os.File) (now bool) {
	raw, err := f.SyscallConn()
	if err == nil {
		err = raw.Control(func(fd uintptr) {
			n, err := unix.Poll([]unix.PollFd{{Fd: int32(fd), Events: unix.POLLOUT}}, 0)
			now = err != nil || n > 0
		})
	}
	return now || err != nil
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
