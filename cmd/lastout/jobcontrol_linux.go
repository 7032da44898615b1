package main

import (
	"os"
	"sync/atomic"
	"syscall"

	"lastout/cmd/lastout/internal/facts"
	"lastout/jobs"
	"lastout/jobs/siginfo"
	"lastout/jobs/terminal"

	"golang.org/x/sys/unix"
)

// jobControl stops lastout when its job has stopped, as the shell expects it of a program that it has started: it takes the terminal
// back, and continues lastout, which continues the job.
type jobControl struct {
	signals    *siginfo.Receiver
	runner     *jobs.Runner
	leader     atomic.Int64 // its process id, once there is one
	asked      atomic.Bool  // TSTP was sent to us
	foreground atomic.Bool  // the job has been started, in our process group
}

// started is told the leader's process id. What the terminal sends before that is not for the job, and is passed on to it therefore.
func (c *jobControl) started(pid int) {
	c.leader.Store(int64(pid))
	c.foreground.Store(c.runner.Shares())
}

// changed is told that the leader was stopped or continued. Where there is no terminal nobody would continue us, but for whoever has sent us TSTP.
func (c *jobControl) changed(st syscall.WaitStatus, news func() bool) {
	if !st.Stopped() {
		return
	}
	sig := st.StopSignal()
	if terminal.Orphaned() {
		c.goOn(sig)
		return
	}
	tty, err := terminal.Open()
	if err == nil {
		defer tty.Close()
		c.stop(sig, c.isGroups(tty, sig), news)
	} else if sig == unix.SIGTSTP && c.asked.Swap(false) {
		c.stop(sig, false, news)
	}
}

// isGroups reports whether the terminal would have stopped our process group, if the job were in it: other members of a pipeline,
// or the script that we were started by.
func (c *jobControl) isGroups(tty *terminal.Terminal, sig syscall.Signal) bool {
	switch sig {
	case unix.SIGTTIN, unix.SIGTTOU:
		return !c.foreground.Load()
	case unix.SIGTSTP:
		leader := int(c.leader.Load())
		group, err1 := unix.Getpgid(leader)
		front, err2 := tty.Foreground()
		return leader != 0 && !c.foreground.Load() && err1 == nil && err2 == nil && group == front
	}
	return false
}

// stop stops lastout, and with group what else is in its process group. The handlers that it has would keep it going.
func (c *jobControl) stop(sig syscall.Signal, group bool, news func() bool) {
	if sig == unix.SIGSTOP { // which cannot be kept from coming too late
		sig = unix.SIGTSTP
	}
	if siginfo.Ignored(sig) { // by us, and so by the command, unless that has decided otherwise
		return
	}
	if !siginfo.Sender { // nor are handlers ours to set aside
		target := os.Getpid()
		if group {
			target = 0
		}
		_ = unix.Kill(target, unix.SIGSTOP)
		return
	}
	if group {
		_ = siginfo.Ignoring(sig, func() error { return unix.Kill(0, sig) })
	}
	_ = siginfo.Default(sig)
	_ = terminal.Stop(sig, news)
	_ = c.signals.Ask(sig)
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

// overheard is told of a signal that the job, which is in our process group, has got from the terminal as we have. Nor are others in that group
// to be stopped if nobody could continue them: the keeper, in a group of its own, is why they are.
func (c *jobControl) overheard(sig syscall.Signal) {
	c.runner.Overheard(sig)
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
