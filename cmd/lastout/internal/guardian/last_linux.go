//go:build amd64 || arm64

package guardian

import (
	"unsafe"

	"lastout/jobs/clone"

	"golang.org/x/sys/unix"
)

// What is in this file runs without the Go runtime: see entry_linux.go.

// room is how many threads the runtime must be able to make. It ends the process where it cannot.
const room = 6

// of the threads that prove it.
var probe struct {
	release uint32 // a futex
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

// roomForRuntime reports whether the threads can be made.
//
//go:norace
//go:nocheckptr
func roomForRuntime() bool {
	enough := true
	probe.release = 0
	for i := 0; i < room && enough; i++ {
		top := (uintptr(unsafe.Pointer(&probe.stacks[i])) + unsafe.Sizeof(probe.stacks[i])) &^ 15
		enough = clone.Clone(unix.SYS_CLONE, asThread, top, &probing) > 0
	}
	probe.release = 1
	sys6(unix.SYS_FUTEX, uintptr(unsafe.Pointer(&probe.release)), futexWake, room, 0, 0, 0)
	return enough
}

// children is where the list of our children is read into.
var children [8192]byte

var childrenPath = [...]byte{'/', 'p', 'r', 'o', 'c', '/', 't', 'h', 'r', 'e', 'a', 'd', '-', 's', 'e', 'l', 'f', '/', 'c', 'h', 'i', 'l', 'd', 'r', 'e', 'n', 0}

// endWithoutRuntime kills our children, whose orphans become our children, until there are none.
// They are reaped last: at a limit of processes each that is reaped makes room for another.
//
//go:norace
//go:nocheckptr
func endWithoutRuntime() {
	for {
		killChildren()
		reaped := false
		var info signalInfo
		for {
			_, errno := sys6(unix.SYS_WAITID, unix.P_ALL, 0, uintptr(unsafe.Pointer(&info)), unix.WEXITED|unix.WNOHANG|unix.WALL, 0, 0)
			if errno == unix.ECHILD {
				return
			}
			if errno != 0 || info.PID == 0 {
				break
			}
			reaped = true
		}
		dropPending()
		if !reaped { // the next that ends sends SIGCHLD
			await(entered.signals, unix.POLLIN, 20*1000*1000)
		}
	}
}

// killChildren sends SIGKILL to the children that /proc lists.
//
//go:norace
//go:nocheckptr
func killChildren() {
	at := unix.AT_FDCWD
	fd, errno := sys(unix.SYS_OPENAT, uintptr(at), uintptr(unsafe.Pointer(&childrenPath)), unix.O_RDONLY|unix.O_CLOEXEC, 0)
	if errno != 0 {
		return
	}
	pid := uintptr(0)
	for {
		n, errno := sys(unix.SYS_READ, fd, uintptr(unsafe.Pointer(&children)), uintptr(len(children)), 0)
		if errno != 0 || n == 0 {
			break
		}
		for i := uintptr(0); i < n; i++ {
			if c := *(*byte)(unsafe.Add(unsafe.Pointer(&children), i)); c >= '0' && c <= '9' {
				pid = pid*10 + uintptr(c-'0')
			} else if pid != 0 {
				sys(unix.SYS_KILL, pid, uintptr(unix.SIGKILL), 0, 0)
				pid = 0
			}
		}
	}
	sys(unix.SYS_CLOSE, fd, 0, 0, 0)
}
