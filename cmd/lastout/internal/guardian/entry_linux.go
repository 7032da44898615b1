//go:build amd64 || arm64

package guardian

import (
	"syscall"
	"unsafe"

	"golang.org/x/sys/unix"
)

// What is in this file runs before the Go runtime. It may not allocate, panic, use maps, interfaces
// or channels, or call anything that does; a test lists what it calls.

// Enter is called before the runtime starts, with the stack as execve(2) has made it, and returns
// where that is to start. The assembly calls it once. The signals in heldBack are to stay blocked
// whatever the runtime does.
//
//go:norace
//go:nocheckptr
func Enter(stack unsafe.Pointer) (heldBack uint64) {
	v := vectorsOf(stack)
	if v.isTest() {
		return 0
	}
	record()
	v.secure()
	v.hide()
	if !entered.traced {
		terse = 1
		end(cannotRun)
	}
	entered.role, entered.proc, entered.children = Alone, -1, -1
	pipes()
	keepPending()
	tryOthers()
	if f := &entered.failed; f.errno != 0 {
		giveUp(f.trap, f.errno)
	}
	catchEarly()
	hideMemory()
	if entered.self == 1 || v.off() || !prepare() {
		return keptBlocked
	}
	child, errno := sys6(unix.SYS_CLONE, unix.CLONE_FILES|uintptr(unix.SIGCHLD), 0, 0, 0, 0, 0)
	switch {
	case errno != 0:
		giveUp(unix.SYS_CLONE, errno)
	case child == 0:
		begin()
	default:
		entered.worker = int32(child)
		guard()
	}
	return keptBlocked
}

// record blocks all signals, and remembers what was inherited.
//
//go:norace
func record() {
	in := &entered.inherited
	need(unix.SYS_RT_SIGPROCMASK, 2, uintptr(unsafe.Pointer(&all)), uintptr(unsafe.Pointer(&in.Blocked)), 8)
	entered.self = int32(need(unix.SYS_GETPID, 0, 0, 0, 0))
	entered.caller = int32(need(unix.SYS_GETPPID, 0, 0, 0, 0))
	var old action
	for sig := uintptr(1); sig <= 64; sig++ {
		need(unix.SYS_RT_SIGACTION, sig, 0, uintptr(unsafe.Pointer(&old)), 8)
		if old.handler == sigIgn {
			in.Ignored |= 1 << (sig - 1)
		}
	}
	if in.Ignored>>(uint(unix.SIGCHLD)-1)&1 != 0 { // or children would vanish without a status (wait(2))
		old.handler = 0
		sys(unix.SYS_RT_SIGACTION, uintptr(unix.SIGCHLD), uintptr(unsafe.Pointer(&old)), 0, 8)
	}
	for fd := uintptr(0); fd < 3; fd++ {
		_, errno := sys(unix.SYS_FCNTL, fd, unix.F_GETFD, 0, 0)
		expect(unix.EBADF, unix.SYS_FCNTL, errno)
		if errno != 0 {
			entered.closed |= 1 << fd
		}
	}
	need(unix.SYS_PRLIMIT64, 0, unix.RLIMIT_NOFILE, 0, uintptr(unsafe.Pointer(&in.Files)))
}

// need makes a system call that there is no lastout without.
//
//go:norace
func need(trap, a, b, c, d uintptr) uintptr {
	r, errno := sys(trap, a, b, c, d)
	expect(0, trap, errno)
	return r
}

// expect notes the first system call that has failed, unless it was for a good reason.
//
//go:norace
func expect(good syscall.Errno, trap uintptr, errno syscall.Errno) {
	if f := &entered.failed; errno != 0 && errno != good && f.errno == 0 {
		f.trap, f.errno = trap, errno
	}
}

// pipes makes what signals come through, and looks whether there are descriptors for the rest.
//
//go:norace
//go:nocheckptr
func pipes() {
	in := &entered.inherited
	if in.Files.Cur != in.Files.Max { // as the Go runtime does
		most := unix.Rlimit{Cur: in.Files.Max, Max: in.Files.Max}
		sys(unix.SYS_PRLIMIT64, 0, unix.RLIMIT_NOFILE, uintptr(unsafe.Pointer(&most)), 0)
	}
	entered.signals = free(need(unix.SYS_SIGNALFD4, ^uintptr(0), uintptr(unsafe.Pointer(&all)), 8,
		unix.SFD_CLOEXEC|unix.SFD_NONBLOCK))
	var fds [2]int32
	need(unix.SYS_PIPE2, uintptr(unsafe.Pointer(&fds)), unix.O_CLOEXEC|unix.O_NONBLOCK, 0, 0)
	entered.pipe[0], entered.pipe[1] = free(uintptr(fds[0])), free(uintptr(fds[1]))
	if in.Files.Max > manyFiles || entered.failed.errno != 0 {
		return
	}
	var spare [neededFiles - 3]int32
	for i := range spare {
		spare[i] = int32(need(unix.SYS_FCNTL, uintptr(entered.signals), unix.F_DUPFD_CLOEXEC, 3, 0))
	}
	for _, fd := range spare {
		sys(unix.SYS_CLOSE, uintptr(fd), 0, 0, 0)
	}
}

// neededFiles is how many descriptors lastout needs, beside those that it is started with, to
// settle any job.
const neededFiles = 13

// manyFiles is a limit above which there are enough of them, as a rule.
const manyFiles = 256

// tryOthers makes the system calls that must not be refused later.
//
//go:norace
func tryOthers() {
	var info signalInfo
	_, errno := sys6(unix.SYS_WAITID, unix.P_ALL, 0, uintptr(unsafe.Pointer(&info)),
		unix.WEXITED|unix.WNOHANG|unix.WNOWAIT|unix.WALL, 0, 0)
	expect(unix.ECHILD, unix.SYS_WAITID, errno)
	entered.handed = errno == 0
	_, errno = sys6(unix.SYS_EPOLL_PWAIT, ^uintptr(0), uintptr(unsafe.Pointer(&info)), 1, 0, 0, 8)
	expect(unix.EBADF, unix.SYS_EPOLL_PWAIT, errno)
	expect(0, unix.SYS_PPOLL, await(entered.signals, unix.POLLIN, 1))
	need(unix.SYS_RT_SIGPENDING, uintptr(unsafe.Pointer(&entered.stops)), 8, 0, 0)
	entered.stops &= stopSet
	need(unix.SYS_READ, uintptr(entered.pipe[0]), uintptr(unsafe.Pointer(&info)), 0, 0)
	need(unix.SYS_WRITE, uintptr(entered.pipe[1]), uintptr(unsafe.Pointer(&info)), 0, 0)
	need(unix.SYS_KILL, uintptr(entered.self), 0, 0, 0)
	need(unix.SYS_CLOCK_GETTIME, unix.CLOCK_MONOTONIC, uintptr(unsafe.Pointer(&info)), 0, 0)
	need(unix.SYS_TGKILL, uintptr(entered.self), uintptr(entered.self), 0, 0)
	_, errno = sys(unix.SYS_SETPGID, 0, ^uintptr(0), 0, 0)
	expect(unix.EINVAL, unix.SYS_SETPGID, errno)
}

// Where it sees between these two, the Go runtime reserves so much at first that the rest is too
// little: Go 1.26 does from 1140 MB to 1270 MB.
const (
	greedyFrom = 1000 << 20
	greedyTo   = 1600 << 20
)

// hideMemory has the Go runtime see less address space below a limit (RLIMIT_AS), where it would be
// greedy, until it has started.
//
//go:norace
//go:nocheckptr
func hideMemory() {
	var limit unix.Rlimit
	sys(unix.SYS_PRLIMIT64, 0, unix.RLIMIT_AS, 0, uintptr(unsafe.Pointer(&limit)))
	if limit.Cur <= greedyFrom || limit.Cur >= greedyTo {
		return
	}
	b := &entered.ballast
	b.size = uintptr(limit.Cur) - greedyFrom
	var errno syscall.Errno
	b.at, errno = sys6(unix.SYS_MMAP, 0, b.size, unix.PROT_NONE,
		unix.MAP_PRIVATE|unix.MAP_ANONYMOUS|unix.MAP_NORESERVE, ^uintptr(0), 0)
	if errno != 0 {
		b.size = 0
	}
}

// maxBefore is how many of them fit into the pipe, and more than the kernel queues of most.
const maxBefore = 1024

// keepPending takes the signals that are pending already. The Go runtime unblocks some, and has
// handlers for them, or none.
//
//go:norace
func keepPending() {
	var info signalInfo
	for i := 0; i < maxBefore; i++ {
		if sig, errno := dequeue(^uint64(stopSet), &info); sig == 0 {
			expect(unix.EAGAIN, unix.SYS_RT_SIGTIMEDWAIT, errno)
			return
		}
		info.Errno = before
		sys(unix.SYS_WRITE, uintptr(entered.pipe[1]), uintptr(unsafe.Pointer(&info)), recordSize, 0)
	}
}

// keptBlocked are the signals that the Go runtime would unblock in all of its threads, and have
// handlers for, though it has no need of them.
const keptBlocked = 1<<(unix.SIGHUP-1) | 1<<(unix.SIGINT-1) | 1<<(unix.SIGQUIT-1) | 1<<(unix.SIGABRT-1) | 1<<(unix.SIGTERM-1) |
	1<<(unix.SIGSTKFLT-1) | 1<<(unix.SIGPROF-1)

// catchEarly catches the three signals that the Go runtime unblocks and leaves as they are
// (_SigSetStack in its sigtable): the C library may need them.
//
//go:norace
func catchEarly() {
	handlerFD = entered.pipe[1]
	a := sigaction{handler: handlerPC, flags: handlerFlags, restorer: restorerPC, mask: all}
	for sig := uintptr(32); sig <= 34; sig++ {
		sys(unix.SYS_RT_SIGACTION, sig, uintptr(unsafe.Pointer(&a)), 0, 8)
	}
}

// prepare makes what a guardian and its worker share. Where that cannot be had there is no
// guardian.
//
//go:norace
//go:nocheckptr
func prepare() bool {
	if _, errno := sys6(unix.SYS_PRCTL, unix.PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0, 0); errno != 0 {
		return false
	}
	at, errno := sys6(unix.SYS_MMAP, 0, pageSize, unix.PROT_READ|unix.PROT_WRITE,
		unix.MAP_SHARED|unix.MAP_ANONYMOUS, ^uintptr(0), 0)
	if errno != 0 {
		return false
	}
	*(*uintptr)(unsafe.Pointer(&shared)) = at
	entered.proc = openAt(unix.AT_FDCWD, &procDir[0], unix.O_PATH|unix.O_DIRECTORY|unix.O_CLOEXEC)
	entered.children = openAt(entered.proc, &ownChildren[0], unix.O_RDONLY|unix.O_CLOEXEC)
	return true
}

var (
	procDir     = [...]byte{'/', 'p', 'r', 'o', 'c', 0}
	ownChildren = [...]byte{'t', 'h', 'r', 'e', 'a', 'd', '-', 's', 'e', 'l', 'f', '/', 'c', 'h', 'i', 'l', 'd',
		'r', 'e', 'n', 0}
)

//go:norace
//go:nocheckptr
func openAt(dir int32, path *byte, flags uintptr) int32 {
	fd, errno := sys(unix.SYS_OPENAT, uintptr(dir), uintptr(unsafe.Pointer(path)), flags, 0)
	if errno != 0 {
		return -1
	}
	return free(fd)
}

// free moves a descriptor of ours away from the numbers of the standard ones, which were closed
// then and are to stay so.
//
//go:norace
func free(fd uintptr) int32 {
	if fd > 2 || entered.failed.errno != 0 {
		return int32(fd)
	}
	moved := need(unix.SYS_FCNTL, fd, unix.F_DUPFD_CLOEXEC, 3, 0)
	sys(unix.SYS_CLOSE, fd, 0, 0, 0)
	return int32(moved)
}

// workerName is what ps(1) shows of the worker, as its command name (PR_SET_NAME, prctl(2)): 15
// bytes.
var workerName = [...]byte{'l', 'a', 's', 't', 'o', 'u', 't', ':', ' ', 'w', 'o', 'r', 'k', 'e', 'r', 0}

// begin makes the child the worker: in a process group of its own, so that a SIGKILL to the
// caller's cannot hit both, and told of the guardian's death. That is by SIGCONT, because a worker
// that is stopped when the guardian dies would never learn of it.
//
// What the caller's group was sent until then, the guardian was sent, too: here it would act as
// soon as the Go runtime unblocks it.
//
//go:norace
func begin() {
	entered.role = Worker
	end("") // the guardian has a line
	sys(unix.SYS_SETPGID, 0, 0, 0, 0)
	dropPending()
	sys6(unix.SYS_PRCTL, unix.PR_SET_PDEATHSIG, uintptr(unix.SIGCONT), 0, 0, 0, 0)
	sys6(unix.SYS_PRCTL, unix.PR_SET_NAME, uintptr(unsafe.Pointer(&workerName)), 0, 0, 0, 0)
	if parent, _ := sys(unix.SYS_GETPPID, 0, 0, 0, 0); int32(parent) != entered.self {
		exit(125) // the guardian is dead already, and nothing has been started
	}
}

// dropPending drops the signals that are pending.
//
//go:norace
func dropPending() {
	var info signalInfo
	for {
		if sig, _ := dequeue(all, &info); sig == 0 {
			return
		}
	}
}

//go:norace
func exit(status uintptr) {
	for {
		sys(unix.SYS_EXIT_GROUP, status, 0, 0, 0)
	}
}

// giveUp ends lastout before anything was started.
//
//go:norace
//go:nocheckptr
func giveUp(trap uintptr, errno syscall.Errno) {
	switch errno {
	case unix.EAGAIN, unix.ENOMEM:
		if policy, _ := sys(unix.SYS_SCHED_GETSCHEDULER, 0, 0, 0, 0); policy == unix.SCHED_DEADLINE { // fork(2), EAGAIN
			complain(deadline)
		} else {
			complain(fewProcesses)
		}
	case unix.EMFILE, unix.ENFILE, unix.EINVAL: // the last by fcntl(2): no number from 3 on is below the limit
		complain(fewFiles)
	default:
		complain("lastout: cannot start: it needs system call ")
		var number path
		number.number(int32(trap))
		complain(unsafe.String(&number.text[0], number.n))
		complain(", which is refused: allow it (seccomp)\n")
	}
	exit(125)
}

//go:norace
//go:nocheckptr
func complain(message string) {
	data := unix.Iovec{Base: unsafe.StringData(message), Len: uint64(len(message))}
	sys(unix.SYS_WRITEV, 2, uintptr(unsafe.Pointer(&data)), 1, 0) // write(2) may be what is refused
}
