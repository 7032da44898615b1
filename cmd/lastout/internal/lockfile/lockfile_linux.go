package lockfile

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"time"

	"golang.org/x/sys/unix"
)

// Lock is a lock that is held.
type Lock struct {
	file  *os.File
	named bool
}

// Check finds out whether there is such a file, or can be.
func Check(path string) error {
	f, err := open(path, unix.O_RDONLY)
	if err == nil {
		f.Close()
	}
	return err
}

// Acquire takes the lock on a file, which it makes (0644) if there is none; the file may be a directory, too. It waits for as long as
// it is told to, in a thread of its own, without polling; 0 does not wait. A file that was removed or replaced meanwhile is
// let go for the one that has its name now.
//
// The error is a [*BusyError] if somebody else holds the lock, and [ErrInterrupted] once interrupted is closed. After either the thread
// waits on, and has the lock once it is free, until the process exits: that is meant to be soon. waiting, if not nil, is called
// once before it is waited for.
func Acquire(path string, wait time.Duration, interrupted <-chan struct{}, waiting func(*BusyError)) (*Lock, error) {
	w := waiter{path: path, wait: wait, late: timer(wait), interrupted: interrupted, waiting: waiting}
	defer w.late.Stop()
	for {
		f, err := w.take()
		if err != nil {
			return nil, err
		}
		same, err := current(f, path)
		if same {
			return &Lock{file: f}, nil
		}
		f.Close()
		if err != nil {
			return nil, unlockable(path, err)
		}
	}
}

// waiter is a call of Acquire.
type waiter struct {
	path        string
	wait        time.Duration
	late        *time.Timer
	interrupted <-chan struct{}
	waiting     func(*BusyError)
}

// take returns the file that has the path's name, locked; though by then it may be another that has it.
func (w *waiter) take() (*os.File, error) {
	f, err := open(w.path, unix.O_RDONLY)
	if err != nil {
		return nil, err
	}
	err = lockNow(f)
	if err == unix.EBADF { // NFS wants it open for writing (flock(2))
		f.Close()
		if f, err = open(w.path, unix.O_RDWR); err != nil {
			return nil, err
		}
		err = lockNow(f)
	}
	if err == unix.EWOULDBLOCK && w.wait != 0 {
		err = w.await(f)
	}
	switch err {
	case nil:
		return f, nil
	case unix.EWOULDBLOCK:
		return nil, &BusyError{w.path, holder(f), w.wait}
	case ErrInterrupted:
		return nil, err
	}
	f.Close()
	return nil, unlockable(w.path, err)
}

func unlockable(path string, err error) error {
	return fmt.Errorf("%s: cannot be locked: %w", path, err)
}

// timer is monotonic: a step of the clock does not matter.
func timer(d time.Duration) *time.Timer {
	if d == 0 || d == Forever {
		return time.NewTimer(Forever)
	}
	return time.NewTimer(d)
}

// open does not open for writing: a program that somebody has open so cannot be executed (ETXTBSY, execve(2)), and a lock may be of
// the command itself. Without O_CREAT first: in a directory such as /tmp that is refused even to root for somebody else's file
// (fs.protected_regular, proc(5)).
func open(path string, mode int) (*os.File, error) {
	const flags = unix.O_CLOEXEC | unix.O_NOCTTY | unix.O_NONBLOCK // a FIFO does not block
	fd, err := unix.Open(path, mode|flags, 0)
	if err == unix.ENOENT {
		fd, err = unix.Open(path, mode|flags|unix.O_CREAT, 0o644)
	}
	if err != nil {
		return nil, fmt.Errorf("%s: %w", path, err)
	}
	f := os.NewFile(uintptr(fd), path)
	if info, err := f.Stat(); err == nil && !info.Mode().IsRegular() && !info.IsDir() {
		f.Close()
		return nil, fmt.Errorf("%s: it is neither a file nor a directory", path)
	}
	return f, nil
}

func lockNow(f *os.File) error { return flock(f, unix.LOCK_EX|unix.LOCK_NB) }

func flock(f *os.File, how int) error {
	for {
		if err := unix.Flock(int(f.Fd()), how); err != unix.EINTR {
			return err
		}
	}
}

// await blocks a thread in flock(2): there is nothing that tells of a lock being free but having it.
func (w *waiter) await(f *os.File) error {
	if w.waiting != nil {
		w.waiting(&BusyError{Path: w.path, Holder: holder(f)})
		w.waiting = nil
	}
	got := make(chan error, 1)
	go func() { got <- flock(f, unix.LOCK_EX) }()
	select {
	case err := <-got:
		return err
	case <-w.late.C:
		return unix.EWOULDBLOCK
	case <-w.interrupted:
		return ErrInterrupted
	}
}

// current reports whether a file is the one that has the path's name. The lock on another one excludes nobody.
func current(f *os.File, path string) (bool, error) {
	now, err := os.Stat(path)
	if errors.Is(err, fs.ErrNotExist) {
		return false, nil
	}
	if err != nil {
		return false, err
	}
	ours, err := f.Stat()
	return err == nil && os.SameFile(ours, now), err
}

// File is what holds the lock, for a process that is to hold it as well. It is close-on-exec.
func (l *Lock) File() *os.File { return l.file }

// Release lets go of the lock, as far as this process is concerned, and removes the holder's name.
func (l *Lock) Release() {
	if l.named {
		_ = write(l.file, "")
	}
	l.file.Close()
}

// signature begins what is ours to overwrite.
const signature = "lastout "

// Name writes who holds the lock into the file. That it cannot be written, or that the file holds something else, is no error: the lock
// does not depend on it.
func (l *Lock) Name(pid int, since time.Time, command string) {
	if old := firstBytes(l.file); old != "" && !isOurs(old) {
		return
	}
	mark := unix.Flock_t{Type: unix.F_RDLCK, Whence: io.SeekStart, Start: 0, Len: 1}
	if unix.FcntlFlock(l.file.Fd(), unix.F_OFD_SETLK, &mark) != nil {
		return
	}
	l.named = true
	_ = write(l.file, fmt.Sprintf("%s%d since %s: %s\n", signature, pid, since.UTC().Format(time.RFC3339), command))
}

// write opens the file anew: the lock itself is not open for writing. By its descriptor, because the path may have come to mean another.
func write(f *os.File, text string) error {
	w, err := os.OpenFile(fmt.Sprintf("/proc/self/fd/%d", f.Fd()), os.O_WRONLY, 0)
	if err != nil {
		return err
	}
	defer w.Close()
	if err := w.Truncate(0); err != nil || text == "" {
		return err
	}
	_, err = w.WriteString(text)
	return err
}
