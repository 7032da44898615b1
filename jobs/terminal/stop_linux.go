package terminal

import (
	"os"
	"syscall"

	"lastout/jobs/ancestry"

	"golang.org/x/sys/unix"
)

// Stop stops the process by TSTP, TTIN or TTOU, and returns when it has been continued. It does not stop if news, which is asked once a SIGCONT
// would undo the stop, reports that there is a reason to go on: so nothing is missed that came just before. The caller sees to it that
// the signal is at its default. A member of an orphaned process group does not stop (signal(7)).
func Stop(sig syscall.Signal, news func() bool) error {
	return without(sig, func() error {
		// Pending for this thread until the mask is restored. SIGCONT discards it, and so do we.
		err := unix.Tgkill(os.Getpid(), unix.Gettid(), sig)
		if news() {
			err = unix.Kill(os.Getpid(), unix.SIGCONT)
		}
		return err
	})
}

// Orphaned reports whether our process group is orphaned: nobody who could continue it, a parent of a member in another group
// of the same session, is there (setpgid(2), credentials(7)). The members looked at are we and our ancestors.
func Orphaned() bool {
	group, session := unix.Getpgrp(), sidOf(0)
	for pid := os.Getppid(); pid > 0; pid = ancestry.Parent(pid) {
		if sidOf(pid) != session {
			return true
		}
		if of, err := unix.Getpgid(pid); err != nil || of != group {
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
