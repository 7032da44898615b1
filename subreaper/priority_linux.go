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
	depth int  // how many have yet to restore them
	all   bool // no thread is left out
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
func (r *Reaper) Hurry() (restore func()) { return r.raised(r.hurry) }

// Alert is Hurry for as long as a job runs, with Options.Exclusive only, and but for the Go runtime's monitor: that looks around
// every 20 µs while anything goes on in the process, and would take the processor from the job each time.
func (r *Reaper) Alert() (restore func()) {
	return r.raised(func() {
		r.priorities.depth++
		if r.opts.Exclusive && r.fs != nil {
			r.raise(monitor)
		}
	})
}

func (r *Reaper) raised(raise func()) (restore func()) {
	r.mu.Lock()
	defer r.mu.Unlock()
	raise()
	return func() {
		r.mu.Lock()
		defer r.mu.Unlock()
		r.calm()
	}
}

func (r *Reaper) hurry() {
	p := &r.priorities
	p.depth++
	switch {
	case p.all:
	case r.opts.Exclusive && r.fs != nil:
		p.all = true
		r.raise(nobody)
	default:
		p.all = true
		p.raise(int32(unix.Gettid()))
	}
}

// Places in the list of our threads, which the kernel keeps in the order in which they were made. The first that the runtime makes is its
// monitor (newm(sysmon, …) in runtime/proc.go).
const (
	nobody  = -1
	monitor = 1
)

// raise raises every thread but one.
func (r *Reaper) raise(but int) {
	for i, tid := range r.fs.Threads(r.walk.self) {
		if i != but {
			r.priorities.raise(tid)
		}
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
	p.saved, p.all = nil, false
	r.dropNamer()
}

func (p *priorities) raise(tid int32) {
	if _, done := p.saved[tid]; done {
		return
	}
	old, err := unix.SchedGetAttr(int(tid), 0)
	if err != nil || old.Policy != unix.SCHED_NORMAL && old.Policy != unix.SCHED_BATCH {
		return
	}
	old.Size = unix.SizeofSchedAttr
	fast := unix.SchedAttr{Size: unix.SizeofSchedAttr, Policy: unix.SCHED_RR, Priority: 1, Flags: unix.SCHED_FLAG_RESET_ON_FORK}
	nice := *old
	nice.Nice, nice.Flags = -20, unix.SCHED_FLAG_RESET_ON_FORK
	if unix.SchedSetAttr(int(tid), &fast, 0) == nil || unix.SchedSetAttr(int(tid), &nice, 0) == nil {
		if p.saved == nil {
			p.saved = make(map[int32]*unix.SchedAttr)
		}
		p.saved[tid] = old
	}
}
