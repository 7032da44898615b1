// Package terminal is the controlling terminal of the process: which process group is in its
// foreground, and its modes (tty_ioctl(4), termios(3), tcsetpgrp(3), credentials(7)).
//
// A shell gives the terminal to one process group, and takes it back when that has ended or
// stopped. What stands between a shell and a program in a process group of its own has to do the
// same once more:
//
//	tty, err := terminal.Open()
//	loan := terminal.Loan{TTY: tty, Owner: unix.Getpgrp()}
//	loan.Lend(group)    // that group reads, and gets what Ctrl-C and Ctrl-Z send
//	loan.GiveBack(true) // the terminal is the owner's again, with the modes from before
//
// The pieces: a [Terminal] is the device; a [Loan] is the terminal in the hands of a group, with
// what is needed to restore it; [Stops] says which signals stop a process; [Orphaned] tells whether
// anybody is there who continues it.
package terminal
