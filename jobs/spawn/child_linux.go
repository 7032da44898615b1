//go:build linux && (amd64 || arm64)

package spawn

import (
	"syscall"
	"unsafe"

	"lastout/jobs/clone"

	"golang.org/x/sys/unix"
)

// What is in this file runs in the child, without the Go runtime: see package clone for what that
// allows.

// child becomes the program. Where a step fails it leaves the errno and exits.
//
//go:nosplit
//go:norace
//go:nocheckptr
func child(t *clone.Task) {
	o := (*order)(t.Data)
	a := o.attr
	self, _, _ := syscall.RawSyscall6(unix.SYS_GETPID, 0, 0, 0, 0, 0, 0)
	if clone.Exchange(&being.pid, int32(self)) == told {
		// Every signal is blocked here: the kernel forgets the stop that is pending.
		syscall.RawSyscall6(unix.SYS_KILL, self, uintptr(unix.SIGCONT), 0, 0, 0, 0)
	}
	ok := o.place(a) && o.limit(a) && o.arrange(a)
	if !ok {
		exit()
	}
	o.name(self)
	o.giveBack(a.Inherited)
	o.do(unix.SYS_EXECVE, uintptr(unsafe.Pointer(o.path)), uintptr(unsafe.Pointer(o.argv)),
		uintptr(unsafe.Pointer(o.envp)), 0)
	exit()
}

//go:nosplit
//go:norace
func exit() {
	_, _, _ = syscall.RawSyscall6(unix.SYS_EXIT_GROUP, 253, 0, 0, 0, 0, 0)
}

// do makes a system call, and remembers why it has failed.
//
//go:nosplit
//go:norace
func (o *order) do(trap, a, b, c, d uintptr) bool {
	_, _, o.errno = syscall.RawSyscall6(trap, a, b, c, d, 0, 0)
	return o.errno == 0
}

// place chooses session and process group.
//
//go:nosplit
//go:norace
func (o *order) place(a *Attr) bool {
	switch {
	case a.Session:
		return o.do(unix.SYS_SETSID, 0, 0, 0, 0)
	case a.InGroup:
		return o.do(unix.SYS_SETPGID, 0, uintptr(a.Group), 0, 0)
	case a.NewGroup:
		return o.do(unix.SYS_SETPGID, 0, 0, 0, 0)
	}
	return true
}

// limit sets what ties the child to us, or takes from it. The parent-death signal of a parent that
// has died already never comes.
//
//go:nosplit
//go:norace
func (o *order) limit(a *Attr) bool {
	if a.NoNewPrivs && !o.do(unix.SYS_PRCTL, unix.PR_SET_NO_NEW_PRIVS, 1, 0, 0) {
		return false
	}
	if a.DeathSignal == 0 {
		return true
	}
	if !o.do(unix.SYS_PRCTL, unix.PR_SET_PDEATHSIG, uintptr(a.DeathSignal), 0, 0) {
		return false
	}
	if parent, _, _ := syscall.RawSyscall6(unix.SYS_GETPPID, 0, 0, 0, 0, 0, 0); parent != uintptr(o.parent) {
		self, _, _ := syscall.RawSyscall6(unix.SYS_GETPID, 0, 0, 0, 0, 0, 0)
		return o.do(unix.SYS_KILL, self, uintptr(a.DeathSignal), 0, 0)
	}
	return true
}

// arrange changes the directory, and gives the descriptors their numbers: first out of each other's
// way.
//
//go:nosplit
//go:norace
//go:nocheckptr
func (o *order) arrange(a *Attr) bool {
	if o.dir != nil && !o.do(unix.SYS_CHDIR, uintptr(unsafe.Pointer(o.dir)), 0, 0, 0) {
		return false
	}
	for i := range o.files {
		if fd := o.files[i]; fd >= 0 && fd < i {
			if !o.do(unix.SYS_DUP3, uintptr(fd), uintptr(o.above), unix.O_CLOEXEC, 0) {
				return false
			}
			o.files[i] = o.above
			o.above++
		}
	}
	for i := range o.files {
		switch fd := o.files[i]; {
		case fd < 0:
			o.do(unix.SYS_CLOSE, uintptr(i), 0, 0, 0)
		case fd == i:
			if !o.do(unix.SYS_FCNTL, uintptr(i), unix.F_SETFD, 0, 0) {
				return false
			}
		case !o.do(unix.SYS_DUP3, uintptr(fd), uintptr(i), 0, 0):
			return false
		}
	}
	return !a.Control || o.do(unix.SYS_IOCTL, 0, unix.TIOCSCTTY, 1, 0)
}

// name writes the child's number where a variable names it: in the environment that it executes
// with.
//
//go:nosplit
//go:norace
//go:nocheckptr
func (o *order) name(self uintptr) {
	for i := range 2 {
		decimal(o.names[i], uint64(self))
	}
	if o.names[2] == nil {
		return
	}
	fd, _, errno := syscall.RawSyscall6(unix.SYS_PIDFD_OPEN, self, 0, 0, 0, 0, 0)
	if errno != 0 { // it was named by one that could
		return
	}
	_, _, _ = syscall.RawSyscall6(unix.SYS_FSTAT, fd, uintptr(unsafe.Pointer(&o.stat)), 0, 0, 0, 0)
	_, _, _ = syscall.RawSyscall6(unix.SYS_CLOSE, fd, 0, 0, 0, 0, 0)
	decimal(o.names[2], o.stat.Ino)
}

// decimal writes n, and a zero byte behind it, where there is room for that. nil is nowhere.
//
//go:nosplit
//go:norace
//go:nocheckptr
func decimal(to *byte, n uint64) {
	if to == nil {
		return
	}
	digits := 1
	for m := n / 10; m > 0; m /= 10 {
		digits++
	}
	*(*byte)(unsafe.Add(unsafe.Pointer(to), digits)) = 0
	for i := digits - 1; i >= 0; i-- {
		*(*byte)(unsafe.Add(unsafe.Pointer(to), i)) = byte('0' + n%10)
		n /= 10
	}
}

// giveBack gives the child its limit, its dispositions and then its mask. Signals that were sent to
// it meanwhile act now, by those.
//
//go:nosplit
//go:norace
//go:nocheckptr
func (o *order) giveBack(in *Inherited) {
	o.do(unix.SYS_PRLIMIT64, 0, unix.RLIMIT_NOFILE, uintptr(unsafe.Pointer(&in.Files)), 0)
	for sig := range uintptr(64) {
		action := &o.dfl
		if in.Ignored>>sig&1 != 0 {
			action = &o.ign
		}
		o.do(unix.SYS_RT_SIGACTION, sig+1, uintptr(unsafe.Pointer(action)), 0, 8)
	}
	o.do(unix.SYS_RT_SIGPROCMASK, 2, uintptr(unsafe.Pointer(&in.Blocked)), 0, 8)
}
