package guardian

import (
	"syscall"
	"unsafe"

	"lastout/jobs/spawn"

	"golang.org/x/sys/unix"
)

// entered is what is known of the process since its first instruction.
var entered struct {
	role        Role
	environment uintptr // as execve(2) has put it on the stack
	inherited   spawn.Inherited
	failed      struct { // the system call by which lastout cannot run here
		trap  uintptr
		errno syscall.Errno // 0: there is none
	}
	closed   uint8  // bit n: descriptor n was closed
	handed   bool   // there were children already
	stops    uint64 // stop signals that are pending since before
	self     int32  // our process id, in the worker the guardian's
	caller   int32
	worker   int32
	ballast  struct{ at, size uintptr } // address space that the Go runtime is not to see when it starts
	signals  int32                      // signalfd(2), for all signals
	proc     int32                      // /proc, as it is mounted before the job starts; -1: it is not
	children int32                      // the list of our children; -1: there is none
	hurries  bool                       // see hurry
	secure   bool                       // AT_SECURE, getauxval(3)
	traced   bool                       // somebody wants to see what the Go runtime says
	pipe     [2]int32                   // from the guardian to the worker, and from the handler in handler_linux_*.s
}

var all = ^uint64(0)

// page is what guardian and worker tell each other, in memory that both share. Each field has one
// writer, which wakes the other side afterwards by a system call: that orders their memory, too.
type page struct {
	// Of the worker.
	verdict  uint32 // what to end with: see below
	status   uint32 // an exit status, or a signal
	stop     uint32 // the signal to stop with; the guardian clears it
	group    uint32 // whether the process group is to be stopped, too
	seen     uint64 // how often the worker has been told to go on, when it asked for that stop
	ready    uint32 // the Go runtime has the threads that it needs
	request  uint32 // what else is to be done; the guardian clears it, and answers
	settle   uint32 // whether children of the guardian's are to be settled; the guardian clears it
	asking   int32  // then, the descriptor through which that is asked for once more
	outcome  int32  // and the one that what became of them is written to
	terminal uint32 // whether modes and owner are known
	owner    int32  // the process group that has the terminal back at the end
	modes    unix.Termios
	known    Known     // what the heir is to know
	mark     [12]byte  // in the name of the temporary file that was made last
	cgroup   [512]byte // the directory to be removed at the end, and a zero

	// Of the guardian.
	continued uint64 // how often SIGCONT was passed on
	stopped   uint32 // it has stopped, or is about to, for the job
	answer    uint32 // to a request: a futex
	killed    uint32 // how many of our children were killed before the Go runtime was started
}

// Verdicts.
const (
	verdictNone = iota
	verdictExit
	verdictDie
)

// Requests.
const (
	askNone        = iota
	askRelease     // let go of the terminal
	askUndumpable  // let nobody trace us
	askWhetherRuns // nothing
)

// Answers.
const (
	answerNone = iota
	answerDone
	answerRefused
)

const pageSize = 4096

// The page fits.
var _ [pageSize - unsafe.Sizeof(page{})]byte

// shared is nil where there is no guardian.
var shared *page

// signalInfo is the beginning of siginfo_t (sigaction(2)): what follows the code is a union, of
// which we read what kill(2) fills in.
type signalInfo struct {
	Signo, Errno, Code int32
	_                  int32
	PID                int32
	UID                uint32
	Status             int32 // of a child, with SIGCHLD and waitid(2)
	_                  [100]byte
}

// Marks of a record, in a field that the kernel leaves 0. Without one it is from the handler.
const (
	// before: it was pending when the program was executed. Its sender may have had our process id:
	// it was what executed us.
	before = 1
	// byGuardian: the guardian has received it.
	byGuardian = 2
)

// recordSize is how much of a signalInfo goes through the pipe. Writes of up to PIPE_BUF bytes are
// atomic (pipe(7)).
const recordSize = 32

// sys makes a system call.
//
//go:nosplit
//go:norace
func sys(trap, a, b, c, d uintptr) (uintptr, syscall.Errno) {
	r, _, errno := syscall.RawSyscall6(trap, a, b, c, d, 0, 0)
	return r, errno
}

// sys6 is sys with six arguments.
//
//go:nosplit
//go:norace
func sys6(trap, a, b, c, d, e, f uintptr) (uintptr, syscall.Errno) {
	r, _, errno := syscall.RawSyscall6(trap, a, b, c, d, e, f)
	return r, errno
}

// Codes of siginfo_t, sigaction(2).
const (
	siUser     = 0
	siQueue    = -1
	siTkill    = -6
	siKernel   = 0x80
	cldKilled  = 2
	cldTrapped = 4
	cldStopped = 5
)

// Operations of futex(2).
const (
	futexWait = 0
	futexWake = 1
)

// action is the kernel's struct sigaction. All but its handler is 0 here.
type action struct {
	handler uintptr
	_       [3]uint64
}

// Dispositions.
const (
	sigDfl = 0
	sigIgn = 1
)

// set sets a disposition: sigDfl or sigIgn.
func set(sig syscall.Signal, handler uintptr) {
	now := action{handler: handler}
	_, _ = sys(unix.SYS_RT_SIGACTION, uintptr(sig), uintptr(unsafe.Pointer(&now)), 0, 8)
}

// undumpable keeps processes of the same user from tracing this one, from reading its memory, and
// from taking its descriptors (PR_SET_DUMPABLE(2const), ptrace(2)).
//
//go:norace
func undumpable() bool {
	_, errno := sys(unix.SYS_PRCTL, unix.PR_SET_DUMPABLE, 0, 0, 0)
	return errno == 0
}
