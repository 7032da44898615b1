package subreaper

import (
	"os"
	"os/exec"
	"os/signal"
	"slices"
	"syscall"

	"lastout/subreaper/internal/proc"

	"golang.org/x/sys/unix"
)

// command is a child that its owner waits for, through os/exec.
type command struct {
	pidfd int // tells whether the number still means this process
}

// collected reports whether the owner has reaped it. Before Linux 5.3 a recycled number may hide
// that.
func (c *command) collected(pid int32) bool {
	if c.pidfd >= 0 {
		return pidfdSignal(c.pidfd, 0, 0) == unix.ESRCH
	}
	var info siginfo
	return waitidNow(unix.P_PID, int(pid), waitExit|unix.WNOWAIT, &info, nil) == unix.ECHILD
}

// StartCommand starts cmd, as cmd.Start does, and leaves its exit status to cmd.Wait. The command's
// own orphans are adopted and reaped like any other. Wait for the command before long: while it is
// a zombie, the Reaper falls back to SIGCHLD (os/signal) to see other exits.
func (r *Reaper) StartCommand(cmd *exec.Cmd) error {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.closed {
		return errClosed
	}
	if err := cmd.Start(); err != nil {
		return err
	}
	// Its owner cannot have waited for it yet: we have not returned.
	r.addCommand(int32(cmd.Process.Pid))
	r.expect()
	return nil
}

func (r *Reaper) addCommand(pid int32) {
	if r.sigchld == nil {
		r.sigchld = make(chan os.Signal, 1)
		signal.Notify(r.sigchld, syscall.SIGCHLD)
	}
	r.pruneCommands()
	fd, _ := pidfdOpen(pid)
	r.commands[pid] = &command{pidfd: fd}
}

// noticeCommands finds children that somebody has started without telling us: os keeps a pidfd for
// each of them until it has been waited for (Go 1.23, Linux 5.4), and nobody has one for an orphan.
func (r *Reaper) noticeCommands() {
	if r.opts.Exclusive || r.fs == nil {
		return
	}
	r.pidfds = r.fs.Pidfds(r.pidfds[:0])
	for _, pid := range r.pidfds {
		if r.watched[pid] == nil && r.commands[pid] == nil && isChild(pid) {
			r.addCommand(pid)
		}
	}
}

// ownedByCommand reports whether pid is, still, a command that its owner will wait for.
func (r *Reaper) ownedByCommand(pid int32) bool {
	c, ok := r.commands[pid]
	if ok && c.collected(pid) {
		r.forgetCommand(pid, c)
		return false
	}
	return ok
}

func (r *Reaper) forgetCommand(pid int32, c *command) {
	if c.pidfd >= 0 {
		proc.CloseFD(c.pidfd)
	}
	delete(r.commands, pid)
}

func (r *Reaper) pruneCommands() {
	for pid, c := range r.commands {
		if c.collected(pid) {
			r.forgetCommand(pid, c)
		}
	}
}

func (r *Reaper) dropCommands() {
	if r.sigchld != nil {
		signal.Stop(r.sigchld)
	}
	for pid, c := range r.commands {
		r.forgetCommand(pid, c)
	}
}

// beside reaps while a command's zombie, which is its owner's to reap, answers every wait for any
// child. There is no event for "somebody else has reaped it", so until the next SIGCHLD each one
// makes us look at our other children by number.
func (r *Reaper) beside() {
	for {
		r.sweep()
		if r.closed || r.held != nil || !r.commandZombie() {
			return
		}
		r.mu.Unlock()
		select {
		case <-r.sigchld:
		case <-r.done:
		}
		r.mu.Lock()
	}
}

// sweep deals with all that has happened to children that are not commands.
func (r *Reaper) sweep() {
	var info siginfo
	var ru unix.Rusage
	for _, pid := range slices.Clone(r.walk.directChildren()) {
		if waitidNow(unix.P_PID, int(pid), waitAnything, &info, &ru) == 0 && info.PID != 0 && r.held == nil {
			r.happened(&info, &ru)
		}
	}
}

// commandZombie reports whether a command has exited and not been waited for.
func (r *Reaper) commandZombie() bool {
	zombie := false
	for pid, c := range r.commands {
		switch {
		case c.collected(pid):
			r.forgetCommand(pid, c)
		case exited(pid):
			zombie = true
		}
	}
	return zombie
}
