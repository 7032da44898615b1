//go:build amd64 || arm64

package guardian

import (
	"syscall"
	"unsafe"

	"golang.org/x/sys/unix"
)

// What is in this file runs without the Go runtime: see entry_linux.go.

// guard is the life of the guardian. It returns where the runtime is needed after all; entered.role
// says for what.
//
//go:norace
func guard() {
	for {
		await(entered.signals, unix.POLLIN, -1)
		attend()
		if serve() {
			return
		}
	}
}

// attend takes all signals that there are.
//
//go:norace
func attend() {
	var info signalInfo
	for take(&info, true) {
		switch {
		case info.Code == siUser && info.PID == entered.worker: // it wakes us
		case info.Signo == int32(unix.SIGCHLD):
		default:
			if info.Signo == int32(unix.SIGCONT) {
				shared.continued++
			}
			relay(&info)
		}
	}
}

// relay passes a signal on to the worker. Where that does not take them, signals stay with the
// kernel.
//
//go:norace
func relay(info *signalInfo) {
	// ns: the worker may be dead, which a pipe whose other end is ours, too, does not tell
	const patience = 20 * 1000 * 1000
	info.Errno = byGuardian
	for {
		_, errno := sys(unix.SYS_WRITE, uintptr(entered.pipe[1]), uintptr(unsafe.Pointer(info)), recordSize, 0)
		if errno != unix.EAGAIN || workerGone() {
			return
		}
		await(entered.pipe[1], unix.POLLOUT, patience)
	}
}

// workerGone reports whether the worker has exited. One that was stopped is continued.
//
//go:norace
func workerGone() bool {
	var info signalInfo
	_, errno := sys6(unix.SYS_WAITID, unix.P_PID, uintptr(entered.worker), uintptr(unsafe.Pointer(&info)),
		unix.WEXITED|unix.WSTOPPED|unix.WNOHANG|unix.WNOWAIT|unix.WALL, 0, 0)
	if errno == 0 && info.PID == entered.worker && info.Code == cldStopped {
		sys(unix.SYS_KILL, uintptr(entered.worker), uintptr(unix.SIGCONT), 0, 0)
		return false
	}
	return errno != 0 || info.PID != 0
}

// await waits until a descriptor is ready, or for some time; less than 0 is for ever. Where
// somebody has set a limit of no descriptors on us (prlimit(2)), ppoll(2) says EINVAL, and it looks
// again soon.
//
//go:norace
func await(fd int32, events int16, nanoseconds int64) syscall.Errno {
	set := unix.PollFd{Fd: fd, Events: events}
	limit := unix.Timespec{Nsec: nanoseconds}
	at := uintptr(unsafe.Pointer(&limit))
	if nanoseconds < 0 {
		at = 0
	}
	_, errno := sys6(unix.SYS_PPOLL, uintptr(unsafe.Pointer(&set)), 1, at, 0, 8, 0)
	if errno == unix.EINVAL {
		limit = unix.Timespec{Nsec: 10 * 1000 * 1000}
		sys(unix.SYS_NANOSLEEP, uintptr(unsafe.Pointer(&limit)), 0, 0, 0)
	}
	return errno
}

// serve does what the worker asks for, and ends as it says. It reports whether the runtime is
// needed.
//
//go:norace
func serve() bool {
	p := shared
	if sig := p.stop; sig != 0 {
		p.stop = 0
		if p.seen == p.continued { // otherwise it asked before it knew that it is to go on
			suspend(int32(sig), p.group != 0)
		}
	}
	if what := p.request; what != askNone {
		p.request = askNone
		p.answer = answerTo(what)
		sys6(unix.SYS_FUTEX, uintptr(unsafe.Pointer(&p.answer)), futexWake, 1, 0, 0, 0)
	}
	if p.settle != 0 {
		p.settle = 0
		if roomForRuntime() || makeRoom(entered.worker) {
			entered.role = Settler
			return true
		}
		none := uint32(0) // the size of what is told
		sys(unix.SYS_WRITE, uintptr(p.outcome), uintptr(unsafe.Pointer(&none)), 4, 0)
	}
	worker, killed := reap()
	if !worker {
		return false
	}
	if p.verdict != verdictNone {
		finish()
	}
	if p.ready == 0 && !killed { // the Go runtime ends the process in several ways
		complain(cannotRun)
		exit(125)
	}
	entered.role = Heir
	end(cannotStart)
	if !makeRoom(0) {
		complain(cannotStart)
		exit(125)
	}
	return true
}

//go:norace
func answerTo(request uint32) uint32 {
	if request == askRelease && !letGo() || request == askUndumpable && !undumpable() {
		return answerRefused
	}
	return answerDone
}

// reap reaps what there is, and reports whether the worker was among it, and whether that was ended
// by SIGKILL.
//
//go:norace
func reap() (worker, killed bool) {
	for {
		var info signalInfo
		_, errno := sys6(unix.SYS_WAITID, unix.P_ALL, 0, uintptr(unsafe.Pointer(&info)),
			unix.WEXITED|unix.WSTOPPED|unix.WNOHANG|unix.WALL, 0, 0)
		switch {
		case errno != 0 || info.PID == 0:
			return worker, killed
		case info.PID != entered.worker:
		case info.Code == cldStopped || info.Code == cldTrapped: // it has no business being stopped
			sys(unix.SYS_KILL, uintptr(entered.worker), uintptr(unix.SIGCONT), 0, 0)
		default:
			worker, killed = true, info.Code == cldKilled && info.Status == int32(unix.SIGKILL)
		}
	}
}

// finish ends as the worker has said.
//
//go:norace
func finish() {
	if shared.verdict == verdictDie {
		die(shared.status)
	}
	exit(uintptr(shared.status))
}

// die makes the process die of a signal. It returns where that is not to be had: as PID 1.
//
//go:norace
func die(sig uint32) {
	var dfl action
	sys(unix.SYS_RT_SIGACTION, uintptr(sig), uintptr(unsafe.Pointer(&dfl)), 0, 8)
	sys(unix.SYS_KILL, uintptr(entered.self), uintptr(sig), 0, 0)
	only := uint64(1) << (sig - 1)
	sys(unix.SYS_RT_SIGPROCMASK, 1, uintptr(unsafe.Pointer(&only)), 0, 8)
	exit(128 + uintptr(sig))
}

// letGo gives the controlling terminal up, so that another session may have it: only the leader of
// a session can, and only where standard input is that terminal can the job get it back. The
// foreground group is sent HUP and CONT by that, we among it (tty_ioctl(4), TIOCNOTTY): these two
// are nobody's message.
//
//go:norace
func letGo() bool {
	var group int32
	sid, _ := sys(unix.SYS_GETSID, 0, 0, 0, 0)
	if int32(sid) != entered.self {
		return false
	}
	if _, errno := sys(unix.SYS_IOCTL, 0, unix.TIOCGPGRP, uintptr(unsafe.Pointer(&group)), 0); errno != 0 {
		return false
	}
	attend()
	if _, errno := sys(unix.SYS_IOCTL, 0, unix.TIOCNOTTY, 0, 0); errno != 0 {
		return false
	}
	hangup := uint64(1)<<(uint(unix.SIGHUP)-1) | 1<<(uint(unix.SIGCONT)-1)
	var info signalInfo
	for {
		if sig, _ := dequeue(hangup, &info); sig == 0 {
			return true
		}
		if info.Code != siUser || info.PID != entered.self { // the kernel sends them in our name
			relay(&info)
		}
	}
}

// dequeue takes one pending signal of a set, and returns it; 0 is none.
//
//go:nosplit
//go:norace
func dequeue(set uint64, info *signalInfo) (int32, syscall.Errno) {
	var now unix.Timespec
	sig, errno := sys(unix.SYS_RT_SIGTIMEDWAIT, uintptr(unsafe.Pointer(&set)), uintptr(unsafe.Pointer(info)),
		uintptr(unsafe.Pointer(&now)), 8)
	if errno != 0 {
		return 0, errno
	}
	return int32(sig), 0
}

// pending returns the signals that are.
//
//go:nosplit
//go:norace
func pending() (set uint64) {
	sys(unix.SYS_RT_SIGPENDING, uintptr(unsafe.Pointer(&set)), 8, 0, 0)
	return set
}
