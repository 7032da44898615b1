package jobs

import (
	"context"
	"errors"
	"syscall"
	"time"

	"lastout/subreaper"

	"golang.org/x/sys/unix"
)

// leaderStopped finds out who is left over when the leader has ended upon a stop signal that the
// others were sent as well. Most end together with it.
func (l *life) leaderStopped() {
	if l.job.settle() == 0 {
		l.count(nil)
		return
	}
	l.patience.begin(l.job, true, time.Now())
	l.lookAgain(firstLook)
}

func (l *life) linger() {
	procs := l.host.reaper.Descendants()
	l.left.noticed(procs...)
	l.findHolders(procs)
	l.release() // they may live for days: the leader is not to be a zombie for as long
	if l.job.Linger != Forever {
		l.setPhase(l.job.Linger)
	}
}

// ask sends the stop signal to the leader alone.
func (l *life) ask() {
	grace := l.job.killGrace()
	if grace <= 0 {
		l.input(graceOver)
		return
	}
	_ = l.child.Signal(l.job.stopSignal())
	_ = l.child.Signal(unix.SIGCONT)
	l.setPhase(grace)
}

// stop sends the stop signal to everybody but those that read what others write.
func (l *life) stop(from state) {
	l.killsLeader = from == asking && !l.gone
	if l.patience.drains == nil {
		l.patience.begin(l.job, !l.asked.IsZero(), time.Now())
	}
	l.spared = l.spare()
	if l.gone {
		l.counted = true
		l.lookBeforeSignals()
	}
	grace := l.stopGrace()
	if grace <= 0 {
		l.input(l.overGrace())
		return
	}
	readers := familyOf(make(map[subreaper.ID]bool, len(l.spared)))
	for id := range l.spared {
		readers.ids[id] = true
	}
	l.tell(func(p subreaper.Process) bool { return !readers.has(p) })
	for id := range readers.ids {
		if l.spared[id] == nil { // it was forked since
			l.spared[id] = &spared{}
		}
	}
	l.host.others.stop(l.job.stopSignal())
	l.setPhase(grace)
	if l.attentive() {
		l.lookAgain(firstLook)
	}
}

// stopGrace is how long those that are stopped have. Where a stop was asked for while the leader
// lived, what has passed since that ended is part of it.
func (l *life) stopGrace() time.Duration {
	switch {
	case !l.gone && !l.killsLeader:
		return l.job.killGrace()
	case l.asked.IsZero() || !l.gone:
		return l.job.grace()
	case l.asked.After(l.result.Exited):
		return l.job.grace() - time.Since(l.asked)
	}
	return l.job.grace() - time.Since(l.result.Exited)
}

// overGrace is what it means that the grace period is over.
func (l *life) overGrace() input {
	if len(l.spared) > 0 {
		return readersLeft
	}
	return graceOver
}

// phaseOver is called when the time of a state is over.
func (l *life) phaseOver() {
	switch l.state {
	case lingering:
		l.input(lingerOver)
	case stopping:
		l.input(l.overGrace())
	default:
		l.input(graceOver)
	}
}

func (l *life) setPhase(d time.Duration) {
	stopTimers(l.phase)
	l.phase = timer(d)
}

// kill ends the tree. It returns when nothing is left, or with Job.GiveUp when that time is over.
func (l *life) kill() {
	ctx, cancel := context.Background(), context.CancelFunc(func() {})
	if l.job.GiveUp > 0 {
		ctx, cancel = context.WithTimeout(ctx, l.job.GiveUp)
	}
	defer cancel()
	alive := !l.gone
	err := l.host.reaper.End(ctx, subreaper.EndOptions{
		AtOnce: l.job.cgroupKill(), Killed: l.left.killed, Survivors: l.survivors,
		Found: func(p subreaper.Process) { l.left.found(p) },
		Known: func(pid int) bool { return pid == l.result.PID || l.left.knows(pid) },
	})
	var survivors *subreaper.SurvivorError
	if errors.As(err, &survivors) {
		l.left.survived(survivors.Procs)
	}
	if err != nil {
		l.survived, l.state = err, settled
		return
	}
	l.readNotes()
	l.result.Killed = l.result.Killed || alive && killed(l.result.Status)
}

func (l *life) survivors(procs []subreaper.Survivor) {
	l.left.outOfReach(procs)
	if l.events.Survivors != nil {
		l.events.Survivors(procs)
	}
}

func killed(st syscall.WaitStatus) bool { return st.Signaled() && st.Signal() == unix.SIGKILL }
