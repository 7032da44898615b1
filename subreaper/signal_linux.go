package subreaper

import (
	"runtime"
	"syscall"
	"time"

	"lastout/subreaper/internal/proc"

	"golang.org/x/sys/unix"
)

// SignalAll sends the signals, in order, to every descendant that was alive when it was called, once each, parents
// before their children, and returns them. What is born later is not signalled. Nothing is reaped meanwhile.
// Processes that may not be signalled are returned like the others. Without signals it only lists.
func (r *Reaper) SignalAll(sigs ...syscall.Signal) []Process {
	return r.SignalEach(func(Process) []syscall.Signal { return sigs })
}

// SignalEach is SignalAll with signals that are chosen for each process. choose must not call the Reaper.
func (r *Reaper) SignalEach(choose func(Process) []syscall.Signal) []Process {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.closed {
		return nil
	}
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	r.hurry()
	defer r.calm()
	s := signaller{r: r, walker: &r.walk, choose: choose, until: clockTicks(), seen: make(map[int32]uint64)}
	if r.fs == nil {
		s.withoutProc()
		return s.found
	}
	// A list is a hint: while processes exit, others can slip through it. The second pass makes sure of those,
	// and births cannot keep us here: they are younger than until.
	for s.pass() > 0 {
	}
	return s.found
}

// signaller is one call of SignalAll.
type signaller struct {
	r *Reaper
	*walker
	choose func(Process) []syscall.Signal
	until  uint64 // start time in clock ticks of the youngest that is meant
	seen   map[int32]uint64
	found  []Process
	most   int // how many are wanted; 0: all
}

func (s *signaller) pass() (fresh int) {
	var st proc.Stat
	for _, pid := range append([]int32(nil), s.directChildren()...) {
		if s.r.fs.Stat(pid, &st) {
			fresh += s.visit(node{pid, -1}, &st)
		}
	}
	return fresh
}

// visit signals n and goes on below it. The children are listed before the signal: its death would give them to us.
func (s *signaller) visit(n node, st *proc.Stat) (fresh int) {
	if st.Start > s.until || st.Dead() || s.most > 0 && len(s.found) >= s.most {
		return 0
	}
	var sigs []syscall.Signal
	if s.seen[n.pid] != st.Start {
		s.seen[n.pid] = st.Start
		fresh = 1
		p := s.r.describe(n.pid, st, true)
		s.found = append(s.found, p)
		sigs = s.choose(p)
	}
	var children []int32
	if s.deep() {
		children = s.push(n, st.Threads)
		defer s.pop(children)
	}
	s.send(n, sigs)
	for _, pid := range children {
		if child, ok := s.hold(pid, st); ok {
			fresh += s.visit(child, st)
			child.close()
		}
	}
	return fresh
}

func (s *signaller) send(n node, sigs []syscall.Signal) {
	for _, sig := range sigs {
		if n.signal(sig) == 0 {
			s.r.opts.Logger.Info("signalled", "pid", n.pid, "signal", unix.SignalName(sig))
		}
	}
}

// withoutProc signals the direct children, which is all that can be known.
func (s *signaller) withoutProc() {
	for _, pid := range s.directChildren() {
		p := unknown(pid)
		s.found = append(s.found, p)
		s.send(node{pid, -1}, s.choose(p))
	}
}

// unknown is all that is known of a child without /proc.
func unknown(pid int32) Process {
	return Process{PID: int(pid), PPID: syscall.Getpid(), Cmdline: "?"}
}

// Descendants lists every descendant that is alive.
func (r *Reaper) Descendants() []Process { return r.SignalAll() }

// look reads what /proc tells of a process.
func (r *Reaper) look(pid int32) (Process, bool) {
	var st proc.Stat
	if r.fs == nil || !r.fs.Stat(pid, &st) {
		return Process{}, false
	}
	return r.describe(pid, &st, true), true
}

// describe makes a Process of what was read of it, with its command line or, where that is not wanted or not to be had, its short name.
func (r *Reaper) describe(pid int32, st *proc.Stat, named bool) Process {
	p := Process{
		PID: int(pid), PPID: int(st.PPID), PGID: int(st.PGID), SID: int(st.SID),
		Comm: string(st.Comm), start: st.Start, dead: st.Dead(),
		Age: max(0, time.Duration(int64(clockTicks())-int64(st.Start))*tick),
	}
	if named {
		if r.namer == nil {
			r.namer = newNamer()
		}
		p.Cmdline = r.namer.cmdline(pid)
	}
	if p.Cmdline == "" {
		p.Cmdline = "[" + p.Comm + "]"
	}
	return p
}

// tick is the unit of starttime in proc_pid_stat(5): USER_HZ, 100 on every architecture that Go has.
const tick = 10 * time.Millisecond

// clockTicks returns the time since boot as starttime counts it, which includes suspends (Linux 2.6.39).
func clockTicks() uint64 {
	var ts unix.Timespec
	_ = unix.ClockGettime(unix.CLOCK_BOOTTIME, &ts)
	return uint64(ts.Nano()) / uint64(tick)
}
