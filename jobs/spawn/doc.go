// Package spawn starts a program as fork(2) and execve(2) do, with what the caller of this process
// passed on.
//
// syscall.ForkExec gives a child what the Go runtime has made of it: the signal mask of one of its
// threads, and signals that were ignored before the runtime took them over. [Start] gives it what
// [Inherited] says. It also does in the child what would need a thread of its own in the parent
// (no_new_privs), and writes the child's process id into variables that name it (systemd's
// LISTEN_PID).
//
// The pieces: [Attr] says what is to be started; child_linux.go is what the child does, in system
// calls of its own, on memory that it shares with the parent, which waits for its execve (CLONE_VM
// and CLONE_VFORK, clone(2)).
//
// Where nothing is known of what was inherited, and on a processor without assembly in package
// clone, [Start] uses syscall.ForkExec (forkexec_linux.go).
package spawn
