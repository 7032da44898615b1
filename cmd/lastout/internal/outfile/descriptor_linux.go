package outfile

import (
	"errors"
	"strconv"
	"strings"

	"lastout/cmd/lastout/internal/fdwrite"

	"golang.org/x/sys/unix"
)

// numberOf returns the descriptor that a name stands for. One that has a name in /dev/fd is not
// opened anew: with a description of its own, a file would be overwritten from its beginning
// (proc_pid_fd(5)).
func numberOf(name string) (fd int, ok bool) {
	switch name {
	case "/dev/stdout":
		return 1, true
	case "/dev/stderr":
		return 2, true
	}
	for _, prefix := range []string{"fd:", "/dev/fd/", "/proc/self/fd/"} {
		if number, found := strings.CutPrefix(name, prefix); found {
			n, err := strconv.ParseUint(number, 10, 31)
			if err != nil {
				return badNumber, true
			}
			return int(n), true
		}
	}
	return 0, false
}

// ErrNoDescriptor says that a name does not stand for a descriptor.
var ErrNoDescriptor = errors.New("no descriptor")

// Descriptor returns a copy of the descriptor that a name stands for, close-on-exec, as the
// original is from then on, unless it is 1 or 2.
func Descriptor(name string) (int, error) {
	fd, ok := numberOf(name)
	if !ok {
		return -1, ErrNoDescriptor
	}
	if err := checkDescriptor(fd); err != nil {
		return -1, err
	}
	return unix.FcntlInt(uintptr(fd), unix.F_DUPFD_CLOEXEC, 3)
}

const badNumber = -1

// checkDescriptor finds out whether a descriptor is the caller's and open for writing. Ours are all
// close-on-exec, and what is that does not come through execve(2).
func checkDescriptor(fd int) error {
	if fd == badNumber {
		return errors.New("want a number")
	}
	if fd == 0 {
		return errors.New("is standard input")
	}
	flags, err := unix.FcntlInt(uintptr(fd), unix.F_GETFD, 0)
	if err != nil || flags&unix.FD_CLOEXEC != 0 {
		return errors.New("no such descriptor was passed")
	}
	mode, err := unix.FcntlInt(uintptr(fd), unix.F_GETFL, 0)
	if err != nil {
		return err
	}
	if mode&unix.O_ACCMODE == unix.O_RDONLY {
		return errors.New("the descriptor is not open for writing")
	}
	if fd > 2 {
		unix.CloseOnExec(fd)
	}
	return nil
}

// writeDirectly opens what is no regular file without waiting for a FIFO's reader: without one,
// open(2) says ENXIO.
func (f *File) writeDirectly(data []byte, ended <-chan struct{}) error {
	fd, err := f.path.Open(unix.O_WRONLY, 0)
	if err == unix.ENXIO {
		return errors.New("nobody reads it")
	}
	if err != nil {
		return err
	}
	if err = writeUntil(fd, data, ended); err == fdwrite.ErrInterrupted {
		return err // the descriptor is still written to
	}
	if closeErr := unix.Close(fd); err == nil {
		err = closeErr
	}
	return err
}

func writeUntil(fd int, data []byte, ended <-chan struct{}) error {
	return fdwrite.Until(ended, func() error { return fdwrite.All(fd, data) })
}
