package guardian

import (
	"context"
	"errors"
	"os"
	"runtime"
	"strconv"
	"sync"
	"sync/atomic"
	"syscall"
	"time"
	"unsafe"

	"lastout/jobs/procstat"
	"lastout/jobs/spawn"
	"lastout/pdeath"

	"golang.org/x/sys/unix"
)

// Started says what this process is.
func Started() Role { return entered.role }

// PID is the process id of lastout as its caller knows it: that of the guardian, if there is one.
func PID() int {
	if entered.role == Worker {
		return int(entered.self)
	}
	return os.Getpid()
}

// Group is the process group of lastout as its caller knows it.
func Group() int {
	group, _ := unix.Getpgid(PID())
	return group
}

// caller is for a process in which nothing ran before the runtime: then it may be too late to learn
// of a caller that died at once.
var caller = os.Getppid()

// Caller is the process that has started us; 0 is one outside of our PID namespace.
func Caller() int {
	if entered.role == Unknown {
		return caller
	}
	return int(entered.caller)
}

// Inherited is what we were started with, nil where that is not known.
func Inherited() *spawn.Inherited {
	if entered.role == Unknown {
		return nil
	}
	return &entered.inherited
}

// Environment is what we were started with, exactly: the Go runtime leaves out empty entries, and
// the second of a name. nil is not known. Its strings are where execve(2) has put them.
func Environment() (env []string) {
	if entered.environment == 0 {
		return nil
	}
	list := *(*unsafe.Pointer)(unsafe.Pointer(&entered.environment))
	env = []string{}
	for i := 0; ; i++ {
		p := hiddenAt(i)
		if p == nil {
			p = *(**byte)(unsafe.Add(list, uintptr(i)*unsafe.Sizeof(uintptr(0))))
		}
		if p == nil {
			return env
		}
		env = append(env, unsafe.String(p, lengthOf(p)))
	}
}

func lengthOf(p *byte) (n int) {
	for *(*byte)(unsafe.Add(unsafe.Pointer(p), n)) != 0 {
		n++
	}
	return n
}

// Closed reports whether a standard descriptor was closed when we were started: the Go runtime has
// opened /dev/null in its place.
func Closed(fd int) bool { return entered.closed>>fd&1 != 0 }

// Names are the names by which an environment may mean us.
func Names() spawn.Names {
	n := spawn.Names{PID: strconv.Itoa(PID())}
	if os.Getenv("LISTEN_PIDFDID") == "" {
		return n
	}
	if fd, err := unix.PidfdOpen(PID(), 0); err == nil {
		var st unix.Stat_t
		if unix.Fstat(fd, &st) == nil {
			n.PidfdID = strconv.FormatUint(st.Ino, 10)
		}
		_ = unix.Close(fd)
	}
	return n
}

// Watch calls gone when the guardian dies. It does nothing without one.
func Watch(gone func()) error {
	if entered.role != Worker {
		return nil
	}
	open := func() (*pdeath.Parent, error) {
		parent, err := pdeath.OpenParent(int(entered.self))
		held.Store(parent)
		return parent, err
	}
	return watch(open, func() {
		stopAsking()
		gone()
	})
}

// WatchCaller calls gone when the caller dies, or has died since we were started.
func WatchCaller(gone func()) error {
	switch {
	case Caller() == 0: // it takes our PID namespace with it
		return nil
	case entered.role == Worker:
		return watch(func() (*pdeath.Parent, error) {
			return pdeath.OpenParentOf(func() int { return procstat.Parent(int(entered.self)) }, Caller())
		}, gone)
	}
	return watch(func() (*pdeath.Parent, error) { return pdeath.OpenParent(Caller()) }, gone)
}

func watch(open func() (*pdeath.Parent, error), gone func()) error {
	parent, err := open()
	if errors.Is(err, pdeath.ErrParentGone) {
		gone()
		return nil
	}
	if err != nil {
		return err
	}
	go func() {
		if parent.Wait(context.Background()) == nil {
			gone()
		}
	}()
	return nil
}

// Ready says that the Go runtime has started: everything that it needs is there. It can be called
// more than once.
func Ready() {
	ready.Do(func() {
		if b := entered.ballast; b.size > 0 {
			_, _ = sys(unix.SYS_MUNMAP, b.at, b.size, 0, 0)
		}
		if entered.role == Worker {
			shared.ready = 1
		} else {
			end(cannotGoOn)
		}
	})
}

var ready sync.Once

// held is the guardian as [Watch] holds it.
var held atomic.Pointer[pdeath.Parent]

// tell sends the guardian a signal. It may be dead, and its number a stranger's.
func tell(sig syscall.Signal) {
	if parent := held.Load(); parent != nil {
		_ = parent.Signal(sig)
	} else if os.Getppid() == int(entered.self) { // before anything is started
		_ = unix.Kill(int(entered.self), sig)
	}
}

// wake makes the guardian look at the page.
func wake() { tell(unix.SIGCHLD) }

// Exit ends lastout with an exit status.
func Exit(status int) {
	if entered.role == Worker {
		shared.status = uint32(status)
		atomic.StoreUint32(&shared.verdict, verdictExit)
	}
	os.Exit(status)
}

// Die makes lastout die of a signal, so that the caller sees what it would have seen without it. It
// returns only if that fails.
func Die(sig syscall.Signal) {
	if entered.role == Worker {
		shared.status = uint32(sig)
		atomic.StoreUint32(&shared.verdict, verdictDie)
		os.Exit(0)
	}
	// To this thread alone: what the process is sent, another thread may take from the kernel
	// first.
	runtime.LockOSThread()
	set(sig, sigDfl)
	if unix.Tgkill(os.Getpid(), unix.Gettid(), sig) == nil {
		mask := unix.Sigset_t{}
		bit := uintptr(sig - 1)
		mask.Val[bit/wordBits] = 1 << (bit % wordBits)
		_ = unix.PthreadSigmask(unix.SIG_UNBLOCK, &mask, nil)
	}
	runtime.UnlockOSThread()
}

const wordBits = 8 * unsafe.Sizeof(unix.Sigset_t{}.Val[0])

// GoOn continues a guardian that has stopped for its job, or is about to. One that runs is left
// alone: a SIGCONT would undo a stop that is on its way.
func GoOn() {
	if shared != nil && atomic.LoadUint32(&shared.stopped) != 0 {
		tell(unix.SIGCONT)
	}
}

// Release returns what has the guardian give up the controlling terminal, if it leads the session,
// and reports whether that was done; nil where there is no guardian, and the process does it
// itself.
func Release() func() bool {
	if entered.role != Worker {
		return nil
	}
	return releaseTerminal
}

func releaseTerminal() bool { return request(askRelease, time.Time{}) == answerDone }

// Undumpable keeps processes of the same user from tracing guardian and worker, from reading their
// memory, and from taking their descriptors. It reports whether it does.
func Undumpable() bool {
	return undumpable() && (entered.role != Worker || request(askUndumpable, time.Time{}) == answerDone)
}

// OutlastStop waits until the guardian runs, and continues one that is still stopped at a point in
// time. The worker must have no other request. It is for the end: a guardian without the worker
// would stay stopped for good. One that settles what was handed to it is not waited for.
func OutlastStop(until time.Time) {
	if entered.role != Worker || entered.handed {
		return
	}
	if request(askWhetherRuns, until) == answerNone {
		tell(unix.SIGCONT)
	}
}

// request has the guardian do something, and returns its answer. There is none where it has died,
// and when the time is over: the zero time is never.
func request(what uint32, until time.Time) uint32 {
	shared.answer = answerNone
	shared.request = what
	wake()
	for atomic.LoadUint32(&shared.answer) == answerNone && os.Getppid() == int(entered.self) {
		patience := 100 * time.Millisecond // nothing tells this futex that the guardian has died
		if !until.IsZero() {
			patience = min(patience, time.Until(until))
			if patience <= 0 {
				return answerNone
			}
		}
		limit := unix.NsecToTimespec(int64(patience))
		_, _, _ = unix.Syscall6(unix.SYS_FUTEX, uintptr(unsafe.Pointer(&shared.answer)), futexWait, answerNone,
			uintptr(unsafe.Pointer(&limit)), 0, 0)
	}
	return atomic.LoadUint32(&shared.answer)
}
