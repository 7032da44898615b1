package jobs

import (
	"os"
	"slices"
	"syscall"

	"lastout/jobs/terminal"
	"lastout/subreaper"

	"golang.org/x/sys/unix"
)

// lender lends the terminal to a job, see Job.Terminal. A nil one does nothing.
type lender struct {
	loan   terminal.Loan
	lead   bool
	shared bool // the job is in our process group: there are modes to restore, and nothing to lend
}

// newLender returns nil where there is no terminal to lend or to look after.
func newLender(job *Job) *lender {
	if !job.Terminal || job.Session || job.Foreground && !job.place.modes {
		return nil
	}
	tty, err := terminal.Open()
	if err != nil {
		return nil
	}
	modes, _ := tty.Modes()
	return &lender{terminal.Loan{TTY: tty, Owner: job.place.group, Modes: modes}, job.place.lead, job.Foreground}
}

func (l *lender) close() {
	if l != nil {
		_ = l.loan.TTY.Close()
	}
}

// begin lends the terminal to a leader that has just been started, and may have wanted it already:
// then it was stopped for that, and is continued when we see it. (The child cannot take it for
// itself: it would have to ignore SIGTTOU for that, and so would the command.)
func (l *lender) begin(pid int) {
	if l != nil && l.lead && !l.shared {
		_ = l.loan.Lend(pid)
	}
}

// lend lends the terminal to a leader that was stopped for want of it. It fails where our caller
// does not have it either.
func (l *lender) lend(pid int, stopped syscall.Signal) bool {
	if l == nil || l.shared || stopped != unix.SIGTTIN && stopped != unix.SIGTTOU {
		return false
	}
	group, err := unix.Getpgid(pid) // it may have joined another one
	return err == nil && l.loan.Lend(group) == nil
}

// resume lends the terminal again, to a leader that had it before it was stopped.
func (l *lender) resume(pid int) {
	if l == nil || l.shared || !l.loan.Lent() && !l.lead {
		return
	}
	if group, err := unix.Getpgid(pid); err == nil {
		_ = l.loan.Lend(group)
	}
}

// giveBack returns the terminal to our caller if the job has it, and says whether it had.
func (l *lender) giveBack(r *subreaper.Reaper, reset bool) bool {
	if l == nil {
		return false
	}
	if l.shared {
		if reset {
			l.loan.Restore()
		}
		return false
	}
	return l.loan.GiveBack(reset, groupIn(r))
}

// out reports whether the job has the terminal, be it that a descendant has taken it from the
// leader: an interactive shell, a lastout.
func (l *lender) out(r *subreaper.Reaper) bool { return l != nil && l.loan.Out(groupIn(r)) }

func groupIn(r *subreaper.Reaper) func(group int) bool {
	return func(group int) bool {
		return slices.ContainsFunc(r.Descendants(), func(p subreaper.Process) bool { return p.PGID == group })
	}
}

// takePlace finds out where the job is to be. The origin stands in the caller's process group, and
// at the terminal.
func (o *Origin) takePlace(j *Job) {
	pid := o.pid()
	j.place = place{}
	if j.place.group, _ = unix.Getpgid(pid); j.place.group == 0 {
		j.Foreground = false // a group of another PID namespace, which cannot be joined
	}
	switch {
	case !j.Terminal:
	case j.Session:
		j.place.controls = o.releaseTerminal()
	case j.Foreground:
		j.place.modes = terminal.OwnsStreams(pid)
	default:
		switch terminal.SeatOf(pid) {
		case terminal.None:
			j.Terminal = false // nobody needs to look once more
		case terminal.Alone:
			j.place.lead = true
		case terminal.Shared:
			if j.place.group != 0 {
				j.Foreground = true
				j.place.modes = terminal.OwnsStreams(pid)
			}
		}
	}
}

func (o *Origin) pid() int {
	if o.PID == 0 {
		return os.Getpid()
	}
	return o.PID
}

// releaseTerminal gives the controlling terminal up, so that another session may have it: only the
// leader of a session can, and only where standard input is that terminal can the job get it back.
// The foreground group is sent HUP and CONT by that, we among it (tty_ioctl(4), TIOCNOTTY).
func (o *Origin) releaseTerminal() bool {
	if o.Release != nil {
		return o.Release()
	}
	sid, err := unix.Getsid(0)
	if err != nil || sid != os.Getpid() {
		return false
	}
	if _, err := unix.IoctlGetInt(0, unix.TIOCGPGRP); err != nil {
		return false
	}
	return ignoring(unix.SIGHUP, func() error { return unix.IoctlSetInt(0, unix.TIOCNOTTY, 0) }) == nil
}
