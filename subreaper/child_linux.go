package subreaper

import (
	"errors"
	"fmt"
	"syscall"

	"lastout/subreaper/internal/proc"

	"golang.org/x/sys/unix"
)

// errClosed is returned by what cannot work after Close.
var errClosed = errors.New("the reaper is closed")

// Child is a watched child.
type Child struct {
	PID int

	r       *Reaper
	pidfd   int  // -1 before Linux 5.3
	exited  bool // its exit has been reported
	reaped  bool
	changed func(Change)
}

// Start calls fork, which must start one child and return its process id, and watches that child:
// changed is called when it exits, is stopped or continued, under the rules of [Options]. The child
// is registered before it can be reaped. An error of fork is returned as it is.
func (r *Reaper) Start(fork func() (pid int, err error), changed func(Change)) (*Child, error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.closed {
		return nil, errClosed
	}
	pid, err := fork()
	if err != nil {
		return nil, err
	}
	c := r.watch(pid, changed)
	r.expect()
	return c, nil
}

// watch registers a child that cannot have been reaped: we hold the lock, or the loop has not
// begun.
func (r *Reaper) watch(pid int, changed func(Change)) *Child {
	c := &Child{PID: pid, r: r, changed: changed}
	if c.pidfd, _ = pidfdOpen(int32(pid)); c.pidfd < 0 {
		c.pidfd = -1
	}
	r.watched[int32(pid)] = c
	return c
}

// expect makes the loop wait.
func (r *Reaper) expect() {
	r.waiting = true
	r.wake.Signal()
}

// childExited reaps the child if nothing else of the tree lives, and holds its zombie otherwise.
func (r *Reaper) childExited(c *Child, info *siginfo, ru *unix.Rusage) {
	c.exited = true
	change := Change{Exit: Exit{PID: c.PID, Status: info.waitStatus(), Usage: usageOf(ru)}}
	if r.fs == nil || r.walk.onlyChild(c) {
		r.reap(int32(c.PID), info, ru)
		// A list is a hint, ECHILD is proof; commands that others wait for make it unavailable.
		change.Alone = childless() || len(r.commands) > 0 && r.fs != nil
	} else {
		r.held = c
	}
	r.waiting = !change.Alone || len(r.commands) > 0
	c.changed(change)
}

// Release reaps an exited child whose zombie is held. It does nothing for any other.
func (c *Child) Release() {
	r := c.r
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.held != c {
		return
	}
	var info siginfo
	var ru unix.Rusage
	r.reap(int32(c.PID), &info, &ru)
	r.held = nil
	r.expect()
}

// gone forgets a child that has been reaped. Its pidfd stays open: process-group signals may still
// go through it.
func (c *Child) gone(exit Exit) {
	c.reaped = true
	delete(c.r.watched, int32(c.PID))
	if !c.exited {
		c.exited = true
		c.changed(Change{Exit: exit})
	}
}

// Close gives the child's descriptor back. Signals to it or its group fail from then on, once it
// has been reaped.
func (c *Child) Close() {
	c.r.mu.Lock()
	defer c.r.mu.Unlock()
	if c.pidfd >= 0 {
		proc.CloseFD(c.pidfd)
		c.pidfd = -1
	}
}

// Stopping reports whether the child has been stopped and that has not been told yet. What has been
// told before it returns is for the caller to know.
func (c *Child) Stopping() bool {
	c.r.mu.Lock() // a stop is taken off the kernel's list and told under it
	defer c.r.mu.Unlock()
	var info siginfo
	return !c.reaped && waitidNow(unix.P_PID, c.PID, unix.WSTOPPED|unix.WNOWAIT|unix.WALL, &info, nil) == 0 &&
		info.PID != 0
}

// Moved reports whether the child has been stopped or continued, or has exited, and that has not
// been told yet. What has been told before it returns is for the caller to know.
func (c *Child) Moved() bool {
	c.r.mu.Lock()
	defer c.r.mu.Unlock()
	if c.reaped || c.exited {
		return false
	}
	var info siginfo
	return waitidNow(unix.P_PID, c.PID, waitAnything, &info, nil) == 0 && info.PID != 0
}

// Signal sends sig to the child. It returns ESRCH when the child has been reaped.
func (c *Child) Signal(sig syscall.Signal) error {
	c.r.mu.Lock()
	defer c.r.mu.Unlock()
	if c.reaped {
		return signalError(c.PID, sig, unix.ESRCH)
	}
	return signalError(c.PID, sig, kill(int32(c.PID), sig))
}

// SignalGroup sends sig to the process group that the child leads. Once the child has been reaped
// this needs PIDFD_SIGNAL_PROCESS_GROUP (Linux 6.9), because the group's number may have been
// recycled; ESRCH before that.
func (c *Child) SignalGroup(sig syscall.Signal) error {
	c.r.mu.Lock()
	defer c.r.mu.Unlock()
	errno := unix.ESRCH
	switch {
	case !c.reaped: // alive or a zombie: either pins the number
		errno = kill(-int32(c.PID), sig)
	case c.pidfd >= 0:
		if errno = pidfdSignal(c.pidfd, sig, groupFlag); errno == unix.EINVAL {
			errno = unix.ESRCH
		}
	}
	return signalError(-c.PID, sig, errno)
}

func signalError(pid int, sig syscall.Signal, errno syscall.Errno) error {
	if errno != 0 {
		return fmt.Errorf("send %s to %d: %w", unix.SignalName(sig), pid, errno)
	}
	return nil
}
