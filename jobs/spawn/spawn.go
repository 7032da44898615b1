package spawn

import "syscall"

// Attr is what is to be started, and how. Path is executed as it is: it is not looked up.
type Attr struct {
	Path string
	Args []string
	Env  []string
	Dir  string // "" is that of this process
	// Files are the descriptors of the child from 0 on; -1 is a closed one. Others that are not
	// close-on-exec are inherited.
	Files []int

	Session  bool // a session of its own (setsid(2))
	Control  bool // with descriptor 0 as its controlling terminal (TIOCSCTTY)
	Group    int  // without Session: the process group to join; 0 is a new one
	InGroup  bool // join Group
	NewGroup bool // lead a new process group

	// DeathSignal is what the child gets when the thread that calls Start ends (PR_SET_PDEATHSIG);
	// 0 is none.
	DeathSignal syscall.Signal
	NoNewPrivs  bool // PR_SET_NO_NEW_PRIVS, Linux 3.5

	// Cgroup is the descriptor of a cgroup v2 directory to start in, if UseCgroup is set
	// (CLONE_INTO_CGROUP, Linux 5.7).
	Cgroup    int
	UseCgroup bool

	// Inherited is what the child starts with; nil leaves what the Go runtime has made of it.
	Inherited *Inherited

	// Known are the process ids by which the environment may name whom it was made for. Where
	// LISTEN_PID or WATCHDOG_PID has that value it gets the child's, and LISTEN_PIDFDID that of the
	// child's pidfd (sd_listen_fds(3), sd_watchdog_enabled(3)).
	Known Names
}

// Names are what a process is called in an environment.
type Names struct {
	PID     string // "" is nothing that could be named
	PidfdID string // the inode of its pidfd, Linux 6.9
}

// Inherited is what a process has inherited and the Go runtime changes. Bit n-1 of a set stands for
// signal n, as in the kernel's sigset_t.
type Inherited struct {
	Blocked uint64         // the signal mask
	Ignored uint64         // signals whose disposition is SIG_IGN
	Files   syscall.Rlimit // RLIMIT_NOFILE
}

// Bit is the bit of a signal in the sets of Inherited.
func Bit(sig syscall.Signal) uint64 { return 1 << (uint(sig) - 1) }
