package siginfo

import "syscall"

// Info is what the kernel says of a signal, see sigaction(2).
type Info struct {
	Signal syscall.Signal
	Code   int32 // si_code: SI_USER, SI_TKILL, SI_KERNEL, …
	PID    int   // of the sender, where Code is one of those that kill(2), sigqueue(3) and tgkill(2) set; 0 where it is not known
	UID    uint32
}

// Kernel is the Code of a signal that the kernel has sent, as the terminal does: SI_KERNEL, sigaction(2).
const Kernel = 0x80

// Codes of signals that a process has sent.
const (
	siUser  = 0
	siQueue = -1
	siTkill = -6
)
