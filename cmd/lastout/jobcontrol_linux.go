package main

import (
	"os"
	"sync"
	"sync/atomic"
	"syscall"
	"time"

	"lastout/cmd/lastout/internal/ahead"
	"lastout/cmd/lastout/internal/facts"
	"lastout/jobs"
	"lastout/jobs/siginfo"
	"lastout/jobs/terminal"

	"golang.org/x/sys/unix"
)

// jobControl stops lastout when its job has stopped, as the shell expects it of a program that it has started: it takes the terminal
// back, and continues lastout, which continues the job.
type jobControl struct {
	signals *siginfo.Receiver
	runner  *jobs.Runner
	asked   atomic.Int32 // the signal that stops which was sent to us, and not by the terminal; 0 once we were continued

	mu sync.Mutex // held while lastout is stopped, and while a signal is passed on
}

// changed is told that the leader was stopped or continued, and whether the job owns the foreground of the terminal. Where there is no terminal
// nobody would continue us, but for whoever has sent us TSTP.
func (c *jobControl) changed(st syscall.WaitStatus, owner bool, news func() bool) (done bool) {
	if !st.Stopped() {
		return true
	}
	sig := st.StopSignal()
	if terminal.Orphaned() {
		c.goOn(sig)
		return true
	}
	if tty, err := terminal.Open(); err == nil {
		_ = tty.Close()
	} else if sig != unix.SIGTSTP || c.asked.Load() != int32(unix.SIGTSTP) {
		return true
	}
	return c.stop(sig, c.isGroups(sig, owner), news)
}

// isGroups reports whether the terminal would have stopped our process group, if the job were in it: other members of a pipeline,
// or the script that we were started by.
func (c *jobControl) isGroups(sig syscall.Signal, owner bool) bool {
	switch sig {
	case unix.SIGTTIN, unix.SIGTTOU:
		return !c.runner.Shares()
	case unix.SIGTSTP:
		return !c.runner.Shares() && owner
	}
	return false
}

// stop stops lastout, and with group what else is in its process group. The handlers that it has would keep it going.
func (c *jobControl) stop(sig syscall.Signal, group bool, news func() bool) (done bool) {
	if sig == unix.SIGSTOP { // which cannot be kept from coming too late
		sig = unix.SIGTSTP
	}
	if siginfo.Ignored(sig) { // by us, and so by the command, unless that has decided otherwise
		return true
	}
	if !siginfo.Sender { // nor are handlers ours to set aside
		target := os.Getpid()
		if group {
			target = 0
		}
		_ = unix.Kill(target, unix.SIGSTOP)
		return true
	}
	for !news() {
		c.signals.Drain() // a SIGCONT that has come already is for the job, too
		if c.stopNow(sig, group, func() bool { return news() || c.signals.Pending() }) {
			return true
		}
		group = false
	}
	return false
}

// stopNow returns true when lastout has been stopped and continued. Nothing is passed on to the job before the handlers are back: a
// Ctrl-Z that comes at once stops both or none.
func (c *jobControl) stopNow(sig syscall.Signal, group bool, news func() bool) bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	if group {
		_ = siginfo.Ignoring(sig, func() error { return unix.Kill(0, sig) })
	}
	_ = siginfo.Default(sig)
	stopped := terminal.Stop(sig, news)
	_ = c.signals.Ask(sig)
	if stopped {
		c.runner.Resumed()
	}
	return stopped
}

// pause stops lastout alone, where there is no job that would.
func (c *jobControl) pause(sig syscall.Signal) {
	switch {
	case siginfo.Ignored(sig):
	case siginfo.Sender:
		c.stopNow(sig, false, func() bool { return false })
	default:
		_ = unix.Kill(os.Getpid(), unix.SIGSTOP)
	}
}

// pass passes a signal on to the job, unless the job has got it with us, as a member of our process group.
func (c *jobControl) pass(sig syscall.Signal, fromTerminal bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	asked := c.asked.Load()
	switch {
	case stops(sig) && !fromTerminal:
		c.asked.Store(int32(sig))
	case stops(sig), sig == unix.SIGCONT:
		c.asked.Store(0)
	}
	// A shell continues the whole group. Passed on as well, that would undo a Ctrl-Z which comes at once.
	together := fromTerminal || sig == unix.SIGCONT && asked == 0
	if together && c.runner.Shares() {
		c.runner.Sent(sig)
		c.goOnTogether(sig)
		return
	}
	c.runner.Signal(sig)
}

func stops(sig syscall.Signal) bool {
	return sig == unix.SIGTSTP || sig == unix.SIGTTIN || sig == unix.SIGTTOU
}

// passSignals forwards what arrives.
func (e *execution) passSignals() {
	gate := e.watch.door()
	for {
		info, err := e.signals.Next()
		if err != nil {
			return
		}
		sig := info.Signal
		to, rewritten := e.rewrite[sig]
		if !rewritten {
			to = sig
		}
		e.received.add(facts.Signal{At: time.Now(), Signal: sig, As: to, Sender: info.PID})
		switch {
		case to == 0, keepers(info):
		case !gate.passes(sig, to):
			if to == unix.SIGTSTP {
				e.control.pause(to)
			}
		default:
			e.control.pass(to, !rewritten && fromTerminal(info))
		}
	}
}

// keepers reports whether a signal is what the keeper continues us with.
func keepers(info siginfo.Info) bool {
	return info.Signal == unix.SIGCONT && ahead.Keeper != nil && info.PID == ahead.Keeper.PID()
}

// goOn does what the kernel does to a process group that nobody could continue: TSTP does not stop it, and if it is stopped
// by something else it is hung up. The job's group is not orphaned for the kernel, because of the keeper.
func (c *jobControl) goOn(sig syscall.Signal) {
	switch sig {
	case unix.SIGTSTP:
		c.runner.Signal(unix.SIGCONT)
	case unix.SIGTTIN, unix.SIGTTOU:
		c.runner.Signal(unix.SIGHUP)
	}
}

// goOnTogether is told of a signal that our whole process group, with the job in it, has got from the terminal. None of it is to be stopped if nobody
// could continue it.
func (c *jobControl) goOnTogether(sig syscall.Signal) {
	if sig == unix.SIGTSTP && terminal.Orphaned() {
		_ = unix.Kill(0, unix.SIGCONT)
	}
}

// fromTerminal reports whether a signal came from the terminal, which sends it to every member of its foreground group, or, of TTIN and TTOU,
// to the group of whoever is not in the foreground.
func fromTerminal(info siginfo.Info) bool {
	switch info.Signal {
	case unix.SIGINT, unix.SIGQUIT, unix.SIGTSTP, unix.SIGTTIN, unix.SIGTTOU, unix.SIGWINCH:
		return info.Code == siginfo.Kernel
	}
	return false
}

// diedAtTerminal reports whether the command died of a signal in the foreground of the terminal, which is then what the run ends with.
func diedAtTerminal(run *facts.Run) bool {
	r := run.Result
	return r != nil && r.Terminal && r.Status.Signaled() && run.Status == statusSignal+int(r.Status.Signal())
}

// spread sends what the terminal sent to the command, and the command died of, to our own process group, as the terminal would have if the
// command were in it: a script that waits for us ends at Ctrl-C, too. Our own handlers take no notice.
func spread(sig syscall.Signal) {
	if sig == unix.SIGINT || sig == unix.SIGQUIT {
		_ = unix.Kill(0, sig)
	}
}
