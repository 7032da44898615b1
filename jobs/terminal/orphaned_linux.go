package terminal

import (
	"syscall"

	"lastout/jobs/procstat"

	"golang.org/x/sys/unix"
)

// Orphaned reports whether the process group of a process, pid, is orphaned: nobody who could
// continue it, a parent of a member in another group of the same session, is there (setpgid(2),
// credentials(7)). The members looked at are pid and its ancestors, of which parent is the first.
func Orphaned(pid, parent int) bool {
	group, session := groupOf(pid), sidOf(pid)
	for ; parent > 0; parent = procstat.Parent(parent) {
		if sidOf(parent) != session {
			return true
		}
		if of, err := unix.Getpgid(parent); err != nil || of != group {
			return err != nil
		}
	}
	return true
}

func sidOf(pid int) int {
	sid, err := unix.Getsid(pid)
	if err != nil {
		return -1
	}
	return sid
}

// Stops reports whether a signal is one with which a terminal or its user stops a process, which
// that can handle (signal(7)).
func Stops(sig syscall.Signal) bool {
	return sig == unix.SIGTSTP || sig == unix.SIGTTIN || sig == unix.SIGTTOU
}
