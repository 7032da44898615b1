package terminal

import (
	"errors"
	"fmt"
	"os"
	"runtime"
	"syscall"

	"golang.org/x/sys/unix"
)

// ErrNone is returned where the process has no controlling terminal.
var ErrNone = errors.New("no controlling terminal")

// Terminal is the controlling terminal. Its methods are safe for concurrent use, but for Close.
type Terminal struct{ fd int }

// Modes are a terminal's settings, see termios(3).
type Modes = unix.Termios

// Open opens the controlling terminal, whatever the standard descriptors are. The descriptor is
// close-on-exec.
func Open() (*Terminal, error) {
	fd, err := unix.Open("/dev/tty", unix.O_RDWR|unix.O_CLOEXEC|unix.O_NOCTTY|unix.O_NONBLOCK, 0)
	if err != nil {
		return nil, fmt.Errorf("%w: %w", ErrNone, &os.PathError{Op: "open", Path: "/dev/tty", Err: err})
	}
	return &Terminal{fd}, nil
}

// Close closes it.
func (t *Terminal) Close() error { return unix.Close(t.fd) }

// Foreground returns the process group in the foreground; 0 is one of another PID namespace.
func (t *Terminal) Foreground() (pgid int, err error) { return foreground(t.fd) }

func foreground(fd int) (int, error) { return unix.IoctlGetInt(fd, unix.TIOCGPGRP) }

// Seat is where a process sits at its controlling terminal.
type Seat uint8

const (
	None Seat = iota // it has none
	Away             // it is in the background
	// it leads the foreground group, and standard input, output and error are the terminal: nobody
	// else is to be expected there
	Alone
	Shared // it is one of the foreground group: of a pipeline, or of a script
)

// SeatOf returns that of a process of our session. The standard descriptors are ours.
func SeatOf(pid int) Seat {
	group := groupOf(pid)
	if group == pid && OwnsStreams(pid) {
		return Alone // the ioctl says that it is in the foreground, too
	}
	tty, err := Open()
	if err != nil {
		return None
	}
	defer tty.Close()
	if now, err := tty.Foreground(); err != nil || now != group {
		return Away
	}
	return Shared
}

// OwnsStreams reports whether our standard input, output and error are all the controlling
// terminal, and the process group of pid is in its foreground.
func OwnsStreams(pid int) bool {
	group := groupOf(pid)
	for fd := range 3 { // the ioctl fails for what is no terminal, and for one that does not control us
		if now, err := foreground(fd); err != nil || now != group {
			return false
		}
	}
	return true
}

// groupOf returns the process group of a process; -1 of one that is gone.
func groupOf(pid int) int {
	group, err := unix.Getpgid(pid)
	if err != nil {
		return -1
	}
	return group
}

// SetForeground makes a process group of our session the one in the foreground.
func (t *Terminal) SetForeground(pgid int) error {
	return undisturbed(func() error { return unix.IoctlSetPointerInt(t.fd, unix.TIOCSPGRP, pgid) })
}

// Modes returns the settings.
func (t *Terminal) Modes() (*Modes, error) { return unix.IoctlGetTermios(t.fd, unix.TCGETS) }

// SetModes changes the settings at once.
func (t *Terminal) SetModes(m *Modes) error {
	return undisturbed(func() error { return unix.IoctlSetTermios(t.fd, unix.TCSETS, m) })
}

// undisturbed calls f with SIGTTOU blocked: what changes the terminal from the background is
// stopped otherwise, and with a handler in place the call would be begun anew without end
// (tcsetpgrp(3), SA_RESTART).
func undisturbed(f func() error) error { return without(unix.SIGTTOU, f) }

// without calls f with a signal blocked for this thread.
func without(sig syscall.Signal, f func() error) error {
	var block, old unix.Sigset_t
	block.Val[0] = 1 << (sig - 1) // none of those here has a number over 32
	if unix.PthreadSigmask(unix.SIG_BLOCK, nil, &old) == nil && old.Val[0]&block.Val[0] != 0 {
		return f() // where one thread blocks it, all do: by what the process was started with
	}
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	if err := unix.PthreadSigmask(unix.SIG_BLOCK, &block, &old); err != nil {
		return err
	}
	err := f()
	return errors.Join(err, unix.PthreadSigmask(unix.SIG_SETMASK, &old, nil))
}

// Undisturbed calls f, which writes to what may be the terminal, so that it is not stopped for
// being in the background (stty tostop, SIGTTOU).
func Undisturbed(f func()) {
	_ = undisturbed(func() error { f(); return nil })
}
