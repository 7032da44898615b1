package jobs

import (
	"context"
	"log/slog"
	"sync"
	"syscall"
	"time"

	"lastout/jobs/spawn"
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
	requests *requests
	events   Events
	logger   *slog.Logger

	state     state
	forked    int64          // when the leader was there; see now
	gone      bool           // the leader has exited
	paused    bool           // the leader is stopped
	stops     int            // how often it was
	firstStop int            // which of these was the first since the last SIGCONT that came our way; 0: none
	lastStop  syscall.Signal // what the last was by
	// the stop signals (spawn.Bit) that were passed on, none of which has been seen to stop the
	// leader
	stopSent uint64
	signals  int       // TERM and INT since the leader is gone
	sent     bool      // our process group was sent TERM or INT: see together
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
		case <-l.requests.wake:
			// One at a time: a storm of signals does not hold up what else there is to do.
			if req, ok := l.requests.take(); ok {
				l.request(req)
			}
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
		l.halted.tell(l.events.Stopped, l.news)
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

// changed is told that the leader was stopped or continued. One that was stopped because it is in
// the background of the terminal, and not because somebody wants it to stop, is lent that, and goes
// on, if our caller has it to lend.
func (l *life) changed(st syscall.WaitStatus) {
	l.paused = st.Stopped()
	if l.paused {
		sent := l.stopSent
		l.stopSent = 0
		if sent&spawn.Bit(st.StopSignal()) == 0 && l.lender.lend(l.child.PID, st.StopSignal()) {
			l.signalGroup(unix.SIGCONT)
			return
		}
	}
	if l.halted = (halt{}); l.paused {
		l.stops++
		l.stoppedBy(st.StopSignal())
	} else {
		l.resumed()
	}
}

func (l *life) stoppedBy(sig syscall.Signal) {
	if l.firstStop == 0 {
		l.firstStop = l.stops
	}
	l.lastStop = sig
	l.halt(sig)
}

// halt has the caller told that the leader has stopped, once everything else that is known by now
// is done.
func (l *life) halt(sig syscall.Signal) {
	if l.events.Stopped != nil {
		l.halted = halt{sig, l.lender.out(l.host.reaper)}
	}
}

// resumed has the caller told that the leader goes on, or has ended.
func (l *life) resumed() {
	if l.events.Resumed != nil {
		l.events.Resumed()
	}
}

// halt is what Events.Stopped is to be told of a leader that has stopped, until that is done or the
// leader goes on.
type halt struct {
	signal   syscall.Signal // 0: nothing
	terminal bool
}

// tell tells it, once more if need be.
func (h *halt) tell(stopped func(syscall.Signal, bool, func() bool) bool, news func() bool) {
	if h.signal != 0 && !news() && stopped(h.signal, h.terminal, news) {
		*h = halt{}
	}
}

// news reports whether there is something that the life of the job has not seen yet.
func (l *life) news() bool {
	if l.child != nil && l.child.Moved() {
		return true
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	return len(l.notes) > 0 || l.requests.any()
}

func (l *life) leaderExited(c *subreaper.Change) {
	l.gone, l.result.Status, l.result.Exited = true, c.Status, time.Now()
	l.halted = halt{}
	l.resumed()
	stopTimers(l.killDue)
	l.result.Terminal = l.lender.giveBack(l.host.reaper, c.Status.Signaled() || l.result.TimedOut || l.result.Stopped)
	l.result.Killed = l.killsLeader && killed(c.Status)
	if c.Alone {
		l.input(treeEmpty)
		return
	}
	if l.events.Exited != nil {
		l.events.Exited(c.Status)
	}
	if l.state == stopping || l.state == draining {
		l.leaderStopped()
	}
	l.input(leaderExited)
	l.release()
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
	if l.events.Ending != nil && (l.result.TimedOut || l.result.Stopped) {
		l.events.Ending(l.result.TimedOut, l.result.Stopped)
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

// now is the monotonic clock, which all processes share (clock_gettime(2)), in nanoseconds.
func now() int64 {
	var t unix.Timespec
	_ = unix.ClockGettime(unix.CLOCK_MONOTONIC, &t)
	return t.Nano()
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
