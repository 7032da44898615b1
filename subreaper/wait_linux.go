package subreaper

import (
	"syscall"
	"time"
	"unsafe"

	"golang.org/x/sys/unix"
)

// siginfo is the part of siginfo_t that waitid(2) fills in for a child. The union that holds the
// last three begins at the next pointer-aligned offset.
type siginfo struct {
	Signo, Errno, Code int32
	_                  [unsafe.Sizeof(uintptr(0))/4 - 1]int32
	PID                int32
	UID                uint32
	Status             int32
	_                  [100]byte
}

// Codes of siginfo_t for SIGCHLD, see sigaction(2).
const (
	cldExited = 1 + iota
	cldKilled
	cldDumped
	cldTrapped
	cldStopped
	cldContinued
)

// waitStatus translates to what wait4(2) would have returned, which is what Go's syscall.WaitStatus
// reads.
func (s *siginfo) waitStatus() syscall.WaitStatus {
	switch st := uint32(s.Status); s.Code {
	case cldExited:
		return syscall.WaitStatus(st & 0xff << 8)
	case cldDumped:
		return syscall.WaitStatus(st&0x7f | 0x80)
	case cldStopped, cldTrapped:
		return syscall.WaitStatus(st&0xff<<8 | 0x7f)
	case cldContinued:
		return 0xffff
	default:
		return syscall.WaitStatus(st & 0x7f)
	}
}

// __WALL: a child of clone(2) without an exit signal is not seen by a plain wait.
const (
	waitAnything = unix.WEXITED | unix.WSTOPPED | unix.WCONTINUED | unix.WNOWAIT | unix.WALL
	waitExit     = unix.WEXITED | unix.WNOHANG | unix.WALL
	waitStops    = unix.WSTOPPED | unix.WCONTINUED | unix.WNOHANG | unix.WALL
)

// waitid is waitid(2) with the fifth argument that the C library hides. It tells the Go scheduler
// that the thread may block; see waitidNow for the calls that cannot.
func waitid(idtype, id, options int, info *siginfo, ru *unix.Rusage) syscall.Errno {
	for {
		_, _, errno := unix.Syscall6(unix.SYS_WAITID, uintptr(idtype), uintptr(id),
			uintptr(unsafe.Pointer(info)), uintptr(options), uintptr(unsafe.Pointer(ru)), 0)
		if errno != unix.EINTR {
			return errno
		}
	}
}

// waitidNow is waitid with WNOHANG, which does not block and so need not leave the Go scheduler.
// info.PID is 0 when nothing has happened.
func waitidNow(idtype, id, options int, info *siginfo, ru *unix.Rusage) syscall.Errno {
	info.PID = 0
	_, _, errno := unix.RawSyscall6(unix.SYS_WAITID, uintptr(idtype), uintptr(id),
		uintptr(unsafe.Pointer(info)), uintptr(options|unix.WNOHANG), uintptr(unsafe.Pointer(ru)), 0)
	return errno
}

// exited reports whether a child has exited and waits to be reaped. /proc cannot tell: a process
// whose first thread has exited shows as a zombie while another thread works on.
func exited(pid int32) bool {
	var info siginfo
	errno := waitidNow(unix.P_PID, int(pid), waitExit|unix.WNOWAIT, &info, nil)
	return errno != 0 || info.PID != 0
}

// isChild reports whether pid is a child of ours, alive or not.
func isChild(pid int32) bool {
	var info siginfo
	return waitidNow(unix.P_PID, int(pid), waitExit|unix.WNOWAIT, &info, nil) == 0
}

// childless reports whether the kernel says ECHILD: no child at all, running, stopped or zombie.
func childless() bool {
	var info siginfo
	return waitidNow(unix.P_ALL, 0, waitExit|unix.WNOWAIT, &info, nil) == unix.ECHILD
}

func usageOf(ru *unix.Rusage) Usage {
	return Usage{
		User:              time.Duration(ru.Utime.Nano()),
		System:            time.Duration(ru.Stime.Nano()),
		MaxRSS:            int64(ru.Maxrss) * 1024,
		MinorFaults:       int64(ru.Minflt),
		MajorFaults:       int64(ru.Majflt),
		BlocksIn:          int64(ru.Inblock),
		BlocksOut:         int64(ru.Oublock),
		VoluntarySwitches: int64(ru.Nvcsw),
		Preemptions:       int64(ru.Nivcsw),
	}
}

func kill(pid int32, sig syscall.Signal) syscall.Errno {
	_, _, errno := unix.RawSyscall(unix.SYS_KILL, uintptr(pid), uintptr(sig), 0)
	return errno
}

func pidfdOpen(pid int32) (fd int, errno syscall.Errno) {
	r, _, errno := unix.RawSyscall(unix.SYS_PIDFD_OPEN, uintptr(pid), 0, 0)
	if errno != 0 {
		return -1, errno
	}
	return int(r), 0
}

// ppollNow is ppoll(2) without leaving the Go scheduler, which might need another thread then and,
// at a pids limit, not get one. It is for processes that have nothing else to do.
func ppollNow(fds []unix.PollFd, timeout *unix.Timespec) {
	_, _, _ = unix.RawSyscall6(unix.SYS_PPOLL, uintptr(unsafe.Pointer(unsafe.SliceData(fds))),
		uintptr(len(fds)), uintptr(unsafe.Pointer(timeout)), 0, 0, 0)
}

func pidfdSignal(fd int, sig syscall.Signal, flags uintptr) syscall.Errno {
	_, _, errno := unix.RawSyscall6(unix.SYS_PIDFD_SEND_SIGNAL, uintptr(fd), uintptr(sig), 0, flags, 0, 0)
	return errno
}

// groupFlag is PIDFD_SIGNAL_PROCESS_GROUP (Linux 6.9).
const groupFlag = 1 << 2
