package siginfo

import (
	"syscall"

	"golang.org/x/sys/unix"
)

// Catchable reports whether a signal says something to a program that a program may hear: all but KILL and STOP do, and
// CHLD, which tells of children. Where os/signal does the work, those are missing that the Go runtime keeps to itself.
func Catchable(sig syscall.Signal) bool {
	switch sig {
	case unix.SIGKILL, unix.SIGSTOP, unix.SIGCHLD:
		return false
	case unix.SIGPROF, 32, 33, 34:
		return Sender
	}
	return sig > 0 && sig <= Max
}

// Max is the last real-time signal, see signal(7).
const Max syscall.Signal = 64
