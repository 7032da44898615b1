package pdeath

import (
	"context"
	"errors"
	"fmt"
	"os"
	"syscall"
	"time"

	"golang.org/x/sys/unix"
)

// Parent is the process's parent, held by a pidfd (pidfd_open(2), Linux 5.3), so that its death is
// learned without polling and its number cannot come to mean another process.
type Parent struct {
	pid  int
	file *os.File
}

// OpenParent opens the parent, whose process id was recorded before. It returns [ErrParentGone] if
// the parent is another one by now.
func OpenParent(pid int) (*Parent, error) { return OpenParentOf(os.Getppid, pid) }

// OpenParentOf is OpenParent for another process. parent returns the parent that it has now, or 0
// where that cannot be known.
func OpenParentOf(parent func() int, pid int) (*Parent, error) {
	fd, err := unix.PidfdOpen(pid, 0)
	if errors.Is(err, unix.ESRCH) {
		return nil, fmt.Errorf("parent %d: %w", pid, ErrParentGone)
	}
	if err != nil {
		return nil, fmt.Errorf("parent %d: pidfd_open: %w", pid, err)
	}
	// The number could have been recycled before it was opened; while it is the parent's, it was
	// not.
	if now := parent(); now != pid && now != 0 {
		unix.Close(fd)
		return nil, fmt.Errorf("parent %d: %w", pid, ErrParentGone)
	}
	if err := unix.SetNonblock(fd, true); err != nil {
		unix.Close(fd)
		return nil, fmt.Errorf("parent %d: %w", pid, err)
	}
	return &Parent{pid: pid, file: os.NewFile(uintptr(fd), "pidfd")}, nil
}

// PID returns the parent's process id.
func (p *Parent) PID() int { return p.pid }

// Wait returns nil when the parent has died, and the context's error when that ends first. It costs
// no thread: the Go runtime's poller watches the descriptor. Only one Wait may be under way at a
// time.
func (p *Parent) Wait(ctx context.Context) error {
	raw, err := p.file.SyscallConn()
	if err != nil {
		return fmt.Errorf("parent %d: %w", p.pid, err)
	}
	stop := context.AfterFunc(ctx, func() { _ = p.file.SetReadDeadline(time.Unix(1, 0)) })
	defer stop()
	woken := false
	err = raw.Read(func(fd uintptr) bool {
		exited, known := readable(int(fd))
		if !known { // then the first answer is a guess, and the second comes when the poller has seen something
			exited = woken
		}
		woken = true
		return exited
	})
	if err != nil && ctx.Err() != nil {
		return ctx.Err()
	}
	if err != nil {
		return fmt.Errorf("parent %d: %w", p.pid, err)
	}
	return nil
}

// readable reports whether the process of a pidfd has exited. It is not known where a limit of
// descriptors of 0 has been set on us: poll(2) says EINVAL then.
func readable(fd int) (exited, known bool) {
	fds := []unix.PollFd{{Fd: int32(fd), Events: unix.POLLIN}}
	n, err := unix.Poll(fds, 0)
	return n == 1, err != unix.EINVAL
}

// Signal sends a signal to the parent. The error is ESRCH when it has been reaped: nobody else is
// ever hit (pidfd_send_signal(2), Linux 5.1).
func (p *Parent) Signal(sig syscall.Signal) error {
	raw, err := p.file.SyscallConn()
	if err != nil {
		return fmt.Errorf("parent %d: %w", p.pid, err)
	}
	sendErr := error(nil)
	err = raw.Control(func(fd uintptr) { sendErr = unix.PidfdSendSignal(int(fd), sig, nil, 0) })
	if err = errors.Join(err, sendErr); err != nil {
		return fmt.Errorf("parent %d: %w", p.pid, err)
	}
	return nil
}

// Close gives the descriptor back; a Wait under way returns an error.
func (p *Parent) Close() error { return p.file.Close() }
