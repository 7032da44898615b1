package main

import (
	"sync/atomic"
	"syscall"
	"time"

	"lastout/cmd/lastout/internal/facts"
	"lastout/cmd/lastout/internal/guardian"
	"lastout/jobs"
	"lastout/jobs/spawn"
	"lastout/jobs/terminal"

	"golang.org/x/sys/unix"
)

// jobControl stops lastout when its job has stopped, as the shell expects it of a program that it
// has started: it takes the terminal back, and continues lastout, which continues the job.
type jobControl struct {
	runner *jobs.Runner
	// the stop signals (spawn.Bit) that were sent to us, and not by the terminal, since we were
	// continued last
	asked  atomic.Uint64
	halted atomic.Bool // we have stopped with the job, and have not received the SIGCONT since
}

// stopped is told that the leader was stopped, and whether the job owns the foreground of the
// terminal. Where there is no terminal nobody would continue us, but for whoever has sent us that
// signal.
func (c *jobControl) stopped(sig syscall.Signal, owner bool, news func() bool) (done bool) {
	seen := guardian.Continued()
	if news() {
		return false
	}
	if terminal.Orphaned(guardian.PID(), guardian.Caller()) {
		c.goOn(sig)
		return true
	}
	if tty, err := terminal.Open(); err == nil {
		_ = tty.Close()
	} else if !c.wasAsked(sig) {
		return true
	}
	c.suspend(sig, !c.wasAsked(sig) && c.isGroups(sig, owner), seen)
	return true
}

// isGroups reports whether the terminal would have stopped our process group, if the job were in
// it: other members of a pipeline, or the script that we were started by.
func (c *jobControl) isGroups(sig syscall.Signal, owner bool) bool {
	switch sig {
	case unix.SIGTTIN, unix.SIGTTOU:
		return !c.runner.Shares()
	case unix.SIGTSTP:
		return !c.runner.Shares() && owner
	}
	return false
}

// suspend stops lastout, and with group what else is in its process group, unless it was continued
// after seen.
func (c *jobControl) suspend(sig syscall.Signal, group bool, seen uint64) {
	if sig == unix.SIGSTOP { // which cannot be taken back
		sig = unix.SIGTSTP
	}
	if !guardian.Ignores(sig) { // by us, and so by the command, unless that has decided otherwise
		c.halted.Store(seen == guardian.Continued())
		guardian.Suspend(sig, group, seen)
	}
}

// pass passes a signal on to the job, unless the job has got it with us, as a member of our process
// group.
func (c *jobControl) pass(sig syscall.Signal, fromTerminal bool) {
	asked := c.asked.Load()
	switch {
	case terminal.Stops(sig) && !fromTerminal:
		c.asked.Or(spawn.Bit(sig))
	case terminal.Stops(sig), sig == unix.SIGCONT:
		c.asked.Store(0)
	}
	halted := c.halted.Load()
	if sig == unix.SIGCONT {
		c.halted.Store(false)
	}
	// A shell continues the whole group, when we have stopped. Passed on as well, that would undo a
	// Ctrl-Z which comes at once.
	together := fromTerminal || sig == unix.SIGCONT && asked == 0 && halted
	if together && c.runner.Shares() {
		c.runner.Sent(sig)
		c.goOnTogether(sig)
		return
	}
	if halted { // or it would get another one with TERM
		c.runner.SignalAlone(sig)
		return
	}
	c.runner.Signal(sig)
}

// receive forwards what arrives.
func (e *execution) receive(info guardian.Info) {
	sig := info.Signal
	to, rewritten := e.rewrite[sig]
	if !rewritten {
		to = sig
	}
	e.received.add(facts.Signal{At: time.Now(), Signal: sig, As: to, Sender: info.PID})
	if to != 0 && endsPrograms(sig) {
		e.last.end()
	}
	switch {
	case to == 0:
	case !e.watch.door().passes(sig, to):
		if to == unix.SIGTSTP {
			e.control.suspend(to, false, guardian.Continued())
		}
	default:
		e.control.pass(to, !rewritten && fromTerminal(info))
	}
}

// goOn does what the kernel does to a process group that nobody could continue: what somebody sends
// does not stop it, and the terminal hangs it up. The job's group is not orphaned for the kernel,
// because of the worker. A group that the job shares goes on as a whole, though the stop is not heard
// of yet: at the job's end the kernel hangs up an orphaned group of which somebody is stopped
// (setpgid(2)).
func (c *jobControl) goOn(sig syscall.Signal) {
	switch {
	case sig == unix.SIGTSTP && !c.wasAsked(sig) && c.runner.Shares():
		_ = unix.Kill(-guardian.Group(), unix.SIGCONT)
	case sig == unix.SIGTSTP, c.wasAsked(sig):
		c.runner.Signal(unix.SIGCONT)
	case sig == unix.SIGTTIN, sig == unix.SIGTTOU:
		c.runner.Signal(unix.SIGHUP)
	}
}

// wasAsked reports whether a stop signal was sent to us, and not by the terminal, since we were
// continued.
func (c *jobControl) wasAsked(sig syscall.Signal) bool { return c.asked.Load()&spawn.Bit(sig) != 0 }

// goOnTogether is told of a signal that our whole process group, with the job in it, has got from
// the terminal. None of it is to be stopped if nobody could continue it.
func (c *jobControl) goOnTogether(sig syscall.Signal) {
	if sig == unix.SIGTSTP && terminal.Orphaned(guardian.PID(), guardian.Caller()) {
		_ = unix.Kill(-guardian.Group(), unix.SIGCONT)
	}
}

// fromTerminal reports whether a signal came from the terminal, which sends it to every member of
// its foreground group, or, of TTIN and TTOU, to the group of whoever is not in the foreground.
func fromTerminal(info guardian.Info) bool {
	switch info.Signal {
	case unix.SIGINT, unix.SIGQUIT, unix.SIGTSTP, unix.SIGTTIN, unix.SIGTTOU, unix.SIGWINCH:
		return info.FromKernel()
	}
	return false
}

// diedAtTerminal reports whether the command died of a signal in the foreground of the terminal,
// which is then what the run ends with.
func diedAtTerminal(run *facts.Run) bool {
	r := run.Result
	return r != nil && r.Terminal && r.Status.Signaled() && run.Status == statusSignal+int(r.Status.Signal())
}

// spread sends what the terminal sent to the command, and the command died of, to our own process
// group, as the terminal would have if the command were in it: a script that waits for us ends at
// Ctrl-C, too. The guardian takes no notice of what the worker sends.
func spread(sig syscall.Signal) {
	if sig == unix.SIGINT || sig == unix.SIGQUIT {
		_ = unix.Kill(-guardian.Group(), sig)
	}
}
