//go:build amd64 || arm64

package guardian

import (
	"unsafe"

	"lastout/jobs/clone"

	"golang.org/x/sys/unix"
)

// What is in this file runs without the Go runtime: see entry_linux.go.
//
// The runtime ends the process where it cannot make a thread. So it may start beside a tree only if
// that will not take the room meanwhile: a tree that is close to a limit of processes, or that
// forks a lot, is killed first.

const (
	// room is how many threads the runtime must be able to make.
	room = 6
	// ample is for how many there is room where the tree is not close to a limit.
	ample = 256
	// births is how many numbers others may get while so many threads are made, where nobody forks
	// a lot: on a machine that is busy otherwise it is a few.
	births = 64
)

// probe are the threads that prove it.
var probe struct {
	release uint32 // a futex
	tids    [ample]int32
	stacks  [ample][512]byte
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

// roomFor reports whether n threads can be made, and how many numbers others have got meanwhile. The
// threads are gone when it returns.
//
//go:norace
//go:nocheckptr
func roomFor(n int) (enough bool, others int32) {
	probe.release = 0
	made := 0
	for ; made < n; made++ {
		top := (uintptr(unsafe.Pointer(&probe.stacks[made])) + unsafe.Sizeof(probe.stacks[made])) &^ 15
		tid := clone.Clone(unix.SYS_CLONE, asThread, top, &probing)
		if tid <= 0 {
			break
		}
		probe.tids[made] = int32(tid)
	}
	probe.release = 1
	sys6(unix.SYS_FUTEX, uintptr(unsafe.Pointer(&probe.release)), futexWake, ample, 0, 0, 0)
	for i := range made {
		for {
			_, errno := sys(unix.SYS_TGKILL, uintptr(entered.self), uintptr(probe.tids[i]), 0, 0)
			if errno != 0 {
				break
			}
			sys(unix.SYS_SCHED_YIELD, 0, 0, 0, 0)
		}
	}
	if made == n {
		others = probe.tids[n-1] - probe.tids[0] - int32(n-1)
	}
	return made == n, others
}

// makeRoom returns when the runtime can start: where the tree may take the room for its threads, that
// is killed, but for one child. It reports false where the tree is dead, and there is no room even so.
//
//go:norace
func makeRoom(spare int32) bool {
	if enough, others := roomFor(ample); enough && others <= births {
		return true
	}
	for {
		none := endTree(spare)
		if enough, _ := roomFor(room); enough {
			return true
		}
		if none {
			return false
		}
	}
}

// endTree kills our children, but for one. Their orphans become our children. It reports whether none
// is left; those that are do not die.
//
//go:norace
func endTree(spare int32) bool {
	const (
		pause   = 20 * 1000 * 1000 // ns
		patient = 15               // pauses in which nobody dies
		most    = 1 << 13          // of the dead that are kept
	)
	hurry(true)
	var before census
	for paused := 0; paused < patient; {
		now := countChildren(spare, false)
		switch {
		case now == census{}:
			hurry(false)
			return true
		case now.living == 0 || now.dead > most:
			// Not before: at a limit of processes each that is reaped makes room for another.
			countChildren(spare, true)
			paused = 0
		default:
			if now != before {
				paused = 0
			}
			paused++
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

// census is how many of our children live, and how many are zombies.
type census struct{ living, dead int }

// children is where the list of our children is read into.
var children [8192]byte

var childrenPath = [...]byte{'/', 'p', 'r', 'o', 'c', '/', 't', 'h', 'r', 'e', 'a', 'd', '-', 's', 'e', 'l', 'f', '/', 'c', 'h', 'i', 'l', 'd', 'r', 'e', 'n', 0}

// countChildren counts the children that /proc lists, but for one. It sends SIGKILL to those that
// live, or reaps those that are dead.
//
//go:norace
//go:nocheckptr
func countChildren(spare int32, reap bool) (c census) {
	at := unix.AT_FDCWD
	fd, errno := sys(unix.SYS_OPENAT, uintptr(at), uintptr(unsafe.Pointer(&childrenPath)), unix.O_RDONLY|unix.O_CLOEXEC, 0)
	if errno != 0 {
		return c
	}
	pid := int32(0)
	for {
		n, errno := sys(unix.SYS_READ, fd, uintptr(unsafe.Pointer(&children)), uintptr(len(children)), 0)
		if errno != 0 || n == 0 {
			break
		}
		for i := uintptr(0); i < n; i++ {
			if d := *(*byte)(unsafe.Add(unsafe.Pointer(&children), i)); d >= '0' && d <= '9' {
				pid = pid*10 + int32(d-'0')
			} else if pid != 0 {
				if pid != spare {
					c.count(pid, reap)
				}
				pid = 0
			}
		}
	}
	sys(unix.SYS_CLOSE, fd, 0, 0, 0)
	return c
}

// count is for one number. It is a stranger's where /proc shows those of another PID namespace, or is
// not what it seems.
//
//go:norace
func (c *census) count(pid int32, reap bool) {
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
	default:
		c.dead++
		if reap && info.Code == cldKilled && info.Status == int32(unix.SIGKILL) && pid != shared.known.Leader {
			shared.killed++
		}
	}
}
