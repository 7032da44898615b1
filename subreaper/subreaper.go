package subreaper

import (
	"fmt"
	"log/slog"
	"strings"
	"syscall"
	"time"
)

// Options configures a [Reaper]. The zero value is useful.
type Options struct {
	// Exclusive says that the process does nothing else: every child that Start and StartCommand
	// have not started is an adopted orphan, and all threads may be put before the tree's while
	// that is ended.
	Exclusive bool
	// Spare are children that the process has already and that somebody else waits for, as for
	// those of StartCommand.
	Spare []int
	// Reaped, if set, is told of every process that the Reaper reaps: adopted orphans and watched
	// children, not the commands of StartCommand. It runs on the reaping thread and must neither
	// block nor call the Reaper.
	Reaped func(Exit)
	// Describe, if set, is asked before a process is reaped, under the same rules, whether its Exit
	// is to have Comm and Age.
	Describe func() bool
	// Empty, if set, is called when the last child (commands of StartCommand aside) is gone, under
	// the same rules.
	Empty func()
	// Logger is told what is signalled, at slog.LevelInfo, and what is reaped, at slog.LevelDebug;
	// nil discards.
	Logger *slog.Logger
}

// Exit is the end of a process.
type Exit struct {
	PID    int
	Status syscall.WaitStatus
	Usage  Usage
	// Comm is the name in proc_pid_comm(5), and Age the time since it was forked, to a clock tick
	// (10 ms). They are read only where the Logger takes slog.LevelDebug, or Options.Describe asks
	// for them.
	Comm string
	Age  time.Duration
}

// Change is what happened to a watched child: it exited, was stopped or continued.
type Change struct {
	Exit
	// Alone says, for an exit, that no other process of the tree was left, and that the child has
	// been reaped. Otherwise its zombie is held until Release or End.
	Alone bool
}

// Usage is what a process used, with what it used through children that it waited for; see
// getrusage(2).
type Usage struct {
	User, System                   time.Duration
	MaxRSS                         int64 // bytes; the largest process, not a sum
	MinorFaults, MajorFaults       int64
	BlocksIn, BlocksOut            int64
	VoluntarySwitches, Preemptions int64
}

// Add adds v to u; MaxRSS becomes the larger.
func (u *Usage) Add(v Usage) {
	u.User += v.User
	u.System += v.System
	u.MaxRSS = max(u.MaxRSS, v.MaxRSS)
	u.MinorFaults += v.MinorFaults
	u.MajorFaults += v.MajorFaults
	u.BlocksIn += v.BlocksIn
	u.BlocksOut += v.BlocksOut
	u.VoluntarySwitches += v.VoluntarySwitches
	u.Preemptions += v.Preemptions
}

// Process describes a descendant at the moment it was looked at.
type Process struct {
	PID, PPID, PGID, SID int
	Comm                 string        // at most 15 bytes
	Cmdline              string        // arguments separated by spaces; "[comm]" where there are none
	Age                  time.Duration // since it was forked, to a clock tick (10 ms)
	start                uint64
	dead                 bool
}

// Survivor is a process that could not be ended.
type Survivor struct {
	Process
	// Err is why: EPERM for a program that we may not signal, nil for one that does not die of
	// SIGKILL.
	Err error
	// Wchan is the kernel function that the process sleeps in, where /proc/PID/wchan tells.
	Wchan string
	// Tracer is the process that traces one that is dead, and does not wait for it. Nobody else can
	// reap it before that process does or ends (ptrace(2)). 0: it is not dead, or not traced.
	Tracer int
}

// Reason says why the process lives.
func (s Survivor) Reason() string {
	switch {
	case s.Err != nil:
		return s.Err.Error()
	case s.Tracer != 0:
		return fmt.Sprintf("dead, but traced by process %d, which has not let go of it", s.Tracer)
	case s.Wchan != "" && s.Wchan != "0":
		return "uninterruptible, waits in " + s.Wchan
	}
	return "was sent SIGKILL and has not died"
}

// EndOptions configures [Reaper.End]. The zero value is useful.
type EndOptions struct {
	// AtOnce, if set, is called before the first pass: it may kill at once what the passes would
	// run after, as cgroup.kill does (cgroups(7)). It must not call the Reaper.
	AtOnce func()
	// Found, if set, is told of processes that were there when End was called and that Known, if
	// set, does not report as known. Of many only the first have their command line, which is lost
	// with the process, and of very many all but the first have nothing but their number: killing
	// is what cannot wait. Neither may call the Reaper.
	Found func(Process)
	Known func(pid int) bool
	// Killed, if set, is told the process id of everything that was sent SIGKILL. It must not call
	// the Reaper.
	Killed func(pid int)
	// Survivors, if set, is told of processes that cannot be ended when that is noticed, and again
	// ever more rarely while they live. It must not call the Reaper.
	Survivors func([]Survivor)
}

// SurvivorError says which processes were alive when End gave up.
type SurvivorError struct {
	Procs []Survivor
	Err   error // why End gave up: the context's error
}

// Error names the survivors.
func (e *SurvivorError) Error() string {
	names := make([]string, len(e.Procs))
	for i, p := range e.Procs {
		names[i] = fmt.Sprintf("%d (%s): %s", p.PID, p.Cmdline, p.Reason())
	}
	return fmt.Sprintf("%d processes still live: %s", len(e.Procs), strings.Join(names, "; "))
}

// Unwrap returns the context's error.
func (e *SurvivorError) Unwrap() error { return e.Err }
