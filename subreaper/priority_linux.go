package subreaper

import (
	"runtime"

	"golang.org/x/sys/unix"
)

// priorities raises threads of ours before ordinary ones, if that is allowed (CAP_SYS_NICE). Against a fork bomb speed
// decides; and with autogroup scheduling (sched(7)) a nice value counts only within a session, while every session
// that a bomb opens gets as much of the processor as ours does. A real-time policy is above all that. Threads
// and processes that come from a raised thread do not inherit it (SCHED_FLAG_RESET_ON_FORK).
type priorities struct {
	depth int
	saved map[int32]*unix.SchedAttr
}

// stay keeps the calling goroutine on its thread, the only one that is raised where others have work of their own.
func (r *Reaper) stay() (leave func()) {
	if r.opts.Exclusive {
		return func() {}
	}
	runtime.LockOSThread()
	return runtime.UnlockOSThread
}

// Hurry puts the threads of this process before those of the tree until restore is called: all of them with
// Options.Exclusive, the calling one otherwise. SignalAll and End do so by themselves.
func (r *Reaper) Hurry() (restore func()) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.hurry()
	return func() {
		r.mu.Lock()
		defer r.mu.Unlock()
		r.calm()
	}
}

func (r *Reaper) hurry() {
	p := &r.priorities
	if p.depth++; p.depth > 1 {
		return
	}
	p.saved = make(map[int32]*unix.SchedAttr)
	if !r.opts.Exclusive || r.fs == nil {
		p.raise(int32(unix.Gettid()))
		return
	}
	for _, tid := range r.fs.Threads(r.walk.self) {
		p.raise(tid)
	}
}

func (r *Reaper) calm() {
	p := &r.priorities
	if p.depth--; p.depth > 0 {
		return
	}
	for tid, attr := range p.saved {
		_ = unix.SchedSetAttr(int(tid), attr, 0)
	}
	p.saved = nil
	r.dropNamer()
}

func (p *priorities) raise(tid int32) {
	old, err := unix.SchedGetAttr(int(tid), 0)
	if err != nil || old.Policy != unix.SCHED_NORMAL && old.Policy != unix.SCHED_BATCH {
		return
	}
	old.Size = unix.SizeofSchedAttr
	fast := unix.SchedAttr{Size: unix.SizeofSchedAttr, Policy: unix.SCHED_RR, Priority: 1, Flags: unix.SCHED_FLAG_RESET_ON_FORK}
	nice := *old
	nice.Nice, nice.Flags = -20, unix.SCHED_FLAG_RESET_ON_FORK
	if unix.SchedSetAttr(int(tid), &fast, 0) == nil || unix.SchedSetAttr(int(tid), &nice, 0) == nil {
		p.saved[tid] = old
	}
}
