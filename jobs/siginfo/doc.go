// Package siginfo receives signals together with what the kernel says of them: who sent them, and how (siginfo_t, sigaction(2)).
//
// It takes the place of os/signal where a program asks for every signal there is. There each of them costs two switches between
// threads before the program may go on, a millisecond or more for all; here it is one system call. And os/signal does not tell
// who sent a signal, so that a real SIGURG cannot be told from those that the Go runtime sends to its own threads.
//
// The pieces: a signal handler in assembly, which does nothing but write the first bytes of the siginfo_t to a pipe;
// sigaction_linux.go, which installs it in the place of the Go runtime's; and a [Receiver], which reads the pipe.
// Where there is no such handler (other_linux.go) os/signal does the work and the sender is not known.
//
//	r, err := siginfo.New()
//	r.Ask(syscall.SIGTERM)
//	for info, err := r.Next(); err == nil; info, err = r.Next() {
//		log.Println(info.Signal, "from", info.PID)
//	}
//
// Limits: a signal that was asked for here is lost to os/signal. There is one Receiver in a process.
package siginfo
