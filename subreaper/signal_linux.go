package subreaper

import (
	"syscall"
	"time"

	"lastout/subreaper/internal/proc"

	"golang.org/x/sys/unix"
)

// SignalAll sends the signals, in order, to every descendant that was alive when it was called,
// once each, parents before their children, and returns them. What is born later is not signalled.
// Nothing is reaped meanwhile. Processes that may not be signalled are returned like the others.
// Without signals it only lists.
func (r *Reaper) SignalAll(sigs ...syscall.Signal) []Process {
	return r.SignalEach(func(Process) []syscall.Signal { return sigs })
}

// SignalEach is SignalAll with signals that are chosen for each process. choose must not call the
// Reaper.
func (r *Reaper) SignalEach(choose func(Process) []syscall.Signal) []Process {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.closed {
		return nil
	}
	defer r.stay()()
	r.hurry()
	defer r.calm()
	s := signaller{r: r, walker: &r.walk, until: clockTicks(), seen: make(map[int32]int)}
	if r.fs == nil {
		s.withoutProc(choose)
		return s.found
	}
	s.list()
	if choose == nil {
		return s.found
	}
	// While processes exit, others can slip through a list. A pass more makes sure of those, and
	// births cannot keep us here: they are younger than until.
	for s.choose = choose; s.pass() > 0; {
	}
	return s.found
}

// signaller is one call of SignalEach.
type signaller struct {
	r *Reaper
	*walker
	choose func(Process) []syscall.Signal // nil: nobody is signalled yet
	until  uint64                         // start time in clock ticks of the youngest that is meant
	most   int                            // how many are wanted; 0: all
	seen   map[int32]int                  // by process id, into found
	found  []Process
	told   []bool // which of those were signalled
}

// list finds everybody, with their command lines.
func (s *signaller) list() {
	for s.pass() > 0 && s.most == 0 {
	}
	s.r.name(s.found)
}

// pass returns how many were found, or signalled, that had not been before.
func (s *signaller) pass() (fresh int) {
	var st proc.Stat
	for _, pid := range append([]int32(nil), s.directChildren()...) {
		if s.full() {
			return fresh
		}
		if s.r.fs.Stat(pid, &st) {
			fresh += s.visit(node{pid, -1}, &st)
		} else if !exited(pid) {
			fresh += s.visitUnknown(pid)
		}
	}
	return fresh
}

// visitUnknown signals a child of which /proc does not tell: see Look.
func (s *signaller) visitUnknown(pid int32) (fresh int) {
	i, known := s.seen[pid]
	if !known {
		i, fresh = len(s.found), 1
		s.seen[pid] = i
		s.found, s.told = append(s.found, unknown(pid)), append(s.told, false)
	}
	if s.choose != nil && !s.told[i] {
		s.told[i], fresh = true, 1
		s.send(node{pid, -1}, s.choose(s.found[i]))
	}
	return fresh
}

func (s *signaller) full() bool { return s.most > 0 && len(s.found) >= s.most }

// visit signals n and goes on below it. The children are listed before the signal: its death would
// give them to us.
func (s *signaller) visit(n node, st *proc.Stat) (fresh int) {
	if st.Start > s.until || st.Dead() || s.full() {
		return 0
	}
	i, known := s.seen[n.pid]
	if !known || s.found[i].start != st.Start {
		i, fresh = len(s.found), 1
		s.seen[n.pid] = i
		s.found = append(s.found, describe(n.pid, st, s.until))
		s.told = append(s.told, false)
	}
	var children []int32
	if s.deep() {
		children = s.push(n, st.Threads)
		defer s.pop(children)
	}
	if s.choose != nil && !s.told[i] {
		s.told[i], fresh = true, 1
		s.send(n, s.choose(s.found[i]))
	}
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

// withoutProc signals the direct children that a search finds, which is all that can be known.
func (s *signaller) withoutProc(choose func(Process) []syscall.Signal) {
	s.choose = choose
	for _, pid := range s.knownChildren() {
		s.visitUnknown(pid)
	}
}

// unknown is all that is known of a child without /proc.
func unknown(pid int32) Process {
	return Process{PID: int(pid), PPID: syscall.Getpid(), Cmdline: "?"}
}

// Descendants lists every descendant that is alive.
func (r *Reaper) Descendants() []Process { return r.SignalEach(nil) }

// First lists descendants that are alive, the first that are found, n at most.
func (r *Reaper) First(n int) []Process {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.closed || r.fs == nil {
		return nil
	}
	s := signaller{r: r, walker: &r.walk, until: clockTicks(), most: n, seen: make(map[int32]int)}
	s.list()
	return s.found
}

// look reads what /proc tells of a process.
func (r *Reaper) look(pid int32) (Process, bool) {
	var st proc.Stat
	if r.fs == nil || !r.fs.Stat(pid, &st) {
		return Process{}, false
	}
	one := []Process{describe(pid, &st, clockTicks())}
	r.name(one)
	return one[0], true
}

// describe makes a Process of what was read of it at the time now, with its short name for a
// command line.
func describe(pid int32, st *proc.Stat, now uint64) Process {
	comm := string(st.Comm)
	return Process{
		PID: int(pid), PPID: int(st.PPID), PGID: int(st.PGID), SID: int(st.SID),
		Comm: comm, Cmdline: "[" + comm + "]", start: st.Start, dead: st.Dead(),
		Age: max(0, time.Duration(int64(now)-int64(st.Start))*tick),
	}
}

// name puts the command lines in the place of the short names where they are to be had.
func (r *Reaper) name(procs []Process) {
	if len(procs) == 0 {
		return
	}
	if r.namer == nil {
		r.namer = newNamer(r.opts.Exclusive)
	}
	r.namer.name(procs)
}

// tick is the unit of starttime in proc_pid_stat(5): USER_HZ, 100 on every architecture that Go
// has.
const tick = 10 * time.Millisecond

// clockTicks returns the time since boot as starttime counts it, which includes suspends (Linux
// 2.6.39).
func clockTicks() uint64 {
	var ts unix.Timespec
	_ = unix.ClockGettime(unix.CLOCK_BOOTTIME, &ts)
	return uint64(ts.Nano()) / uint64(tick)
}
