//go:build linux

package soak

import (
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"time"

	"golang.org/x/sys/unix"
)

// fault is one thing that is done to a run.
type fault struct {
	target string // runner, worker, leader
	signal unix.Signal
	ready  bool          // its time counts from when the leader stands, otherwise from the start or the fault before
	after  time.Duration // how long after that
	hold   time.Duration // from SIGSTOP to SIGCONT
}

// name is the fault's kind, for counting.
func (f fault) name() string {
	return strings.TrimPrefix(unix.SignalName(f.signal), "SIG") + " " + f.target
}

func (f fault) String() string {
	s := fmt.Sprintf("%s %v after ", f.name(), f.after)
	if f.ready {
		s += "the leader stands"
	} else {
		s += "the start, or the fault before"
	}
	if f.hold > 0 {
		s += fmt.Sprintf(", CONT %v later", f.hold)
	}
	return s
}

// kinds are drawn from for the first fault of a run; only the gentle ones for those after it, since
// two processes of lastout that are killed are more than it promises to survive.
var (
	kinds = []fault{
		{target: "runner", signal: unix.SIGKILL}, {target: "runner", signal: unix.SIGKILL},
		{target: "worker", signal: unix.SIGKILL}, {target: "worker", signal: unix.SIGKILL},
		{target: "leader", signal: unix.SIGKILL},
	}
	gentle = []fault{
		{target: "runner", signal: unix.SIGTERM}, {target: "runner", signal: unix.SIGINT},
		{target: "runner", signal: unix.SIGHUP},
		{target: "runner", signal: unix.SIGSTOP}, {target: "worker", signal: unix.SIGSTOP},
	}
)

func (p *plan) drawFaults(r *rand.Rand) {
	if r.IntN(10) == 0 {
		return
	}
	from := append(kinds, gentle...)
	for n := 1 + r.IntN(2)*r.IntN(3); n > 0; n-- {
		f := pick(r, from...)
		from = gentle
		if p.keeper == "off" && (f.target == "worker" || f.target == "runner" && f.signal == unix.SIGKILL) {
			f = fault{target: "leader", signal: unix.SIGKILL} // off does without that promise
		}
		f.ready = f.target == "leader" || r.IntN(2) == 0
		f.after = pick(r, 0, upTo(r, 2), upTo(r, 10), upTo(r, 50), upTo(r, 200))
		if f.target == "worker" && !f.ready {
			f.after = time.Millisecond + upTo(r, 30) // there is none before
		}
		if f.signal == unix.SIGSTOP {
			f.hold = pick(r, upTo(r, 5), upTo(r, 100))
		}
		p.faults = append(p.faults, f)
	}
}

// deed is a fault that was tried.
type deed struct {
	fault
	at   time.Duration // after the start
	pid  int
	miss string // why it was not done, if it was not
}

func (d deed) String() string {
	if d.miss != "" {
		return fmt.Sprintf("%v: %s not done: %s", d.at, d.name(), d.miss)
	}
	return fmt.Sprintf("%v: %s, process %d", d.at, d.name(), d.pid)
}

// target is a process that is held by a pidfd (pidfd_open(2), Linux 5.3): nobody else gets the
// signal.
type target struct{ pid, fd int }

// hold opens pid, if it is then still the child that it was found as.
func hold(pid, parent int) (target, error) {
	fd, err := unix.PidfdOpen(pid, 0)
	if err != nil {
		return target{fd: -1}, err
	}
	if parentOf(pid) != parent {
		unix.Close(fd)
		return target{fd: -1}, unix.ESRCH
	}
	return target{pid, fd}, nil
}

// find returns the process that is the fault's target now. The worker is the runner's child; the
// leader is a child of whoever is above it, and says that it is (see tree/tree.c).
func (f fault) find(runner target, keeper string) (target, error) {
	if f.target == "runner" {
		fd, err := unix.Dup(runner.fd)
		return target{runner.pid, fd}, err
	}
	parent, below := runner.pid, children(runner.pid)
	if f.target == "leader" && keeper != "off" && len(below) > 0 {
		parent, below = below[0], children(below[0])
	}
	for _, child := range below {
		found, err := hold(child, parent)
		if err == nil && (f.target == "worker" || statusField(child, "Name") == "leader") {
			return found.below(runner)
		}
		unix.Close(found.fd)
	}
	return target{}, unix.ESRCH
}

// below returns t unless the runner has been reaped: its number may be another process's by now,
// and t another's child.
func (t target) below(runner target) (target, error) {
	err := unix.PidfdSendSignal(runner.fd, 0, nil, 0)
	if err != nil {
		unix.Close(t.fd)
	}
	return t, err
}

// children returns the children of all threads of a process.
func children(pid int) (pids []int) {
	lists, _ := filepath.Glob(fmt.Sprintf("/proc/%d/task/*/children", pid))
	for _, list := range lists {
		data, _ := os.ReadFile(list)
		for _, field := range strings.Fields(string(data)) {
			child, _ := strconv.Atoi(field)
			pids = append(pids, child)
		}
	}
	return pids
}

func parentOf(pid int) int {
	parent, _ := strconv.Atoi(statusField(pid, "PPid"))
	return parent
}

func statusField(pid int, name string) string {
	text, _ := os.ReadFile(fmt.Sprintf("/proc/%d/status", pid))
	for line := range strings.Lines(string(text)) {
		if value, ok := strings.CutPrefix(line, name+":"); ok {
			return strings.Join(strings.Fields(value), " ")
		}
	}
	return ""
}
