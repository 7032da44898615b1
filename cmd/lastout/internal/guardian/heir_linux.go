package guardian

import (
	"syscall"
	"time"

	"golang.org/x/sys/unix"
)

// Known is what a worker leaves to the heir of its job, in case that it is killed.
type Known struct {
	Leader   int32              // the command, once it has been started
	Began    int64              // then, in nanoseconds of CLOCK_MONOTONIC
	Exited   bool               // it has exited, or died
	Status   syscall.WaitStatus // then
	TimedOut bool
	Stopped  bool
}

// BeganAt is when that was, as the clock now shows it.
func (k *Known) BeganAt() time.Time {
	now := time.Now()
	if k.Leader == 0 {
		return now
	}
	return now.Add(time.Duration(k.Began - monotonic()))
}

func monotonic() int64 {
	var ts unix.Timespec
	_ = unix.ClockGettime(unix.CLOCK_MONOTONIC, &ts)
	return ts.Nano()
}

// Start notes the command.
func (k *Known) Start(pid int) { *k = Known{Leader: int32(pid), Began: monotonic()} }

// Keep is where the worker writes it: each field as soon as it is known. It is for one goroutine.
func Keep() *Known {
	if shared == nil {
		return &Known{}
	}
	return &shared.known
}

// Mark is where the worker keeps what is special in the name of the temporary file that it makes
// next.
func Mark() *[12]byte {
	if shared == nil {
		return new([12]byte)
	}
	return &shared.mark
}

// Killed is how many processes the guardian has killed before its Go runtime was started, the
// command aside. Nothing else is known of them.
func Killed() int {
	if shared == nil {
		return 0
	}
	return int(shared.killed)
}

// KeepTerminal remembers which process group gets the terminal at the end, and the modes.
func KeepTerminal(owner int, modes *unix.Termios) {
	if shared != nil && modes != nil {
		shared.owner, shared.modes = int32(owner), *modes
		shared.terminal = 1
	}
}

// Terminal returns what was kept; nil is nothing.
func Terminal() (owner int, modes *unix.Termios) {
	if shared == nil || shared.terminal == 0 {
		return 0, nil
	}
	m := shared.modes
	return int(shared.owner), &m
}

// KeepCgroup remembers a directory to be removed; "" is none.
func KeepCgroup(dir string) {
	if shared != nil && len(dir) < len(shared.cgroup) {
		n := copy(shared.cgroup[:], dir)
		shared.cgroup[n] = 0
	}
}

// Cgroup returns the directory that was kept; "" is none.
func Cgroup() string {
	if shared == nil {
		return ""
	}
	return unix.ByteSliceToString(shared.cgroup[:])
}
