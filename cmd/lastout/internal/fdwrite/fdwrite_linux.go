package fdwrite

import (
	"errors"

	"golang.org/x/sys/unix"
)

// ErrInterrupted says that somebody did not want to wait for who reads.
var ErrInterrupted = errors.New("nobody read it, and a signal came")

// All writes all of the data. It makes the system call itself: package os turns EPIPE on
// descriptors 1 and 2 into a SIGPIPE to the process. A descriptor that somebody has made
// non-blocking is waited for.
func All(fd int, data []byte) error {
	for len(data) > 0 {
		n, err := unix.Write(fd, data)
		switch err {
		case nil:
			data = data[n:]
		case unix.EINTR:
		case unix.EAGAIN:
			if _, err := unix.Poll([]unix.PollFd{{Fd: int32(fd), Events: unix.POLLOUT}}, -1); err != nil &&
				err != unix.EINTR {
				return err
			}
		default:
			return err
		}
	}
	return nil
}

// AtOnce is what a pipe takes where Ready says that it takes something (PIPE_BUF, pipe(7)).
const AtOnce = 4096

// Ready reports whether a descriptor takes something without waiting for who reads.
func Ready(fd int) bool {
	n, err := unix.Poll([]unix.PollFd{{Fd: int32(fd), Events: unix.POLLOUT}}, 0)
	return err != nil || n > 0
}

// Until calls write, and returns its error, or ErrInterrupted when ended is closed before it has
// returned. Then write goes on in a thread that is left behind: the process is about to exit.
func Until(ended <-chan struct{}, write func() error) error {
	written := make(chan error, 1)
	go func() { written <- write() }()
	select {
	case err := <-written:
		return err
	case <-ended:
		return ErrInterrupted
	}
}
