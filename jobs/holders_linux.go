package jobs

import (
	"strconv"
	"strings"
	"unsafe"

	"lastout/subreaper"

	"golang.org/x/sys/unix"
)

// outputs are the job's stdout and stderr, as proc_pid_fd(5) names open files; "" where nobody
// waits for its end.
type outputs struct {
	// that this process keeps for as long as it lives: there is time to name those until somebody
	// is left over
	fds   [2]int
	links [2]string
}

// of takes the job's descriptors, which are files in this process.
func (o *outputs) of(files []int) {
	for i := range o.fds {
		o.fds[i] = fileClosed
		switch fd := files[i+1]; {
		case fd > 2: // closed once the job has it
			o.links[i] = nameOf(fd)
		default:
			o.fds[i] = fd
		}
	}
}

// names returns the names that are looked for, false for none.
func (o *outputs) names() ([]string, bool) {
	for i, fd := range o.fds {
		if fd > 0 && o.links[i] == "" {
			o.links[i] = nameOf(fd)
		}
	}
	return o.links[:], o.links != [2]string{}
}

// nameOf names an open file, unless it is one without an end (null(4), full(4)). It does not leave
// the Go scheduler, which might need another thread then and, at a pids limit, not get one.
func nameOf(fd int) string {
	path, buf, at := []byte("/proc/self/fd/"+strconv.Itoa(fd)+"\x00"), make([]byte, 4096), unix.AT_FDCWD
	n, _, errno := unix.RawSyscall6(unix.SYS_READLINKAT, uintptr(at), uintptr(unsafe.Pointer(&path[0])),
		uintptr(unsafe.Pointer(&buf[0])), uintptr(len(buf)), 0, 0)
	if errno != 0 {
		return ""
	}
	switch link := string(buf[:n]); {
	case link == "/dev/null", link == "/dev/zero", link == "/dev/full", strings.HasPrefix(link, "anon_inode:"):
		return ""
	default:
		return link
	}
}

// maxHolders bounds whose descriptors are looked at. Nobody is being killed meanwhile.
const maxHolders = 64

// lookBeforeSignals finds out, of those that are about to be ended, who holds the job's output
// open: the dead have no descriptors. Those that have lingered are described anew. Of very many no
// list is made for that.
func (l *life) lookBeforeSignals() {
	if _, any := l.outputs.names(); !any && l.job.Linger == 0 {
		return
	}
	procs := l.host.reaper.First(maxHolders)
	l.left.noticed(procs...)
	l.findHolders(procs)
}

// findHolders notes which processes hold the job's output open.
func (l *life) findHolders(procs []subreaper.Process) {
	names, any := l.outputs.names()
	if !any {
		return
	}
	held := make(map[int]Outputs)
	for _, p := range procs[:min(len(procs), maxHolders)] {
		held[p.PID] = 0
		for i, open := range l.host.reaper.Writes(p, names) {
			if open {
				held[p.PID] |= Stdout << i
			}
		}
	}
	l.left.hold(held)
}
