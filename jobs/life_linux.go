package jobs

import (
	"context"
	"errors"
	"log/slog"
	"slices"
	"sync"
	"syscall"
	"time"

	"lastout/subreaper"

	"golang.org/x/sys/unix"
)

// life is one job from its start until it is settled. One goroutine goes through it; the reaper's
// callbacks only leave a note.
type life struct {
	job      *Job
	host     *host
	child    *subreaper.Child
	lender   *lender // of the terminal; may be nil
	requests <-chan request
	events   Events
	logger   *slog.Logger

	state    state
	forked   int64     // when the leader was there; see now
	gone     bool      // the leader has exited
	paused   bool      // the leader is stopped
	signals  int       // TERM and INT since the leader is gone
	asked    time.Time // when somebody asked for the end
	told     told      // who has been sent the stop signal already
	outputs  outputs
	result   Result
	survived error
	halted   halt   // that the leader has stopped is still to be told
	calm     func() // ends the hurry of stopping and killing

	patience    patience
	flow        *flow                    // the look that has just been taken, while it is acted upon
	swarm       bool                     // they multiply: nobody is spared
	killsLeader bool                     // the leader has had its time
	counted     bool                     // who is left over
	spared      map[subreaper.ID]*spared // those that are to be sent the stop signal later: see tellSpared
	ours        map[subreaper.PipeID]bool
	passed      []subreaper.Pipe // the job's, which we have closed since
	outs        []int32          // our standard output and error, if they are the job's

	timeout, phase, killDue *time.Timer
	next                    *time.Timer // the next look at those that are left

	mu    sync.Mutex
	notes []note
	wake  chan struct{} // capacity 1: there are notes
	left  leftovers
}

// note is what the reaper saw: a change of the leader, or (nil) that no child is left.
type note struct{ change *subreaper.Change }

func (l *life) leave(n note) {
	l.mu.Lock()
	l.notes = append(l.notes, n)
	l.mu.Unlock()
	select {
	case l.wake <- struct{}{}:
	default:
	}
}

// run returns when the tree is gone, or was given up.
func (l *life) run(ctx context.Context) (*Result, error) {
	defer func() { stopTimers(l.timeout, l.phase, l.killDue, l.next) }()
	cancelled := ctx.Done()
	for l.state != settled {
		select {
		case <-l.wake:
			l.readNotes()
		case req := <-l.requests:
			l.request(req)
		case <-cancelled:
			cancelled = nil
			l.input(stop)
		case <-l.timeout.C:
			l.timedOut()
		case <-l.killDue.C:
			l.input(killDue)
		case <-l.phase.C:
			l.phaseOver()
		case <-l.next.C:
			l.glance()
		}
		l.halted.tell(l.events.Changed, l.news)
	}
	return l.finish(), l.survived
}

// timer returns one that is not running for a duration of 0.
func timer(d time.Duration) *time.Timer {
	if d > 0 {
		return time.NewTimer(d)
	}
	return &time.Timer{}
}

func stopTimers(timers ...*time.Timer) {
	for _, t := range timers {
		if t.C != nil {
			t.Stop()
		}
	}
}

func (l *life) readNotes() {
	l.mu.Lock()
	notes := l.notes
	l.notes = nil
	l.mu.Unlock()
	for _, n := range notes {
		switch {
		case n.change == nil:
			if l.gone {
				l.input(treeEmpty)
			}
		case n.change.Status.Stopped() || n.change.Status.Continued():
			l.changed(n.change.Status)
		default:
			l.leaderExited(n.change)
		}
	}
}

// changed is told that the leader was stopped or continued. One that was stopped because it is in the background of the terminal is
// lent that, and goes on, if our caller has it to lend.
func (l *life) changed(st syscall.WaitStatus) {
	l.paused = st.Stopped()
	if l.paused && l.lender.lend(l.child.PID, st.StopSignal()) {
		l.signalGroup(unix.SIGCONT)
		return
	}
	if l.halted = (halt{}); l.paused {
		l.halt(st)
	} else if l.events.Changed != nil {
		l.events.Changed(st, false, l.news)
	}
}

// halt has the caller told that the leader has stopped, once everything else that is known by now is done.
func (l *life) halt(st syscall.WaitStatus) {
	if l.events.Changed != nil {
		l.halted = halt{st, l.lender.out(l.host.reaper)}
	}
}

// news reports whether there is something that the life of the job has not seen yet.
func (l *life) news() bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	return len(l.notes) > 0 || len(l.requests) > 0
}

func (l *life) leaderExited(c *subreaper.Change) {
	l.gone, l.result.Status, l.result.Exited = true, c.Status, time.Now()
	l.halted = halt{}
	stopTimers(l.killDue)
	l.result.Terminal = l.lender.giveBack(l.host.reaper, c.Status.Signaled() || l.result.TimedOut || l.result.Stopped)
	l.result.Killed = l.killsLeader && killed(c.Status)
	if c.Alone {
		l.input(treeEmpty)
		return
	}
	if l.host.exited != nil {
		l.host.exited(c.Status)
	}
	if l.state == stopping || l.state == draining {
		l.leaderStopped()
	}
	l.input(leaderExited)
	l.release()
}

// leaderStopped finds out who is left over when the leader has ended upon a stop signal that the others were sent as well. Most end together with it.
func (l *life) leaderStopped() {
	if l.job.settle() == 0 {
		l.count(nil)
		return
	}
	l.patience.begin(l.job, true, time.Now())
	l.lookAgain(firstLook)
}

// timedOut is called when the time of Job.Timeout is over.
func (l *life) timedOut() {
	if l.job.Forward == Leader && !l.gone {
		l.input(leaderTimedOut)
	} else {
		l.input(timedOut)
	}
}

// release lets the leader's zombie be reaped. A life without a leader ends what others have left.
func (l *life) release() {
	if l.child != nil {
		l.child.Release()
	}
}

// input moves the job on, and does what its new state begins with.
func (l *life) input(i input) {
	from := l.state
	l.state = move(from, i)
	if l.state == from {
		return
	}
	if l.state == lingering && l.job.Linger == 0 {
		l.state = move(l.state, lingerOver)
	}
	if l.state == settling && l.job.settle() == 0 {
		l.state = move(l.state, settleOver)
	}
	l.logger.Info("state", "from", from.String(), "to", l.state.String(), "because", i.String())
	// Who has ended in time has not timed out, though its readers take longer.
	l.result.TimedOut = l.result.TimedOut || i == leaderTimedOut || i == timedOut && from != settling
	l.result.Stopped = l.result.Stopped || i == stop || i == kill
	if l.host.ending != nil && (l.result.TimedOut || l.result.Stopped) {
		l.host.ending(&l.result)
	}
	if l.calm == nil && (l.state == stopping || l.state == killing) {
		l.calm = l.host.reaper.Hurry()
	}
	switch l.state {
	case asking:
		l.ask()
	case lingering:
		l.linger()
	case settling:
		l.beginSettling()
	case stopping:
		l.stop(from)
	case draining:
		l.drain()
	case killing:
		l.kill()
	case settled:
		if from == settling {
			l.tellOfSettled()
		}
	}
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

// stopGrace is how long those that are stopped have. Where a stop was asked for while the leader lived, what has passed since that ended is part of it.
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

// told remembers a stop signal that was forwarded. Many a program takes a second one as the wish to end at once, and a
// worker that is at its last words is not to be interrupted because its parent has gone.
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
		AtOnce: l.job.cgroupKill(), Killed: l.left.killed, Survivors: l.events.Survivors,
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

func killed(st syscall.WaitStatus) bool { return st.Signaled() && st.Signal() == unix.SIGKILL }

// now is the monotonic clock, which all processes share (clock_gettime(2)), in nanoseconds.
func now() int64 {
	var t unix.Timespec
	_ = unix.ClockGettime(unix.CLOCK_MONOTONIC, &t)
	return t.Nano()
}

// request does what is asked from outside.
func (l *life) request(req request) {
	if req.input != stopSignal {
		l.input(req.input)
		return
	}
	stops := req.sig == unix.SIGTERM || req.sig == unix.SIGINT
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
		l.limitStop(req.sig)
	case !l.gone:
		l.forward(req.sig)
	case !stops:
		l.signalRest(req)
		switch req.sig { // there is no leader any more to be seen stopped or continued
		case unix.SIGTSTP:
			l.halt(syscall.WaitStatus(req.sig)<<8 | 0x7f)
		case unix.SIGCONT:
			l.halted = halt{}
		}
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

// forward passes a signal on to a job whose leader lives. ESRCH is no error: it is exiting.
func (l *life) forward(sig syscall.Signal) {
	l.logger.Info("forward", "signal", unix.SignalName(sig), "leader", l.child.PID)
	sigs := []syscall.Signal{sig}
	if asksForEnd(sig) && l.stopped() {
		sigs = append(sigs, unix.SIGCONT)
	}
	if sig == unix.SIGCONT { // a shell's fg: the terminal first
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
	procs := l.host.reaper.SignalEach(func(p subreaper.Process) []syscall.Signal {
		if !whom(p) {
			return nil
		}
		return sigs
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

// signalGroup signals the job's process group. Of one that it shares with us only the job's members are ours to signal.
func (l *life) signalGroup(sig syscall.Signal) {
	if !l.job.Foreground {
		_ = l.child.SignalGroup(sig)
		return
	}
	l.signalSome([]syscall.Signal{sig}, func(p subreaper.Process) bool { return p.PGID == l.jobGroup() })
}

func (l *life) finish() *Result {
	l.result.Settled = time.Now()
	l.left.settle()
	if l.calm != nil {
		l.calm()
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	l.result.Leftovers, l.result.LeftoverCount, l.result.Lingered = l.left.results()
	return &l.result
}

// reaped accounts for a process; it runs on the reaping thread.
func (l *life) reaped(e subreaper.Exit) {
	l.mu.Lock()
	l.result.Reaped++
	l.result.Usage.Add(e.Usage)
	if len(l.result.Ended) < l.job.Record {
		l.result.Ended = append(l.result.Ended, Ended{e, time.Now()})
	}
	l.mu.Unlock()
	l.left.reaped(e)
}
