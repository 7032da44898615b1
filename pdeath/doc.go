// Package pdeath handles the parent-death signal of prctl(2) both ways: children that die with us,
// and we with our parent.
//
// Three pieces:
//
//   - [Set], [Clear] and [Signal] act on the calling thread's own parent-death signal, race-checked
//     against a parent that was recorded before.
//   - [Thread] is a thread that lives until it is closed. A child's parent-death signal fires when
//     the thread that forked it ends, not the process (https://go.dev/issue/27505); and Go ends
//     threads. A child started on a Thread gets the signal when the Thread or the process ends,
//     never before.
//   - [Parent] tells of our own parent's death without polling, through a pidfd.
//
// A child that dies with us:
//
//	thread := pdeath.NewThread()
//	defer thread.Close()
//	pid, err := thread.Start("/bin/sleep", []string{"sleep", "60"}, &syscall.ProcAttr{
//		Sys: &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL},
//	})
//
// Limits: the signal is not inherited by a child's own children, and is cleared when a set-user-ID,
// set-group-ID or capability-carrying program is executed. It is for direct children; for whole
// trees there is package jobs. Everywhere but on Linux the functions return
// [errors.ErrUnsupported].
package pdeath
