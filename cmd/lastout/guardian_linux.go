package main

import (
	"context"
	"errors"
	"io"
	"time"

	"lastout/cmd/lastout/internal/guardian"
	"lastout/jobs"
	"lastout/jobs/cgroup"
	"lastout/jobs/terminal"
)

// What is in this file runs in a guardian that needs the Go runtime after all.

// inherit ends what a worker that was killed has left, and returns the exit status. The leader has
// had its parent-death signal.
func (o *options) inherit(ctx context.Context, m *messages, stderr io.Writer) int {
	m.say("the worker died; ending the job")
	e := &execution{options: o, m: m}
	o.job.Stderr, o.job.Linger, o.job.Settle, o.job.Grace = stderr, 0, -1, -1 // everything has been sent SIGKILL
	o.sweep()
	err := e.files.check(o)
	if err == nil {
		e.watch, err = newWatch(e)
	}
	if err != nil { // what cannot be written any more
		m.say("%v", err)
		e.files = outputs{}
	}
	known := *guardian.Keep()
	start := known.BeganAt()
	if err := e.open(); err != nil {
		m.say("%v", err)
		return statusFailed
	}
	result, err := e.runner.Settle(ctx, o.job)
	if result != nil {
		result.PID, result.Started, result.Exited = int(known.Leader), start, result.Settled
		result.Status, result.TimedOut, result.Stopped = known.Status, known.TimedOut, known.Stopped
		result.LeftoverCount += guardian.Killed()
	}
	// Whom the worker has ended already, nobody knows.
	if !known.Exited || o.failOnLeak.status != 0 {
		err = errors.Join(errWorkerLost, err)
	}
	e.watch.inherit(start, known.Leader != 0)
	run := e.settled(start, result, err)
	run.CommandLost = !known.Exited
	restoreTerminal()
	_ = cgroup.Dir(guardian.Cgroup()).Remove()
	e.over(ctx, run)
	if run.Signal != 0 {
		guardian.Die(run.Signal)
	}
	return run.Status
}

// inherit begins where the worker was: if the command had been started, what is to be done at the
// end is done.
func (w *watch) inherit(start time.Time, begun bool) {
	if w != nil {
		w.begun, w.start = begun, start
	}
}

// restoreTerminal gives the terminal, and its modes, back to whom it belonged.
func restoreTerminal() {
	owner, modes := guardian.Terminal()
	tty, err := terminal.Open()
	if modes == nil || err != nil {
		return
	}
	defer func() { _ = tty.Close() }()
	loan := terminal.Loan{TTY: tty, Owner: owner, Modes: modes}
	if !loan.GiveBack(true, nil) {
		loan.Restore()
	}
}

// settleHanded settles the children that an exec has handed to this process, as often as its worker
// asks for that, and ends as that says.
func (o *options) settleHanded(ctx context.Context, m *messages, stderr io.Writer) int {
	e := &execution{options: o, m: m}
	o.job.Holders = true // whether it is wanted, the worker knows
	if err := e.open(); err != nil {
		m.say("%v", err)
		return statusFailed
	}
	verdict, ok := guardian.Serve(func() []byte {
		result, err := e.runner.Settle(ctx, o.job)
		return jobs.Encode(result, err)
	})
	_ = e.runner.Close()
	switch {
	case !ok:
		return o.inherit(ctx, m, stderr)
	case verdict.Signal != 0:
		guardian.Die(verdict.Signal)
	}
	return verdict.Status
}
