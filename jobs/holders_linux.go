package jobs

import (
	"os"
	"strconv"
	"strings"

	"lastout/subreaper"
)

// outputs are the job's stdout and stderr, as proc_pid_fd(5) names open files; "" where nobody waits for its end.
type outputs [2]string

// name finds out what the job's descriptors are, which are files in this process.
func (o *outputs) name(job *Job, files []int) {
	if !job.Holders {
		return
	}
	for i := range o {
		if i+1 >= len(files) || files[i+1] < 0 {
			continue
		}
		if link, err := os.Readlink("/proc/self/fd/" + strconv.Itoa(files[i+1])); err == nil && ends(link) {
			o[i] = link
		}
	}
}

// ends reports whether somebody may wait for the end of a file: not of a memory device (null(4), full(4)).
func ends(link string) bool {
	switch link {
	case "/dev/null", "/dev/zero", "/dev/full":
		return false
	}
	return !strings.HasPrefix(link, "anon_inode:")
}

// maxHolders bounds whose descriptors are looked at. Nobody is being killed meanwhile.
const maxHolders = 64

// look finds out who is alive after the leader.
func (l *life) look() {
	procs := l.host.reaper.Descendants()
	l.left.found(procs...)
	l.findHolders(procs)
}

// lookBeforeSignals is look for those alone whose descriptors are looked at: the dead have none, and of very many no list is
// made for that.
func (l *life) lookBeforeSignals() {
	if l.outputs == (outputs{}) {
		return
	}
	procs := l.host.reaper.First(maxHolders)
	l.left.found(procs...)
	l.findHolders(procs)
}

// findHolders notes which processes hold the job's output open.
func (l *life) findHolders(procs []subreaper.Process) {
	if l.outputs == (outputs{}) {
		return
	}
	held := make(map[int]Outputs)
	for _, p := range procs[:min(len(procs), maxHolders)] {
		for i, open := range l.host.reaper.Writes(p, l.outputs[:]) {
			if open {
				held[p.PID] |= Stdout << i
			}
		}
	}
	l.left.hold(held)
}
