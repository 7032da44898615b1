//go:build amd64 || arm64

package guardian

import (
	"syscall"
	"unsafe"

	"lastout/jobs/clone"

	"golang.org/x/sys/unix"
)

// What is in this file runs without the Go runtime: see entry_linux.go.
//
// The runtime ends the process where it cannot make a thread. So it may not start beside a tree
// that could take the room meanwhile: what a worker that was killed has left is killed first.

// room is how many threads the runtime must be able to make.
const room = 6

// probe are the threads that prove it.
var probe struct {
	release uint32 // a futex
	tids    [room]int32
	stacks  [room][512]byte
}

var probing = clone.Task{Run: probeThread}

// probeThread lives until it is released.
//
//go:nosplit
//go:norace
func probeThread(*clone.Task) {
	for probe.release == 0 {
		sys6(unix.SYS_FUTEX, uintptr(unsafe.Pointer(&probe.release)), futexWait, 0, 0, 0, 0)
	}
}

// roomForRuntime reports whether the threads can be made. They are gone when it returns.
//
//go:norace
//go:nocheckptr
func roomForRuntime() bool {
	probe.release = 0
	made := 0
	for ; made < room; made++ {
		top := (uintptr(unsafe.Pointer(&probe.stacks[made])) + unsafe.Sizeof(probe.stacks[made])) &^ 15
		tid := clone.Clone(unix.SYS_CLONE, asThread, top, &probing)
		if tid <= 0 {
			break
		}
		probe.tids[made] = int32(tid)
	}
	probe.release = 1
	sys6(unix.SYS_FUTEX, uintptr(unsafe.Pointer(&probe.release)), futexWake, room, 0, 0, 0)
	for i := range made {
		for {
			_, errno := sys(unix.SYS_TGKILL, uintptr(entered.self), uintptr(probe.tids[i]), 0, 0)
			if errno != 0 {
				break
			}
			sys(unix.SYS_SCHED_YIELD, 0, 0, 0, 0)
		}
	}
	return made == room
}

// makeRoom kills our descendants, but for one child and those below it, and returns when the
// runtime can start. It reports false where they are dead, and there is no room even so.
//
//go:norace
func makeRoom(spare int32) bool {
	for {
		none := endTree(spare)
		if roomForRuntime() {
			return true
		}
		if none {
			return false
		}
	}
}

// endTree kills our descendants, but for one child and those below it. It reports whether none is
// left; those that are do not die.
//
//go:norace
func endTree(spare int32) bool {
	const (
		pause   = 20 * 1000 * 1000 // ns
		short   = 1000 * 1000      // the same, where there are some below our children: they may fork meanwhile
		patient = 15 * pause       // in which nobody dies
		most    = 1 << 13          // of the dead that are kept
	)
	hurry(true)
	var before census
	for waited := 0; waited < patient; {
		now := visitChildren(spare, false)
		if now != before {
			waited = 0
		}
		switch {
		case now == census{}:
			hurry(false)
			return true
		case now.living == 0 || now.dead > most:
			// Not before: at a limit of processes each that is reaped makes room for another.
			visitChildren(spare, true)
		case now.below > 0:
			waited += short
			limit := unix.Timespec{Nsec: short}
			sys(unix.SYS_NANOSLEEP, uintptr(unsafe.Pointer(&limit)), 0, 0, 0)
		default:
			waited += pause
			awaitChild(pause)
		}
		before = now
	}
	hurry(false)
	return false
}

// hurry puts us before those that we kill, if that is allowed (CAP_SYS_NICE), and back.
//
//go:norace
func hurry(on bool) {
	policy, priority := uintptr(unix.SCHED_NORMAL), int32(0)
	if on {
		policy, priority = unix.SCHED_RR, 1
	}
	was, _ := sys(unix.SYS_SCHED_GETSCHEDULER, 0, 0, 0, 0)
	var timed unix.Rlimit // after which the kernel kills a real-time process
	sys(unix.SYS_PRLIMIT64, 0, unix.RLIMIT_RTTIME, 0, uintptr(unsafe.Pointer(&timed)))
	if timed.Cur == unix.RLIM_INFINITY && was == unix.SCHED_NORMAL || was == unix.SCHED_RR && !on && entered.hurries {
		_, errno := sys(unix.SYS_SCHED_SETSCHEDULER, 0, policy, uintptr(unsafe.Pointer(&priority)), 0)
		entered.hurries = on && errno == 0
	}
}

// awaitChild waits for SIGCHLD, for some time at most.
//
//go:norace
func awaitChild(nanoseconds int64) {
	set := uint64(1) << (uint(unix.SIGCHLD) - 1)
	limit := unix.Timespec{Nsec: nanoseconds}
	sys(unix.SYS_RT_SIGTIMEDWAIT, uintptr(unsafe.Pointer(&set)), 0, uintptr(unsafe.Pointer(&limit)), 8)
}

// census is how many of our children live, and how many are zombies; and how many live below them.
type census struct{ living, dead, below int }

// visitChildren counts our children, but for one, and those below them. It sends SIGKILL to those
// that live, or reaps those that are dead.
//
//go:norace
//go:nocheckptr
func visitChildren(spare int32, reap bool) (c census) {
	l := open(0)
	for pid := l.next(0); pid != 0; pid = l.next(0) {
		if pid != spare {
			c.visit(pid, reap)
		}
	}
	l.close()
	return c
}

// visit is for one number. It is a stranger's where /proc shows those of another PID namespace, or
// is not what it seems.
//
//go:norace
func (c *census) visit(pid int32, reap bool) {
	flags := uintptr(unix.WEXITED | unix.WNOHANG | unix.WALL)
	if !reap {
		flags |= unix.WNOWAIT
	}
	var info signalInfo
	_, errno := sys6(unix.SYS_WAITID, unix.P_PID, uintptr(pid), uintptr(unsafe.Pointer(&info)), flags, 0, 0)
	switch {
	case errno != 0:
	case info.PID == 0:
		c.living++
		sys(unix.SYS_KILL, uintptr(pid), uintptr(unix.SIGKILL), 0, 0)
		if !reap {
			c.visitBelow(pid, -1, 1)
		}
	default:
		c.dead++
		if reap && info.Code == cldKilled && info.Status == int32(unix.SIGKILL) && pid != shared.known.Leader {
			shared.killed++
		}
	}
}

// visitBelow kills what is below a process that has been sent SIGKILL, and so forks no more. A
// direct child's number cannot become another's, since it is not reaped meanwhile; anything deeper
// is held by a pidfd (Linux 5.3) while its parent is made sure of.
//
//go:norace
//go:nocheckptr
func (c *census) visitBelow(parent, parentFD int32, depth int) {
	l := open(parent)
	for pid := l.next(depth); pid != 0; pid = l.next(depth) {
		fd, errno := sys(unix.SYS_PIDFD_OPEN, uintptr(pid), 0, 0, 0)
		if errno != 0 {
			continue
		}
		if parentOf(pid) == parent && isThere(int32(fd)) && isThere(parentFD) {
			c.below++
			sys(unix.SYS_PIDFD_SEND_SIGNAL, fd, uintptr(unix.SIGKILL), 0, 0)
			if depth < len(listings)-1 {
				c.visitBelow(pid, int32(fd), depth+1)
			}
		}
		sys(unix.SYS_CLOSE, fd, 0, 0, 0)
	}
	l.close()
}

// isThere reports whether the number of a process that is held is still its own; -1 is one that is
// not reaped.
//
//go:norace
func isThere(fd int32) bool {
	if fd < 0 {
		return true
	}
	_, errno := sys(unix.SYS_PIDFD_SEND_SIGNAL, uintptr(fd), 0, 0, 0)
	return errno != unix.ESRCH
}

// listings are what is read of lists of children, one on each level of the tree. What is deeper
// becomes our child when those above it are dead.
var listings [64][1024]byte

// listing is a list of children that is being read (/proc/PID/task/TID/children). Children of other
// threads than the first are not on it.
type listing struct {
	fd     uintptr
	opened bool
	kept   bool // and is not to be closed
	at, n  uintptr
	number int32
}

// open opens the list of a process; 0 is this one.
//
//go:norace
func open(pid int32) (l listing) {
	var p path
	if pid == 0 { // held since the start: the job may have left us no descriptor (prlimit(2))
		l.fd, l.kept = uintptr(entered.children), true
		_, errno := sys(unix.SYS_LSEEK, l.fd, 0, 0, 0)
		l.opened = errno == 0
		return l
	}
	p.number(pid)
	p.add("/task/")
	p.number(pid)
	p.add("/children")
	var errno syscall.Errno
	l.fd, errno = p.open()
	l.opened = errno == 0
	return l
}

//go:norace
func (l *listing) close() {
	if l.opened && !l.kept {
		sys(unix.SYS_CLOSE, l.fd, 0, 0, 0)
	}
}

// next returns the next number; 0 is none.
//
//go:norace
//go:nocheckptr
func (l *listing) next(depth int) (pid int32) {
	buf := &listings[depth]
	for l.opened {
		if l.at == l.n {
			n, errno := sys(unix.SYS_READ, l.fd, uintptr(unsafe.Pointer(buf)), uintptr(len(buf)), 0)
			if errno != 0 || n == 0 || n > uintptr(len(buf)) {
				break
			}
			l.at, l.n = 0, n
		}
		d := buf[l.at]
		l.at++
		if d >= '0' && d <= '9' {
			l.number = l.number*10 + int32(d-'0')
		} else if l.number != 0 {
			pid, l.number = l.number, 0
			return pid
		}
	}
	return 0
}

// parentOf reads a process's parent (proc_pid_stat(5)); 0 is unknown.
//
//go:norace
//go:nocheckptr
func parentOf(pid int32) (ppid int32) {
	var p path
	p.number(pid)
	p.add("/stat")
	fd, errno := p.open()
	if errno != 0 {
		return 0
	}
	n, errno := sys(unix.SYS_READ, fd, uintptr(unsafe.Pointer(&statText)), uintptr(len(statText)), 0)
	sys(unix.SYS_CLOSE, fd, 0, 0, 0)
	if errno != 0 || n > uintptr(len(statText)) {
		return 0
	}
	at := n // the name may have parentheses and blanks in it; nothing after it has
	for at > 0 && statText[at-1] != ')' {
		at--
	}
	for at += uintptr(len(" S ")); at < n && statText[at] >= '0' && statText[at] <= '9'; at++ {
		ppid = ppid*10 + int32(statText[at]-'0')
	}
	return ppid
}

var statText [512]byte

// path is the name of a file below /proc that is put together.
type path struct {
	text [64]byte
	n    int
}

//go:norace
func (p *path) add(s string) {
	for i := 0; i < len(s) && p.n < len(p.text)-1; i++ {
		p.text[p.n] = s[i]
		p.n++
	}
}

//go:norace
func (p *path) number(n int32) {
	var digits [10]byte
	at := len(digits)
	for at > 0 && (n > 0 || at == len(digits)) {
		at--
		digits[at] = byte('0' + n%10)
		n /= 10
	}
	for ; at < len(digits); at++ {
		if p.n < len(p.text)-1 {
			p.text[p.n] = digits[at]
			p.n++
		}
	}
}

// inside keeps openat2(2) within the mount (Linux 5.6): what a privileged job has mounted over a
// file of /proc would name strangers.
var inside = unix.OpenHow{Flags: unix.O_RDONLY | unix.O_CLOEXEC, Resolve: unix.RESOLVE_NO_XDEV}

//go:norace
//go:nocheckptr
func (p *path) open() (fd uintptr, errno syscall.Errno) {
	proc, name := uintptr(entered.proc), uintptr(unsafe.Pointer(&p.text))
	fd, errno = sys(unix.SYS_OPENAT2, proc, name, uintptr(unsafe.Pointer(&inside)), unix.SizeofOpenHow)
	if errno == unix.ENOSYS || errno == unix.EPERM { // a filter (seccomp) that does not know it says the latter
		fd, errno = sys(unix.SYS_OPENAT, proc, name, unix.O_RDONLY|unix.O_CLOEXEC, 0)
	}
	return fd, errno
}
