package subreaper

import (
	"runtime"

	"golang.org/x/sys/unix"
)

// priorities raises threads of ours before ordinary ones, if that is allowed (CAP_SYS_NICE).
// Against a fork bomb speed decides; and with autogroup scheduling (sched(7)) a nice value counts
// only within a session, while every session that a bomb opens gets as much of the processor as
// ours does. A real-time policy is above all that. Threads and processes that come from a raised
// thread do not inherit it (SCHED_FLAG_RESET_ON_FORK).
type priorities struct {
	depth int  // how many are in a hurry
	alert bool // see Alert
	saved map[int32]*unix.SchedAttr
}

// stay keeps the calling goroutine on its thread, the only one that is raised where others have
// work of their own.
func (r *Reaper) stay() (leave func()) {
	if r.opts.Exclusive {
		return func() {}
	}
	runtime.LockOSThread()
	return runtime.UnlockOSThread
}

// Hurry puts the threads of this process before those of the tree until restore is called: all of
// them with Options.Exclusive, the calling one otherwise. SignalAll and End do so by themselves.
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

// Alert is Hurry for as long as a job runs, with Options.Exclusive only, and but for the Go
// runtime's monitor: that looks around every 20 µs while anything goes on in the process, and would
// take the processor from the job each time. There is one at a time.
func (r *Reaper) Alert() (restore func()) {
	r.mu.Lock()
	defer r.mu.Unlock()
	p := &r.priorities
	if p.alert = r.raisesAll(); p.alert {
		r.raiseAllBut(r.monitor())
	}
	return func() {
		r.mu.Lock()
		defer r.mu.Unlock()
		if p.alert = false; p.depth == 0 {
			p.restoreAll()
		}
	}
}

func (r *Reaper) hurry() {
	p := &r.priorities
	if p.depth++; p.depth > 1 {
		return
	}
	if !r.raisesAll() {
		p.raise(int32(unix.Gettid()))
		return
	}
	r.raiseAllBut(0)
}

func (r *Reaper) raiseAllBut(but int32) {
	for _, tid := range r.threads() {
		if tid != but {
			r.priorities.raise(tid)
		}
	}
}

func (r *Reaper) calm() {
	p := &r.priorities
	if p.depth--; p.depth > 0 {
		return
	}
	if p.alert {
		p.restore(r.monitor())
	} else {
		p.restoreAll()
	}
	r.dropNamer()
}

// raisesAll reports whether all threads of the process are ours to raise.
func (r *Reaper) raisesAll() bool { return r.opts.Exclusive && !r.closed }

// threads lists the threads of this process, the oldest first. Without /proc these are the first
// that it made: tgkill(2) knows which numbers are its threads.
func (r *Reaper) threads() (tids []int32) {
	if r.fs != nil {
		return r.fs.Threads(r.walk.self)
	}
	self := int(r.walk.self)
	for tid := self; tid < self+soon; tid++ {
		if unix.Tgkill(self, tid, 0) == nil {
			tids = append(tids, int32(tid))
		}
	}
	return tids
}

// soon is among how many numbers after its own a process has those of its first threads.
const soon = 256

// monitor returns the thread of the runtime's monitor: the first that the runtime makes
// (newm(sysmon, …) in runtime/proc.go). The kernel keeps them in that order.
func (r *Reaper) monitor() int32 {
	if !r.raisesAll() {
		return 0
	}
	if tids := r.threads(); len(tids) > 1 {
		return tids[1]
	}
	return 0
}

// asOthers takes the calling thread back to where the threads of others are, for as long as it
// reaps a process with threads whose directories in /proc have been looked at. An exiting thread
// makes the kernel forget its own directory, and the one who reaps the process makes it forget all
// of them: it waits for those that are being forgotten, without sleeping (proc_flush_pid in
// fs/proc/base.c, shrink_dcache_parent in fs/dcache.c). Above the exiting thread on its processor
// it would wait until the kernel takes that away from real-time threads: 0.95 s
// (sched_rt_runtime_us in sched(7)).
//
// The goroutine is not locked to its thread: for that the Go runtime makes one more thread, which
// it might not get now. Should it be moved to another one, which takes a collection of garbage at
// this very moment, the wait is as long as it was.
func (r *Reaper) asOthers() (again func()) {
	tid := int32(unix.Gettid())
	if r.priorities.saved[tid] == nil {
		return func() {}
	}
	r.priorities.restore(tid)
	return func() { r.priorities.raise(tid) }
}

func (p *priorities) restore(tid int32) {
	if attr := p.saved[tid]; attr != nil {
		_ = unix.SchedSetAttr(int(tid), attr, 0)
		delete(p.saved, tid)
	}
}

func (p *priorities) restoreAll() {
	for tid := range p.saved {
		p.restore(tid)
	}
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
	fast := unix.SchedAttr{Size: unix.SizeofSchedAttr, Policy: unix.SCHED_RR, Priority: 1,
		Flags: unix.SCHED_FLAG_RESET_ON_FORK}
	nice := *old
	nice.Nice, nice.Flags = -20, unix.SCHED_FLAG_RESET_ON_FORK
	if !timed() && unix.SchedSetAttr(int(tid), &fast, 0) == nil || unix.SchedSetAttr(int(tid), &nice, 0) == nil {
		if p.saved == nil {
			p.saved = make(map[int32]*unix.SchedAttr)
		}
		p.saved[tid] = old
	}
}

// timed reports whether the kernel kills a thread with a real-time policy that runs for long
// (RLIMIT_RTTIME, getrlimit(2)).
func timed() bool {
	var limit unix.Rlimit
	return unix.Getrlimit(unix.RLIMIT_RTTIME, &limit) == nil && limit.Cur != unix.RLIM_INFINITY
}
