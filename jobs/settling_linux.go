package jobs

import (
	"context"
	"log/slog"
	"slices"
	"syscall"
	"time"

	"lastout/subreaper"

	"golang.org/x/sys/unix"
)

// beginSettling gives those that are left time to end by themselves. The leader's zombie is not
// held for as long: while it is, nobody is reaped.
func (l *life) beginSettling() {
	l.release()
	l.patience.begin(l.job, !l.asked.IsZero(), time.Now())
	l.lookAgain(firstLook)
}

func (l *life) lookAgain(after time.Duration) {
	stopTimers(l.next)
	l.next = timer(after)
}

// look looks at everybody who lives. It reports false where there are too many, or there is no way
// to see them.
func (l *life) look(pipes bool) ([]subreaper.Activity, bool) {
	if pipes {
		l.knowOurs()
	}
	return l.host.reaper.Look(subreaper.LookOptions{Max: maxSeen, Pipes: pipes, Ours: l.isOurs})
}

// isOurs reports whether a pipe was open before the job was. Everybody in the job may have
// inherited it, and whether it has ended says nothing of who has it.
func (l *life) isOurs(pipe subreaper.PipeID) bool { return l.ours[pipe] }

// knowOurs finds out which pipes are ours, before anybody looks at pipes.
func (l *life) knowOurs() {
	if l.ours != nil {
		return
	}
	l.ours = make(map[subreaper.PipeID]bool)
	for _, p := range append(l.host.reaper.OpenPipes(nil), l.passed...) {
		l.ours[p.ID] = true
	}
}

// readingUs reports whether all that are left read what this process writes, so that they cannot
// end before it has closed that.
func (l *life) readingUs() bool {
	written := make(map[subreaper.PipeID]bool)
	for _, p := range l.host.reaper.OpenPipes(nil) {
		written[p.ID] = p.Writes
	}
	list, all := l.host.reaper.Look(subreaper.LookOptions{Max: maxSeen, Pipes: true})
	if !all || len(list) == 0 {
		return false
	}
	f, readers := newFlow(list), make(set)
	for i := range list {
		for _, p := range list[i].Pipes {
			if p.Stdin && p.Reads && written[p.ID] {
				readers[i] = true
			}
		}
	}
	return len(f.draining(readers)) == len(list)
}

// glance is one look at those that are left: while they settle, and while readers have not been
// sent the stop signal.
func (l *life) glance() {
	now := time.Now()
	switch l.state {
	case settling:
		l.settleOn(now)
	case stopping, draining:
		l.stopReaders(now)
	}
	if l.state == settling || l.attentive() {
		l.lookAgain(l.patience.rest(now, time.Since(now)))
	}
}

// attentive reports whether there is something to be seen while the others are being stopped.
func (l *life) attentive() bool {
	return (l.state == stopping || l.state == draining) && (len(l.spared) > 0 || l.gone && !l.counted)
}

// settleOn decides whether those that are left go on settling.
func (l *life) settleOn(now time.Time) {
	if len(l.patience.drains) > 0 && l.callerIsSlow() {
		l.patience.hold(now)
	}
	list, active, pipes, all := l.lookForPipes(now)
	if !all {
		l.swarm = true
		l.input(settleOver)
		return
	}
	if !pipes {
		return
	}
	l.flow = newFlow(list)
	defer func() { l.flow = nil }()
	switch l.patience.judge(l.flow, active, now) {
	case atRest:
		l.input(rested)
	case tooLong:
		l.input(settleOver)
	case swarms:
		l.swarm = true
		l.input(settleOver)
	}
}

// lookForPipes looks at everybody who lives, and at their pipes where that is worth while: it takes
// several times as long. active are those that have done something since the look before. all is
// false where not everybody can be seen.
func (l *life) lookForPipes(now time.Time) (list []subreaper.Activity, active set, pipes, all bool) {
	pipes = l.patience.worthPipes(nil, now)
	if list, all = l.look(pipes); !all {
		return nil, nil, false, false
	}
	active = l.patience.see(list, l.reapedSoFar(), now, l.endedByItself)
	if pipes || !l.patience.worthPipes(active, now) {
		return list, active, pipes, true
	}
	before := ids(list, active)
	if list, all = l.look(true); !all {
		return nil, nil, false, false
	}
	active = l.patience.see(list, l.reapedSoFar(), now, l.endedByItself)
	for i := range list {
		if before[list[i].ID()] {
			active[i] = true
		}
	}
	return list, active, true, true
}

func (l *life) reapedSoFar() int {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.result.Reaped
}

// endedByItself tells of a process that has ended while the others settle.
func (l *life) endedByItself(s seen) { l.logger.Info("ended by itself", "pid", s.pid, "comm", s.comm) }

// endedAnyhow is for those of whom it is not known.
func endedAnyhow(seen) {}

// callerIsSlow reports whether nothing can be written to our standard output or error, which are
// the job's: whoever reads it does not, or has stopped the terminal. A program that writes there
// waits for that as it would without us.
func (l *life) callerIsSlow() bool {
	for _, fd := range l.outs {
		fds := []unix.PollFd{{Fd: fd, Events: unix.POLLOUT}}
		if n, err := unix.Poll(fds, 0); n == 0 && err == nil {
			return true
		}
	}
	return false
}

// spare decides who is not sent the stop signal yet. Without a leader these are the readers of what
// others write, and of what is in a pipe that has ended. While it lives, they are the readers of
// what the leader writes: everybody else is part of what is to be stopped.
func (l *life) spare() map[subreaper.ID]*spared {
	if l.job.settle() == 0 || l.swarm {
		return nil
	}
	f := l.flow
	if f == nil {
		list, all := l.look(true)
		if !all {
			return nil
		}
		f = newFlow(list)
	}
	goOn := l.goOn(f, time.Now())
	if f.overrun() {
		return nil
	}
	all := make(map[subreaper.ID]*spared)
	for id := range ids(f.list, goOn) {
		all[id] = &spared{}
	}
	return all
}

// spares reports whether a process has not been sent the stop signal yet.
func (l *life) spares(p subreaper.Process) bool {
	_, spared := l.spared[p.ID()]
	return spared
}

// goOn is spare for one look.
func (l *life) goOn(f *flow, now time.Time) set {
	if !l.gone {
		return f.behind(l.child.PID)
	}
	all := l.patience.goOn(f, now)
	for i := range f.waiting() {
		all[i] = true
	}
	return all
}

// readersOfLeader returns those that a signal to the leader is not for: it would end them, and
// what the leader writes upon it, or later, would be lost.
func (l *life) readersOfLeader(sig syscall.Signal) map[subreaper.ID]bool {
	if !ends(sig) || l.job.settle() == 0 {
		return nil
	}
	l.knowOurs()
	leader, _ := l.host.reaper.Look(subreaper.LookOptions{Only: l.child.PID, Max: 1, Pipes: true, Ours: l.isOurs})
	if len(leader) == 0 || !writesAny(leader[0].Pipes) {
		return nil
	}
	list, all := l.look(true)
	if !all {
		return nil
	}
	f := newFlow(list)
	readers := f.behind(l.child.PID)
	if f.overrun() {
		return nil
	}
	return ids(list, readers)
}

// ends reports whether a signal ends a process that does nothing about it (signal(7)).
func ends(sig syscall.Signal) bool {
	switch sig {
	case unix.SIGCHLD, unix.SIGURG, unix.SIGWINCH, unix.SIGCONT, unix.SIGSTOP, unix.SIGTSTP, unix.SIGTTIN, unix.SIGTTOU:
		return false
	}
	return true
}

func writesAny(pipes []subreaper.Pipe) bool {
	for _, p := range pipes {
		if p.Writes {
			return true
		}
	}
	return false
}

// stopReaders sends the stop signal to those that were spared and have no reason to wait any more:
// nobody is left who writes what they read, and they have been idle for some time, or busy for too
// long. (What a look shows of two processes it has not seen at the same moment: one may be waiting
// for another that has just ended.)
func (l *life) stopReaders(now time.Time) {
	list, all := l.look(true)
	if !all {
		l.tellSpared(func(subreaper.ID, *spared) bool { return true })
		l.count(nil)
		return
	}
	f := newFlow(list)
	active := ids(list, l.patience.see(list, l.reapedSoFar(), now, endedAnyhow))
	reasons := l.goOn(f, now)
	if f.overrun() {
		reasons = set{}
	}
	if l.gone && !l.counted && (now.Sub(l.patience.quiet) >= restful || l.patience.elapsed(now) >= l.patience.busy) {
		l.count(l.withSpared(f, reasons))
	}
	wait := ids(list, reasons)
	l.tellSpared(func(id subreaper.ID, s *spared) bool {
		if _, lives := l.patience.seen[id]; !lives {
			delete(l.spared, id)
			return false
		}
		s.look(wait[id], active[id], now)
		if l.state == draining { // there is no time for that any more
			return s.due(now, restful)
		}
		return s.due(now, l.patience.busy)
	})
}

// withSpared adds those that are spared to a set, with what they have started since.
func (l *life) withSpared(f *flow, s set) map[subreaper.ID]bool {
	for i := range f.list {
		if l.spares(f.list[i].Process) {
			s[i] = true
		}
	}
	return ids(f.list, f.after(s))
}

// spared is what is remembered of a process that has not been sent the stop signal.
type spared struct {
	free time.Time // since when it has no reason to wait; zero: it has one
	idle time.Time // since when it is idle besides
}

func (s *spared) look(waits, active bool, now time.Time) {
	switch {
	case waits:
		*s = spared{}
		return
	case s.free.IsZero():
		s.free = now
	}
	if active {
		s.idle = time.Time{}
	} else if s.idle.IsZero() {
		s.idle = now
	}
}

func (s *spared) due(now time.Time, busy time.Duration) bool {
	return !s.idle.IsZero() && now.Sub(s.idle) >= restful || !s.free.IsZero() && now.Sub(s.free) >= busy
}

// tellSpared sends the stop signal to those that were spared and are due.
func (l *life) tellSpared(due func(subreaper.ID, *spared) bool) {
	tell := make(map[subreaper.ID]bool)
	for id, s := range l.spared {
		if due(id, s) {
			tell[id] = true
			delete(l.spared, id)
		}
	}
	if len(tell) > 0 {
		l.tell(func(p subreaper.Process) bool { return tell[p.ID()] })
	}
}

// tell sends the stop signal to some of those that live, and CONT: a process that is stopped
// neither handles TERM nor dies of it.
func (l *life) tell(whom func(subreaper.Process) bool) {
	grace := l.job.grace()
	l.signalEach(whom, func(p subreaper.Process) []syscall.Signal {
		l.left.signalled(p) // before: it may be dead, and reaped, as soon as it is
		if l.gone {
			l.left.found(p)
		}
		switch {
		case l.killsLeader && p.PID == l.result.PID:
			return []syscall.Signal{unix.SIGKILL}
		case l.told.knows(p, grace):
			return []syscall.Signal{unix.SIGCONT}
		}
		return []syscall.Signal{l.job.stopSignal(), unix.SIGCONT}
	})
}

// drain kills those that have had the grace period, for the readers that were spared to see an end.
func (l *life) drain() {
	list, all := l.look(true)
	if !all {
		l.input(graceOver)
		return
	}
	f, spared := newFlow(list), make(set)
	for i := range list {
		if l.spares(list[i].Process) {
			spared[i] = true
		}
	}
	keep := familyOf(ids(list, f.after(spared)))
	l.killsLeader = l.killsLeader || !l.gone
	l.signalEach(func(p subreaper.Process) bool { return !keep.has(p) }, func(p subreaper.Process) []syscall.Signal {
		if p.PID != l.result.PID {
			l.left.found(p)
			l.left.killed(p.PID)
		}
		return []syscall.Signal{unix.SIGKILL}
	})
	l.patience.extend(time.Now(), l.job.settle()/2) // for the other half they have been asked
	l.setPhase(l.job.settle())
	l.lookAgain(firstLook)
}

// count notes who is left over of a job that was stopped while its leader lived, but for those that
// are to go on.
func (l *life) count(goOn map[subreaper.ID]bool) {
	if l.counted {
		return
	}
	l.counted = true
	goes := familyOf(goOn)
	over := slices.DeleteFunc(l.host.reaper.Descendants(), goes.has)
	l.left.found(over...)
	l.findHolders(over)
}

// tellOfSettled tells of those that were there at the last look, when nobody is left.
func (l *life) tellOfSettled() {
	if !l.logger.Enabled(context.Background(), slog.LevelInfo) {
		return
	}
	for _, s := range l.patience.seen {
		l.endedByItself(s)
	}
}
