package subreaper

import (
	"slices"
	"time"

	"lastout/subreaper/internal/proc"

	"golang.org/x/sys/unix"
)

// maxNamed is how many are asked for their command line before they are killed.
const maxNamed = 64

// maxDescribed is how many are told with more than their number: with very many, time is better
// spent on killing.
const maxDescribed = 256

// maxAsked is how many direct children are asked for their age, which tells whether they are to be
// counted.
const maxAsked = 4096

// meetChildren tells of the direct children that this pass has killed.
func (e *ender) meetChildren() {
	for _, pid := range e.struck {
		e.meetChild(pid)
		e.report(pid, e.killed[pid].errno)
	}
}

// meetChild tells of a direct child that has been killed.
func (e *ender) meetChild(pid int32) {
	if !e.untold(pid) {
		return
	}
	var info siginfo
	_ = waitidNow(unix.P_PID, int(pid), waitExit|unix.WNOWAIT, &info, nil)
	if info.PID != 0 && (info.Code != cldKilled || info.Status != int32(unix.SIGKILL)) {
		return // it had exited before
	}
	var st proc.Stat
	before := e.passes == 0 || e.opts.AtOnce != nil // whoever is born while we kill one by one is not counted
	switch {
	case before && (e.met >= maxDescribed || e.r.fs == nil):
		e.opts.Found(Process{PID: int(pid)})
	case e.r.fs == nil || e.asked >= maxAsked:
	case e.r.fs.Stat(pid, &st):
		e.asked++
		e.meet(pid, &st)
	case before:
		e.opts.Found(unknown(pid))
	}
}

// introduce tells of the first few with their command lines, which are lost with them. Killing is
// what cannot wait: the others are told by their short names.
func (e *ender) introduce() {
	if e.opts.Found == nil || e.r.fs == nil {
		return
	}
	s := signaller{r: e.r, walker: e.walker, until: e.until, seen: make(map[int32]int), most: maxNamed}
	s.pass()
	untold := slices.DeleteFunc(s.found, func(p Process) bool { return !e.untold(int32(p.PID)) })
	e.r.name(untold)
	for _, p := range untold {
		e.opts.Found(p)
		e.met++
	}
}

// untold reports whether Found is to be told of a process.
func (e *ender) untold(pid int32) bool {
	return e.opts.Found != nil && (e.opts.Known == nil || !e.opts.Known(int(pid)))
}

// meet tells of a process that is about to be killed.
func (e *ender) meet(pid int32, st *proc.Stat) {
	switch {
	case st.Start > e.until || !e.untold(pid):
	case e.met >= maxDescribed:
		e.opts.Found(Process{PID: int(pid)})
	default:
		e.opts.Found(describe(pid, st, e.until))
		e.met++
	}
}

// report tells of a process that was sent SIGKILL: AtOnce may do that where we are denied it.
func (e *ender) report(pid int32, errno unix.Errno) {
	if e.opts.Killed != nil && (errno == 0 || e.opts.AtOnce != nil) {
		e.opts.Killed(int(pid))
	}
}

// tellOfSurvivors names who cannot be signalled at once, and who does not die of it though nobody
// else has died for a second; then ever more rarely.
func (e *ender) tellOfSurvivors() {
	now := time.Now()
	switch {
	case e.opts.Survivors == nil || now.Sub(e.told) < e.tell:
		return
	case now.Sub(e.moved) < time.Second && (e.opts.AtOnce != nil || !e.denied()): // they may be dying
		return
	}
	list := e.survivors()
	if now.Sub(e.moved) < time.Second { // the others may be dying
		list = slices.DeleteFunc(list, func(s Survivor) bool { return s.Err == nil })
	}
	if len(list) > 0 {
		e.opts.Survivors(list)
	}
	e.told, e.tell = now, min(max(10*e.tell, 10*time.Second), 10*time.Minute)
}

func (e *ender) denied() bool {
	for _, m := range e.killed {
		if m.errno != 0 {
			return true
		}
	}
	return false
}

// tracer returns who traces a process; 0: nobody, or that is not known.
func (e *ender) tracer(pid int32) int {
	if e.r.fs == nil {
		return 0
	}
	return e.r.fs.Tracer(pid)
}

// survivors describes who lives, and the dead that a tracer holds.
func (e *ender) survivors() (list []Survivor) {
	for pid, m := range e.killed {
		p, ok := e.r.look(pid)
		if !ok && m.start == 0 && isChild(pid) { // without /proc, or hidden there (hidepid=2)
			p, ok = unknown(pid), true
		}
		if !ok || m.start != 0 && m.start != p.start {
			continue
		}
		s := Survivor{Process: p}
		if m.errno != 0 {
			s.Err = m.errno
		} else if m.start == 0 && exited(pid) || p.dead {
			if s.Tracer = e.tracer(pid); s.Tracer == 0 {
				continue
			}
		} else if e.r.fs != nil {
			s.Wchan = e.r.fs.Wchan(pid)
		}
		list = append(list, s)
	}
	return list
}
