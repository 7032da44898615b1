package jobs

import (
	"slices"
	"syscall"
	"time"

	"lastout/jobs/spawn"
	"lastout/jobs/terminal"
	"lastout/subreaper"

	"golang.org/x/sys/unix"
)

// told remembers a stop signal that was forwarded. Many a program takes a second one as the wish to
// end at once, and a worker that is at its last words is not to be interrupted because its parent
// has gone.
type told struct {
	at    time.Time
	group int              // whose members were told; those born since are somebody's clean-up
	but   *family          // who was not, though it is one of them; may be nil
	pids  map[int]struct{} // who was told by itself
}

func (t *told) add(procs []subreaper.Process) {
	if t.pids == nil {
		t.pids = make(map[int]struct{}, len(procs))
	}
	for _, p := range procs {
		t.pids[p.PID] = struct{}{}
	}
}

// knows reports whether a process, or whoever it belongs to, was told within the grace period.
func (t *told) knows(p subreaper.Process, grace time.Duration) bool {
	if t.at.IsZero() || time.Since(t.at) >= grace {
		return false
	}
	_, ok := t.pids[p.PID]
	return ok || t.group != 0 && p.PGID == t.group && (t.but == nil || !t.but.has(p))
}

// request does what is asked from outside.
func (l *life) request(req request) {
	if req.input != stopSignal {
		l.input(req.input)
		return
	}
	stops := req.sig == unix.SIGTERM || req.sig == unix.SIGINT
	if stops && l.together(req) {
		return
	}
	if stops && l.gone && l.asked.IsZero() {
		l.asked = time.Now()
	}
	if stops && l.state != running {
		if l.signals++; l.signals > 1 {
			l.input(oneMore)
			return
		}
		l.input(stopSignal)
	}
	switch {
	case !l.gone && req.sent >= l.forked && req.sent != 0:
		if req.sig == unix.SIGCONT {
			l.continued()
		}
		l.limitStop(req.sig)
	case !l.gone:
		l.forward(req.sig, req.alone)
	case !stops:
		l.signalRest(req)
		switch req.sig { // there is no leader any more to be seen stopped or continued
		case unix.SIGTSTP:
			l.halt(req.sig)
		case unix.SIGCONT:
			l.halted = halt{}
		}
	}
}

// together is told of a stop signal, and reports whether it is one that our process group, with the
// leader and others in it, was sent together. The leader may have died of it before we hear of it:
// the others are on their way out, then, and not left over. So the first that comes after the
// leader's end only ends lingering, unless one came before.
func (l *life) together(req request) bool {
	if req.sent == 0 || l.sent {
		return false
	}
	l.sent = true
	if !l.gone || l.state != lingering && l.state != settling {
		return false
	}
	l.input(lingerOver)
	return true
}

// continued is told that our process group was sent a SIGCONT, and the leader if it is in that. A
// leader that stays stopped gets one: it has left the group, as an interactive shell does, or we
// alone were continued. One that has gone on and stopped again does not: that would undo a Ctrl-Z
// which came right after a shell's fg. Then it is told once more that it has stopped, since the
// first time was before that SIGCONT.
func (l *life) continued() {
	moved := l.child.Moved() // before the notes, which may tell what it does not
	l.readNotes()
	first := l.firstStop
	l.firstStop = 0
	switch {
	case !l.paused || moved:
	case l.stops == first:
		_ = l.child.Signal(unix.SIGCONT)
	default:
		l.stoppedBy(l.lastStop)
	}
}

// signalRest passes a signal on to those that live on without a leader. Once they have had the time
// to linger, it is for none of them: who is ending is not to be cut short, and who is a leftover is
// to be ended by us. HUP and QUIT ask for that.
func (l *life) signalRest(req request) {
	switch {
	case req.sent != 0: // they have got it
	case l.state == lingering || !ends(req.sig):
		l.host.reaper.SignalAll(req.sig)
	case req.sig == unix.SIGHUP || req.sig == unix.SIGQUIT:
		l.input(stopSignal)
	}
}

// forward passes a signal on to a job whose leader lives. ESRCH is no error: it is exiting. One
// that asks a stopped leader to end comes with SIGCONT, unless it is to go alone.
func (l *life) forward(sig syscall.Signal, alone bool) {
	l.logger.Info("forward", "signal", unix.SignalName(sig), "leader", l.child.PID)
	sigs := []syscall.Signal{sig}
	if asksForEnd(sig) && !alone && l.stopped() {
		sigs = append(sigs, unix.SIGCONT)
	}
	switch {
	case terminal.Stops(sig):
		l.stopSent |= spawn.Bit(sig)
		if l.paused { // which was told before anybody knew that it is somebody's wish
			l.halt(sig)
		}
	case sig == unix.SIGCONT: // a shell's fg: the terminal first
		l.stopSent, l.firstStop = 0, 0
		l.lender.resume(l.child.PID)
	}
	now := l.pass(sig, sigs)
	if now.at = time.Now(); sig == l.job.stopSignal() {
		l.told = now
	}
	if sig == l.job.stopSignal() || sig == unix.SIGTERM || sig == unix.SIGINT {
		l.asked = now.at
	}
	l.limitStop(sig)
}

// pass sends signals to those that Job.Forward says, and returns who that was.
func (l *life) pass(sig syscall.Signal, sigs []syscall.Signal) (now told) {
	if l.job.Forward == Leader {
		for _, s := range sigs {
			_ = l.child.Signal(s)
		}
		return now
	}
	spared := l.readersOfLeader(sig)
	if l.job.Forward == Group && len(spared) == 0 {
		for _, s := range sigs {
			l.signalGroup(s)
		}
		now.group = l.jobGroup()
		return now
	}
	now.but = familyOf(spared)
	now.add(l.signalSome(sigs, func(p subreaper.Process) bool {
		return !now.but.has(p) && (l.job.Forward == Tree || p.PGID == l.jobGroup())
	}))
	if l.job.Forward == Group {
		now.group = l.jobGroup()
	}
	return now
}

// signalSome sends signals to some of those that live, and returns them.
func (l *life) signalSome(sigs []syscall.Signal, whom func(subreaper.Process) bool) []subreaper.Process {
	return l.signalEach(whom, func(subreaper.Process) []syscall.Signal { return sigs })
}

// signalEach is signalSome with signals that are chosen for each of them.
func (l *life) signalEach(whom func(subreaper.Process) bool,
	choose func(subreaper.Process) []syscall.Signal) []subreaper.Process {
	procs := l.host.reaper.SignalEach(func(p subreaper.Process) []syscall.Signal {
		if !whom(p) {
			return nil
		}
		return choose(p)
	})
	return slices.DeleteFunc(procs, func(p subreaper.Process) bool { return !whom(p) })
}

// jobGroup is the job's process group.
func (l *life) jobGroup() int {
	if l.job.Foreground {
		return l.job.place.group
	}
	return l.child.PID
}

// stopped reports whether the leader is stopped, though it may have been only just now.
func (l *life) stopped() bool {
	stopping := l.child.Stopping()
	l.readNotes()
	return stopping || l.paused
}

// limitStop starts the clock of Job.KillAfter.
func (l *life) limitStop(sig syscall.Signal) {
	if asksForEnd(sig) && l.job.KillAfter > 0 && l.killDue.C == nil {
		l.killDue = timer(l.job.KillAfter)
	}
}

func asksForEnd(sig syscall.Signal) bool {
	return sig == unix.SIGTERM || sig == unix.SIGINT || sig == unix.SIGQUIT || sig == unix.SIGHUP
}

// signalGroup signals the job's process group. Of one that it shares with us only the job's members
// are ours to signal.
func (l *life) signalGroup(sig syscall.Signal) {
	if !l.job.Foreground {
		_ = l.child.SignalGroup(sig)
		return
	}
	l.signalSome([]syscall.Signal{sig}, func(p subreaper.Process) bool { return p.PGID == l.jobGroup() })
}
