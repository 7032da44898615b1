package subreaper

import (
	"bytes"
	"runtime"
	"strconv"
	"strings"
	"sync/atomic"
	"syscall"
	"time"
	"unsafe"

	"lastout/subreaper/internal/proc"

	"golang.org/x/sys/unix"
)

// namer reads command lines. /proc/PID/cmdline takes the memory lock of that process: against a
// fork bomb whose members hold theirs in fork(2) the read was seen to block for half a minute, in
// uninterruptible sleep, while the bomb went on. So a goroutine of its own reads, and once it takes
// too long the names of the others will do (/proc/PID/stat does not block).
type namer struct {
	ask   chan *naming
	stuck bool
	read  systemCall
}

// systemCall is unix.Syscall6, or unix.RawSyscall6, which does not leave the Go scheduler: that
// might need another thread then and, at a pids limit, not get one.
type systemCall func(trap, a1, a2, a3, a4, a5, a6 uintptr) (r1, r2 uintptr, err syscall.Errno)

// naming is a list of processes whose command lines are wanted.
type naming struct {
	pids  []int
	names []string
	ready atomic.Int32 // how many of the names can be read
	done  chan struct{}
}

// namingTime is how long the reading of command lines may take before the rest is done without.
const namingTime = 50 * time.Millisecond

// newNamer's exclusive says that nothing but ours is held up by a read that takes long, if there is
// a second processor to go on with.
func newNamer(exclusive bool) *namer {
	n := &namer{ask: make(chan *naming), read: unix.Syscall6}
	if exclusive && runtime.GOMAXPROCS(0) > 1 {
		n.read = unix.RawSyscall6
	}
	go func() {
		for a := range n.ask {
			a.fill(n.read)
		}
	}()
	return n
}

func (n *namer) close() { close(n.ask) }

func (a *naming) fill(read systemCall) {
	defer close(a.done)
	for i, pid := range a.pids {
		a.names[i] = readCmdline(pid, read)
		a.ready.Add(1)
	}
}

// name sets the command lines of processes, as far as they are to be had in time.
func (n *namer) name(procs []Process) {
	if n.stuck {
		return
	}
	a := &naming{pids: make([]int, len(procs)), names: make([]string, len(procs)), done: make(chan struct{})}
	for i := range procs {
		a.pids[i] = procs[i].PID
	}
	n.ask <- a
	timer := time.NewTimer(namingTime)
	defer timer.Stop()
	select {
	case <-a.done:
	case <-timer.C:
		n.stuck = true
	}
	for i, name := range a.names[:a.ready.Load()] {
		if name != "" {
			procs[i].Cmdline = name
		}
	}
}

// readCmdline uses the bare system calls: package os would ask its poller first, which cannot wait
// for such a file.
func readCmdline(pid int, read systemCall) string {
	path, err := unix.BytePtrFromString(procDir + "/" + strconv.Itoa(pid) + "/cmdline")
	if err != nil {
		return ""
	}
	dir := unix.AT_FDCWD
	fd, _, errno := unix.RawSyscall6(unix.SYS_OPENAT, uintptr(dir), uintptr(unsafe.Pointer(path)),
		unix.O_RDONLY|unix.O_CLOEXEC, 0, 0, 0)
	if errno != 0 {
		return ""
	}
	buf := make([]byte, 4096)
	n, _, errno := read(unix.SYS_READ, fd, uintptr(unsafe.Pointer(&buf[0])), uintptr(len(buf)), 0, 0, 0)
	proc.CloseFD(int(fd))
	if errno != 0 {
		return ""
	}
	return strings.TrimSpace(string(bytes.ReplaceAll(buf[:n], []byte{0}, []byte{' '})))
}

func (r *Reaper) dropNamer() {
	if r.namer != nil {
		r.namer.close()
		r.namer = nil
	}
}
