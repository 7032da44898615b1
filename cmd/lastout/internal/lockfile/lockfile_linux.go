package lockfile

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"time"

	"lastout/cmd/lastout/internal/safepath"

	"golang.org/x/sys/unix"
)

// Lock is a lock that is held.
type Lock struct {
	file *os.File
	path *safepath.Path
	name string // what we have written into it
}

// Check finds out whether there is such a file, or can be.
func Check(path string) error {
	l, err := open(path, unix.O_RDONLY)
	if err == nil {
		l.close()
	}
	return err
}

// Acquire takes the lock on a file, which it makes (0644) if there is none; the file may be a
// directory, too. It waits for as long as it is told to, in a thread of its own, without polling; 0
// does not wait. A file that was removed or replaced meanwhile is let go for the one that has its
// name now.
//
// The error is a [*BusyError] if somebody else holds the lock, and [ErrInterrupted] once
// interrupted is closed. After either the thread waits on, and has the lock once it is free, until
// the process exits: that is meant to be soon. waiting, if not nil, is called once before it is
// waited for.
func Acquire(path string, wait time.Duration, interrupted <-chan struct{}, waiting func(*BusyError)) (*Lock, error) {
	w := waiter{path: path, wait: wait, late: timer(wait), interrupted: interrupted, waiting: waiting}
	defer w.late.Stop()
	for {
		l, err := w.take()
		if err != nil {
			return nil, err
		}
		same, err := l.current(path)
		if same {
			return l, nil
		}
		l.close()
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

// take returns the file that has the path's name, locked; though by then it may be another that has
// it.
func (w *waiter) take() (*Lock, error) {
	l, err := open(w.path, unix.O_RDONLY)
	if err != nil {
		return nil, err
	}
	err = lockNow(l.file)
	if err == unix.EBADF { // NFS wants it open for writing (flock(2))
		l.close()
		if l, err = open(w.path, unix.O_RDWR); err != nil {
			return nil, err
		}
		err = lockNow(l.file)
	}
	if err == unix.EWOULDBLOCK && w.wait != 0 {
		err = w.await(l.file)
	}
	switch err {
	case nil:
		return l, nil
	case unix.EWOULDBLOCK:
		return nil, &BusyError{w.path, holder(l.file), w.wait}
	case ErrInterrupted:
		return nil, err
	}
	l.close()
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

// open does not open for writing: a program that somebody has open so cannot be executed (ETXTBSY,
// execve(2)), and a lock may be of the command itself.
func open(path string, mode int) (*Lock, error) {
	l, err := openAt(path, mode)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", path, err)
	}
	return l, nil
}

func openAt(path string, mode int) (*Lock, error) {
	p, err := safepath.Find(path)
	if err != nil {
		return nil, err
	}
	p.Sole = true // or who has made the name has us lock a file that he may not open
	kind, err := p.Look()
	if err == nil && kind == safepath.Other {
		err = errors.New("it is neither a file nor a directory")
	}
	fd := -1
	if err == nil {
		fd, err = p.Open(mode|unix.O_CREAT, 0o644)
	}
	if err != nil {
		p.Close()
		return nil, err
	}
	return &Lock{file: os.NewFile(uintptr(fd), path), path: p}, nil
}

func (l *Lock) close() {
	l.file.Close()
	l.path.Close()
}

func lockNow(f *os.File) error { return flock(f, unix.LOCK_EX|unix.LOCK_NB) }

func flock(f *os.File, how int) error {
	for {
		if err := unix.Flock(int(f.Fd()), how); err != unix.EINTR {
			return err
		}
	}
}

// await blocks a thread in flock(2): there is nothing that tells of a lock being free but having
// it.
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

// current reports whether the file is the one that has the path's name. The lock on another one
// excludes nobody.
func (l *Lock) current(path string) (bool, error) {
	now, err := safepath.Find(path)
	if err == nil {
		defer now.Close()
		var same bool
		if same, err = now.Is(int(l.file.Fd())); err == nil {
			return same, nil
		}
	}
	if errors.Is(err, fs.ErrNotExist) {
		return false, nil
	}
	return false, err
}

// File is what holds the lock, for a process that is to hold it as well. It is close-on-exec.
func (l *Lock) File() *os.File { return l.file }

// Release lets go of the lock, as far as this process is concerned, and removes the holder's name.
// What somebody else has written into the file stays.
func (l *Lock) Release() {
	if l.name != "" && firstBytes(l.file) == l.name {
		_ = l.write("")
	}
	l.close()
}

// signature begins what is ours to overwrite.
const signature = "lastout "

// Name writes who holds the lock into the file. That it cannot be written, or that the file holds
// something else, is no error: the lock does not depend on it.
func (l *Lock) Name(pid int, since time.Time, command string) {
	if old := firstBytes(l.file); old != "" && !isOurs(old) {
		return
	}
	mark := unix.Flock_t{Type: unix.F_RDLCK, Whence: io.SeekStart, Start: 0, Len: 1}
	if unix.FcntlFlock(l.file.Fd(), unix.F_OFD_SETLK, &mark) != nil {
		return
	}
	l.name = fmt.Sprintf("%s%d since %s: %s\n", signature, pid, since.UTC().Format(time.RFC3339), command)
	_ = l.write(l.name)
}

// write opens the file anew: the lock itself is not open for writing. It has to be the same file:
// the path may have come to mean another.
func (l *Lock) write(text string) error {
	fd, err := l.path.Open(unix.O_WRONLY, 0)
	if err != nil {
		return err
	}
	w := os.NewFile(uintptr(fd), l.file.Name())
	defer w.Close()
	ours, err := l.file.Stat()
	if err != nil {
		return err
	}
	if now, err := w.Stat(); err != nil || !os.SameFile(ours, now) {
		return err
	}
	if err := w.Truncate(0); err != nil || text == "" {
		return err
	}
	_, err = w.WriteString(text)
	return err
}
