package subreaper

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"sync"
	"syscall"
	"unsafe"

	"lastout/subreaper/internal/proc"

	"golang.org/x/sys/unix"
)

// Reaper owns every wait of the process. It is safe for concurrent use.
type Reaper struct {
	opts Options
	fs   *proc.FS // nil without a usable /proc
	lost error    // why fs is nil

	mu       sync.Mutex
	wake     sync.Cond // something to wait for, or closed
	watched  map[int32]*Child
	commands map[int32]*command
	held     *Child // exited and not reaped: its zombie would answer every wait, so the loop pauses
	waiting  bool   // there are, or may be, children
	closed   bool
	was      bool // the process was a subreaper before
	reaped   int
	total    Usage
	walk     walker
	threaded map[int32]bool // whose threads somebody has looked at, see asOthers
	priorities
	namer   *namer // while somebody is in a hurry
	pidfds  []int32
	sigchld chan os.Signal // set while there are commands, see beside
	done    chan struct{}  // closed by Close
}

// procDir is where /proc is mounted; tests change it.
var procDir = "/proc"

// New makes the process a subreaper (PR_SET_CHILD_SUBREAPER, Linux 3.4) and starts to reap what it
// adopts, children that it has already among them. There must be one Reaper at most in a process.
func New(opts Options) (*Reaper, error) {
	was, err := IsSet()
	if err != nil {
		return nil, err
	}
	if err := set(true); err != nil {
		return nil, err
	}
	if opts.Logger == nil {
		opts.Logger = slog.New(slog.DiscardHandler)
	}
	r := &Reaper{
		opts: opts, was: was,
		watched: make(map[int32]*Child), commands: make(map[int32]*command),
		threaded: make(map[int32]bool), done: make(chan struct{}),
	}
	r.wake.L = &r.mu
	r.fs, r.lost = proc.Open(procDir)
	r.walk.init(r)
	r.waiting = !childless() // what an exec handed to us: sh -c 'server & exec prog'
	for _, pid := range opts.Spare {
		r.addCommand(int32(pid))
	}
	go r.loop()
	return r, nil
}

// IsSet reports whether the process is a subreaper (PR_GET_CHILD_SUBREAPER, Linux 3.4). The setting
// belongs to the process and is kept by execve(2), but not inherited by fork(2).
func IsSet() (bool, error) {
	var set int32
	if err := unix.Prctl(unix.PR_GET_CHILD_SUBREAPER, uintptr(unsafe.Pointer(&set)), 0, 0, 0); err != nil {
		return false, fmt.Errorf("read the subreaper setting: %w", err)
	}
	return set != 0, nil
}

func set(on bool) error {
	arg := uintptr(0)
	if on {
		arg = 1
	}
	if err := unix.Prctl(unix.PR_SET_CHILD_SUBREAPER, arg, 0, 0, 0); err != nil {
		return fmt.Errorf("become a subreaper: %w", err)
	}
	return nil
}

// Degraded says what is lost on this machine, nil where nothing is: without /proc, descendants that
// are not our children are found only once their parents are dead.
func (r *Reaper) Degraded() error { return r.lost }

// Close stops reaping and gives up being a subreaper, unless the process was one before New.
// Descendants live on: call End first to end them. A wait that is under way ends, without reaping,
// when something happens to a child.
func (r *Reaper) Close() error {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.closed {
		return errors.New("the reaper is closed already")
	}
	r.closed = true
	close(r.done)
	r.dropNamer()
	r.wake.Signal()
	r.dropCommands()
	if r.fs != nil {
		r.fs.Close()
		r.fs = nil
	}
	return set(r.was)
}

// Totals returns how many processes were reaped and what they used.
func (r *Reaper) Totals() (reaped int, total Usage) {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.reaped, r.total
}

// Childless reports whether the process has no child, commands of others aside: not running,
// stopped or zombie.
func (r *Reaper) Childless() bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	return childless() || !r.closed && len(r.commands) > 0 && len(r.walk.allChildren()) == 0
}

// loop is the one that waits. It only looks (WNOWAIT) while it is blocked, and reaps under the
// lock, so that nothing that is being signalled or registered by another goroutine can be reaped
// under its hands.
func (r *Reaper) loop() {
	var info siginfo
	var ru unix.Rusage
	r.mu.Lock()
	defer r.mu.Unlock()
	for {
		for !r.closed && (!r.waiting || r.held != nil) {
			r.wake.Wait()
		}
		if r.closed {
			return
		}
		r.mu.Unlock()
		errno := waitid(unix.P_ALL, 0, waitAnything, &info, &ru)
		r.mu.Lock()
		switch {
		case r.closed:
			return
		case errno == 0:
			r.happened(&info, &ru)
		case childless(): // asked again: one may have been started since
			r.waiting = false
			r.empty()
		}
	}
}

// happened deals with one thing that a wait has shown. It may be stale: End may have reaped
// meanwhile.
func (r *Reaper) happened(info *siginfo, ru *unix.Rusage) {
	c, watched := r.watched[info.PID]
	if !watched {
		r.noticeCommands()
	}
	switch {
	case watched && info.Code >= cldTrapped:
		if r.consumeStop(info) {
			c.changed(Change{Exit: Exit{PID: c.PID, Status: info.waitStatus()}})
		}
	case info.Code >= cldTrapped:
		r.consumeStop(info)
	case watched:
		r.childExited(c, info, ru)
	case r.ownedByCommand(info.PID):
		r.beside()
	default:
		r.reap(info.PID, info, ru)
		r.checkEmpty()
	}
}

// consumeStop takes a stop or a continuation off the kernel's list; it reports false if that is
// gone by now.
func (r *Reaper) consumeStop(info *siginfo) bool {
	return waitidNow(unix.P_PID, int(info.PID), waitStops, info, nil) == 0 && info.PID != 0
}

// reap reaps one child, if it has exited, and accounts for it.
func (r *Reaper) reap(pid int32, info *siginfo, ru *unix.Rusage) bool {
	debug := r.opts.Logger.Enabled(context.Background(), slog.LevelDebug)
	var seen Process
	if debug || r.opts.Describe != nil && r.opts.Describe() {
		seen = r.zombie(pid)
	}
	if r.threaded[pid] && exited(pid) {
		defer r.asOthers()()
	}
	if waitidNow(unix.P_PID, int(pid), waitExit, info, ru) != 0 || info.PID == 0 {
		return false
	}
	delete(r.threaded, pid)
	exit := Exit{PID: int(pid), Status: info.waitStatus(), Usage: usageOf(ru), Comm: seen.Comm, Age: seen.Age}
	r.reaped++
	r.total.Add(exit.Usage)
	if c := r.watched[pid]; c != nil {
		c.gone(exit)
	} else if debug {
		r.opts.Logger.Debug("reaped an adopted orphan", "pid", pid, "comm", seen.Comm, "status",
			statusText(exit.Status))
	}
	if r.opts.Reaped != nil {
		r.opts.Reaped(exit)
	}
	return true
}

func statusText(st syscall.WaitStatus) string {
	if st.Signaled() {
		return st.Signal().String()
	}
	return fmt.Sprintf("exit status %d", st.ExitStatus())
}

// zombie describes a child that is to be reaped, if it has exited.
func (r *Reaper) zombie(pid int32) Process {
	var st proc.Stat
	if r.fs == nil || !exited(pid) || !r.fs.Stat(pid, &st) {
		return Process{}
	}
	return describe(pid, &st, clockTicks())
}

// checkEmpty reports emptiness where ECHILD cannot, because commands of somebody else are our
// children too.
func (r *Reaper) checkEmpty() {
	if len(r.commands) > 0 && len(r.watched) == 0 && len(r.walk.directChildren()) == 0 {
		r.empty()
	}
}

func (r *Reaper) empty() {
	if r.opts.Empty != nil {
		r.opts.Empty()
	}
}
