//go:build linux && (amd64 || arm64)

package spawn

import (
	"runtime"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"unsafe"

	"lastout/jobs/clone"
	"lastout/jobs/procstat"

	"golang.org/x/sys/unix"
)

// stackSize is enough for functions that are go:nosplit: those have 800 bytes at most in a row.
const stackSize = 16 << 10

// order is what the child works on. The parent does not touch it meanwhile: its thread waits, and
// the others do not know it.
type order struct {
	path, dir  *byte
	argv, envp **byte
	files      []int // a copy: the child moves them out of each other's way
	parent     int
	above      int // a descriptor that no entry of files is
	attr       *Attr
	dfl, ign   action
	stat       unix.Stat_t
	names      [3]*byte // where the child writes its number: in LISTEN_PID, WATCHDOG_PID, LISTEN_PIDFDID
	errno      syscall.Errno
}

// action is the kernel's struct sigaction; all but the handler is 0 here.
type action struct {
	handler uintptr
	_       [3]uint64
}

// One child at a time: the stack is shared, and memory while it runs.
var (
	starting sync.Mutex
	stack    [stackSize]byte
)

// being is the child that is being started.
var being struct {
	mu   sync.Mutex // held to clear pid, and to use it: the child is not waited for meanwhile
	pid  int32      // set by the child; 0: there is none; nascent or told: it has not come to that yet
	deaf uint64     // the signals that it has blocked or ignored
}

// What stands for the number of a child that has not said it yet. Signals to our process group may
// reach it already.
const (
	nascent = -1
	told    = -2 // it is to continue itself
)

// stops are the signals that stop a process which does nothing about them, but for SIGSTOP.
const stops = 1<<(unix.SIGTSTP-1) | 1<<(unix.SIGTTIN-1) | 1<<(unix.SIGTTOU-1)

// GoOn continues the child that is being started, and reports whether a signal that our process
// group has been sent may have hit it. A child that was stopped with its process group before it
// could execute the program would keep Start from returning. SIGCONT may have come when it had left
// that group.
func GoOn(sig syscall.Signal) bool {
	being.mu.Lock()
	defer being.mu.Unlock()
	set := Bit(sig)
	if sig == unix.SIGCONT {
		set = stops
	}
	if set&^being.deaf == 0 {
		return false
	}
	if atomic.CompareAndSwapInt32(&being.pid, nascent, told) {
		return true
	}
	switch pid := atomic.LoadInt32(&being.pid); {
	case pid == told:
		return true
	case pid == 0 || executes(pid):
		return false
	default:
		_, _, _ = unix.RawSyscall(unix.SYS_KILL, uintptr(pid), uintptr(unix.SIGCONT), 0)
		return true
	}
}

// executes reports whether a child executes its program already, though the thread that waits for
// that has not gone on yet. From then on a SIGCONT is the program's.
func executes(pid int32) bool {
	const forkNoExec = 0x40 // PF_FORKNOEXEC, include/linux/sched.h; begin_new_exec in fs/exec.c clears it
	stat, ok := procstat.Read(int(pid))
	return ok && stat.Flags&forkNoExec == 0
}

// Start starts a program and returns its process id. The error is an errno, of the call that has
// failed in the child.
//
// The child must not be waited for by somebody else before Start has returned: one that cannot be
// executed is waited for here.
func Start(a *Attr) (pid int, err error) {
	if a.Inherited == nil {
		return a.forkExec()
	}
	o, err := prepare(a)
	if err != nil {
		return 0, err
	}
	starting.Lock()
	defer starting.Unlock()
	being.mu.Lock()
	being.deaf = a.Inherited.Blocked | a.Inherited.Ignored
	atomic.StoreInt32(&being.pid, nascent)
	being.mu.Unlock()
	pid = o.fork()
	being.mu.Lock()
	being.pid = 0
	being.mu.Unlock()
	runtime.KeepAlive(o)
	runtime.KeepAlive(a)
	if pid < 0 {
		return 0, syscall.Errno(-pid)
	}
	if o.errno != 0 {
		reap(pid)
		return 0, o.errno
	}
	return pid, nil
}

func reap(pid int) {
	for {
		if _, _, errno := unix.RawSyscall6(unix.SYS_WAIT4, uintptr(pid), 0, unix.WALL, 0, 0, 0); errno != unix.EINTR {
			return
		}
	}
}

func prepare(a *Attr) (*order, error) {
	o := &order{attr: a, parent: syscall.Getpid(), files: slices.Clone(a.Files), ign: action{handler: 1}}
	o.above = len(a.Files)
	for _, fd := range a.Files {
		o.above = max(o.above, fd+1)
	}
	var err error
	if o.path, err = syscall.BytePtrFromString(a.Path); err != nil {
		return nil, err
	}
	if a.Dir != "" {
		if o.dir, err = syscall.BytePtrFromString(a.Dir); err != nil {
			return nil, err
		}
	}
	argv, err := syscall.SlicePtrFromStrings(a.Args)
	if err != nil {
		return nil, err
	}
	envp, err := o.environment(a)
	if err != nil {
		return nil, err
	}
	o.argv, o.envp = unsafe.SliceData(argv), unsafe.SliceData(envp)
	return o, nil
}

// numbered are the variables that name a process, in the order of order.names.
var numbered = [...]string{"LISTEN_PID=", "WATCHDOG_PID=", "LISTEN_PIDFDID="}

// environment leaves room for the child's number where a variable names us.
func (o *order) environment(a *Attr) ([]*byte, error) {
	env := a.Env
	for i, name := range numbered {
		value := a.Known.PID
		if i == 2 {
			value = a.Known.PidfdID
		}
		if value == "" {
			continue
		}
		at := slices.IndexFunc(env, func(e string) bool { return strings.HasPrefix(e, name) })
		if at < 0 || env[at] != name+value {
			continue
		}
		room := append([]byte(name), make([]byte, 24)...)
		env = slices.Clone(env)
		env[at] = unsafe.String(&room[0], len(room)-1)
		o.names[i] = &room[len(name)]
	}
	if o.names == [3]*byte{} {
		return syscall.SlicePtrFromStrings(env)
	}
	list := make([]*byte, 0, len(env)+1)
	for _, e := range env {
		if strings.HasSuffix(e, "\x00") { // one of those
			list = append(list, unsafe.StringData(e))
			continue
		}
		p, err := syscall.BytePtrFromString(e)
		if err != nil {
			return nil, err
		}
		list = append(list, p)
	}
	return append(list, nil), nil
}

// cloneArgs is struct clone_args of clone3(2).
type cloneArgs struct {
	flags, pidfd, childTID, parentTID, exitSignal, stack, stackSize, tls, setTID, setTIDSize, cgroup uint64
}

// fork makes the child and returns when it has executed the program, or has failed. The runtime's
// handlers must not run in it: while it shares our memory everything is blocked. The mask is the
// thread's: go:nosplit keeps the goroutine on it, since it can be moved to another thread only
// where its stack could grow, or by a signal. (To lock it to its thread would cost the process
// another one.)
//
//go:nosplit
//go:norace
//go:nocheckptr
func (o *order) fork() int {
	const shared = unix.CLONE_VM | unix.CLONE_VFORK
	all, old := ^uint64(0), uint64(0)
	_, _, _ = unix.RawSyscall6(unix.SYS_RT_SIGPROCMASK, 2, uintptr(unsafe.Pointer(&all)),
		uintptr(unsafe.Pointer(&old)), 8, 0, 0)
	task := clone.Task{Run: child, Data: unsafe.Pointer(o)}
	var pid int
	if o.attr.UseCgroup {
		args := cloneArgs{
			flags: shared | unix.CLONE_INTO_CGROUP, exitSignal: uint64(unix.SIGCHLD), cgroup: uint64(o.attr.Cgroup),
			stack: uint64(uintptr(unsafe.Pointer(&stack))), stackSize: stackSize,
		}
		pid = clone.Clone(unix.SYS_CLONE3, uintptr(unsafe.Pointer(&args)), unsafe.Sizeof(args), &task)
	} else {
		top := (uintptr(unsafe.Pointer(&stack)) + stackSize) &^ 15
		pid = clone.Clone(unix.SYS_CLONE, shared|uintptr(unix.SIGCHLD), top, &task)
	}
	_, _, _ = unix.RawSyscall6(unix.SYS_RT_SIGPROCMASK, 2, uintptr(unsafe.Pointer(&old)), 0, 8, 0, 0)
	return pid
}
