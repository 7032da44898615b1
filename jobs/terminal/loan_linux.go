package terminal

import (
	"golang.org/x/sys/unix"
)

// Loan is the terminal in the hands of a process group that is not the caller's. It is for one
// goroutine.
type Loan struct {
	TTY   *Terminal
	Owner int    // the process group that gets it back
	Modes *Modes // those from before; nil is filled in by Lend

	group int // who has it, or has had it
}

// Lend gives the terminal to a process group, if its owner has it. A group that has it already is
// fine, too.
func (l *Loan) Lend(group int) error {
	now, err := l.TTY.Foreground()
	if err != nil {
		return err
	}
	if now != l.Owner && now != group {
		return unix.EBUSY
	}
	if l.Modes == nil {
		l.Modes, _ = l.TTY.Modes()
	}
	l.group = group
	if now == group {
		return nil
	}
	return l.TTY.SetForeground(group)
}

// Lent reports whether the terminal was lent to anybody.
func (l *Loan) Lent() bool { return l.group != 0 }

// Out reports whether the borrower has the terminal: its group, one that ours tells is of the same
// job, or one that nobody is left of. Otherwise the owner has it, or somebody like a shell has
// taken it for another job.
func (l *Loan) Out(ours func(group int) bool) bool {
	now, err := l.TTY.Foreground()
	switch {
	case err != nil, now == l.Owner, now <= 0:
		return false
	case now == l.group, ours != nil && ours(now):
		return true
	}
	return unix.Kill(-now, 0) == unix.ESRCH
}

// Restore sets the modes from before, if the owner has the terminal.
func (l *Loan) Restore() {
	if now, err := l.TTY.Foreground(); err == nil && now == l.Owner && l.Modes != nil {
		_ = l.TTY.SetModes(l.Modes)
	}
}

// GiveBack returns the terminal to its owner if the borrower has it, and says whether that was so.
// Where nobody is left of the owner, the group of the session's leader gets it: that is a shell, as
// a rule. With reset, the modes are those from before.
func (l *Loan) GiveBack(reset bool, ours func(group int) bool) bool {
	if !l.Out(ours) {
		return false
	}
	if l.TTY.SetForeground(l.Owner) != nil {
		if sid, err := unix.Getsid(0); err == nil {
			if group, err := unix.Getpgid(sid); err == nil {
				_ = l.TTY.SetForeground(group)
			}
		}
	}
	if reset && l.Modes != nil {
		_ = l.TTY.SetModes(l.Modes)
	}
	return true
}
