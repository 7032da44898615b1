package jobs

import (
	"errors"
	"fmt"
	"io"
	"log/slog"
	"math"
	"os"
	"slices"
	"strings"
	"syscall"
	"time"

	"lastout/jobs/cgroup"
	"lastout/jobs/spawn"
	"lastout/jobs/terminal"
	"lastout/subreaper"
)

// Forever, as Job.Linger, lets leftovers live until they end or the job is stopped.
const Forever time.Duration = math.MaxInt64

// DefaultGrace is the grace period where a Job names none. A cancelled GitHub step sends INT, TERM
// after 7.5 s and KILL after another 2.5 s; docker stop gives 10 s.
const DefaultGrace = 5 * time.Second

// Target says who gets a forwarded signal.
type Target uint8

// Targets of forwarded signals.
const (
	Group  Target = iota // the job's process group
	Leader               // the command itself
	Tree                 // every descendant
)

// Job is a command and how it is to be ended. Its zero value but for Args is useful.
type Job struct {
	// Args is the command and its arguments. A command without a slash is looked up in the PATH of
	// Env.
	Args []string
	// Path, if set, is what is executed in place of Args[0]; it is not looked up.
	Path string
	// Env is the environment; nil means ours.
	Env []string
	// Dir is the working directory; "" means ours.
	Dir string

	// Stdin, Stdout and Stderr are as in os/exec: nil is /dev/null, an *os.File is passed as it is,
	// anything else is copied through a pipe. Since nobody is left to hold it, the pipe ends with
	// the job.
	Stdin          io.Reader
	Stdout, Stderr io.Writer
	// ExtraFiles become descriptors 3, 4, … of the job. Without any, descriptors from 3 on that are
	// not close-on-exec are inherited.
	ExtraFiles []*os.File
	// Hold are files that the job does not get, and that stay open until its tree is gone. A keeper
	// holds them, too: a lock on such a file (flock(2)) is not free before, though this process be
	// killed. They must be close-on-exec, as those of package os are.
	Hold []*os.File

	// StopSignal begins the end of a tree; 0 means SIGTERM. SIGCONT follows it.
	StopSignal syscall.Signal
	// Linger is how long descendants may go on after the leader. 0 gives them no time but that of
	// Settle.
	Linger time.Duration
	// Settle is how long those may go on that are on their way out when the stop signal would be
	// due; 0 means DefaultSettle. A process that is busy has that time at most; one that reads a
	// pipe which has ended has Grace, if that is longer. When everybody is idle, it ends at once.
	// Less than 0 means no such time, and no order in which processes are stopped; otherwise a
	// process that reads what others write is stopped last. See [Result.Leftovers].
	Settle time.Duration
	// Grace is the time from the stop signal to SIGKILL; 0 means DefaultGrace, and less than 0
	// means none at all.
	Grace time.Duration
	// Timeout stops the job after this time; 0 never does.
	Timeout time.Duration
	// KillAfter is the time from a stop signal to SIGKILL while the leader lives: one that was
	// forwarded (0: no limit), or that a Timeout or a cancelled context sent (0: Grace). With a
	// Timeout and Forward Leader, it is the leader that is killed then; the others are sent the
	// stop signal when the leader is gone.
	KillAfter time.Duration
	// GiveUp is how long processes that do not die of SIGKILL are waited for; 0 waits for ever.
	GiveUp time.Duration

	// Forward is who gets a signal of Runner.Signal.
	Forward Target
	// DeathSignal is what the leader gets when the process that started it dies; 0 means SIGKILL,
	// less than 0 none.
	DeathSignal syscall.Signal
	// Cgroup says whether the job gets a cgroup of its own, which makes killing it one atomic step.
	Cgroup CgroupMode
	// NoNewPrivs keeps the job from gaining privileges by executing programs (PR_SET_NO_NEW_PRIVS,
	// Linux 3.5).
	NoNewPrivs bool
	// Ignore are signals that the job starts with as ignored. In-process, they are ignored in this
	// process from then on, unless [Origin].Inherited is known.
	Ignore []syscall.Signal

	// Terminal lets the job have our controlling terminal, if there is one. Where we lead its
	// foreground process group, and standard input, output and error are that terminal, it is lent
	// to the job's group at once. Where others are in that group, as in a pipeline or a script, the
	// job is one of them: see Foreground. In the background the job is lent the terminal when it is
	// stopped for want of it, if our group has come to the foreground meanwhile. When the leader
	// has ended we have the terminal again, with the modes from before unless the leader has exited
	// by itself. With Session, it becomes the controlling terminal of the job's session, if we lead
	// ours: only then it is ours to give away. It needs Options.InProcess: a keeper knows of no
	// terminal.
	Terminal bool
	// Session runs the job in a session of its own (setsid(2)).
	Session bool
	// Foreground leaves the job in our process group, which gets the terminal's signals with us.
	// Those that are forwarded to the job's process group go to its members of that. It is of no
	// effect where our group is one of another PID namespace: that cannot be joined.
	Foreground bool
	// Holders asks for Leftover.Holds. It costs a job that leaves nothing behind nothing.
	Holders bool
	// Record is how many of the processes that are reaped are described in Result.Ended. Each takes
	// some 200 bytes.
	Record int

	cgroup cgroup.Dir // made by the Runner
	place  place      // likewise
}

// place is where the job is among process groups and at the terminal.
type place struct {
	group    int  // the runner's process group
	lead     bool // the terminal is the job's at once
	controls bool // the job's standard input becomes its controlling terminal
	modes    bool // the terminal's modes are to be restored, though it is not lent
}

// Validate says what is wrong with a job, before anything is started.
func (j *Job) Validate() error {
	switch {
	case len(j.Args) == 0:
		return errors.New("no command")
	case j.Linger < 0 || j.Timeout < 0 || j.KillAfter < 0 || j.GiveUp < 0:
		return errors.New("a negative duration")
	case j.StopSignal < 0 || j.StopSignal > 64:
		return fmt.Errorf("no such stop signal: %d", int(j.StopSignal))
	case slices.Contains(j.Ignore, syscall.SIGCHLD):
		return errors.New("SIGCHLD cannot be ignored: the statuses of children would be lost")
	case j.Session && j.Foreground:
		return errors.New("a session of its own and the process group of the caller contradict each other")
	case j.Forward > Tree:
		return fmt.Errorf("no such forward target: %d", j.Forward)
	case j.Record < 0:
		return errors.New("a negative number of processes to record")
	case j.Cgroup > CgroupRequire:
		return fmt.Errorf("no such cgroup mode: %d", j.Cgroup)
	}
	return nil
}

// stopSignal, grace and killGrace are the settings with their defaults.
func (j *Job) stopSignal() syscall.Signal {
	if j.StopSignal == 0 {
		return syscall.SIGTERM
	}
	return j.StopSignal
}

func (j *Job) grace() time.Duration {
	if j.Grace == 0 {
		return DefaultGrace
	}
	return max(j.Grace, 0)
}

func (j *Job) settle() time.Duration {
	if j.Settle == 0 {
		return DefaultSettle
	}
	return max(j.Settle, 0)
}

func (j *Job) killGrace() time.Duration {
	if j.KillAfter > 0 {
		return j.KillAfter
	}
	return j.grace()
}

// End is how a leftover came to its end.
type End uint8

// Ends of leftovers.
const (
	ByItself End = iota // or by a signal of somebody else's, see Leftover.Status
	ByStopSignal
	ByKill
	NotEnded // it lives: see Job.GiveUp
)

// String returns what a person would say.
func (e End) String() string {
	return [...]string{"by itself", "by the stop signal", "by SIGKILL", "not at all"}[e]
}

// Leftover is a process that lived on after its leader, as it was when it was found.
type Leftover struct {
	subreaper.Process
	End    End
	Status syscall.WaitStatus // valid if Reaped
	Reaped bool               // we reaped it; otherwise its own parent did
	// Holds says which of the job's outputs the process had open for writing, where Job.Holders
	// asks for that: whoever waits for the end of that output waits for this process. It is known
	// of the first 64, and of the lowest 256 descriptors of each.
	Holds Outputs
}

// Outputs is a set of a job's outputs.
type Outputs uint8

// Outputs of a job.
const (
	Stdout Outputs = 1 << iota
	Stderr
)

// Ended is a process that was reaped.
type Ended struct {
	subreaper.Exit // with Comm and Age
	At             time.Time
}

// Result is what became of a job. Differences of its times are right though the clock is set
// meanwhile: they come from the monotonic clock (see package time), in a keeper, too.
type Result struct {
	PID      int                // the leader
	Status   syscall.WaitStatus // of the leader
	Started  time.Time
	Exited   time.Time // when the leader did
	Settled  time.Time // when nothing was left
	TimedOut bool      // Job.Timeout ended it
	Stopped  bool      // a cancelled context, or Stop, ended it
	Killed   bool      // the leader had to be sent SIGKILL
	Terminal bool      // the leader ended in the foreground of the terminal
	Usage    subreaper.Usage
	Reaped   int // processes, the leader included

	// Leftovers are the processes that had to be ended, or were to be when they ended: those that
	// were alive when the time of Job.Linger and Job.Settle was over, but for readers that ended by
	// themselves when all of their writers were gone. Of very many they are the first. Their number
	// is LeftoverCount.
	Leftovers     []Leftover
	LeftoverCount int
	// Lingered are those that ended by themselves within Job.Linger; of very many, the first.
	Lingered []Leftover

	// Ended are the first processes that were reaped, as many as Job.Record says. Reaped says how
	// many there were.
	Ended []Ended
}

// Success reports whether the command itself exited with status 0.
func (r *Result) Success() bool { return r.Status.Exited() && r.Status.ExitStatus() == 0 }

// ErrKeeperLost says that the keeper died before its job was settled. The tree was ended all the
// same.
var ErrKeeperLost = errors.New("the keeper died; the job was ended")

// ErrClosed is returned by a Runner that has been closed.
var ErrClosed = errors.New("the runner is closed")

// StartError says why a command could not be started.
type StartError struct {
	Path     string
	Err      error // an errno; fs.ErrNotExist where no such command was found
	NotFound bool
	Detail   string // what else is known, such as the name of a missing interpreter
}

// Error describes the failure.
func (e *StartError) Error() string {
	text := fmt.Sprintf("cannot run %s: %v", quote(e.Path), e.Err)
	if e.NotFound {
		text = fmt.Sprintf("%s: command not found", quote(e.Path))
	}
	if e.Detail != "" {
		text += " (" + e.Detail + ")"
	}
	return text
}

func quote(s string) string {
	if s == "" || strings.ContainsFunc(s, func(r rune) bool { return r <= ' ' || r == 0x7f }) {
		return fmt.Sprintf("%q", s)
	}
	return s
}

// Unwrap returns the errno.
func (e *StartError) Unwrap() error { return e.Err }

// Options configures a Runner. The zero value runs jobs in a keeper.
type Options struct {
	// InProcess does without a keeper. SIGKILL to this process then leaves the tree alive, but for
	// the leader; as PID 1 the kernel ends it. Signal dispositions and every wait of the process
	// are the Runner's.
	InProcess bool
	// Exclusive says that the process does nothing else. See [subreaper.Options].
	Exclusive bool
	// Origin says what our caller knows us as, and has passed on.
	Origin Origin
	// Spare are children that are not to be ended, nor reaped. See [subreaper.Options].
	Spare []int
	// Events is told what happens while a job runs. Its methods must not block.
	Events Events
	// Logger is told what is started and signalled, at slog.LevelInfo, and what is adopted and
	// reaped, at slog.LevelDebug; nil discards.
	Logger *slog.Logger
}

// Origin is what the caller of a program has started and passed on, where the process that runs the
// jobs cannot tell. The zero value is this process, with what the Go runtime has left of it.
type Origin struct {
	// PID is the process that stands in the caller's process group, and at the terminal; 0 is this
	// one.
	PID int
	// Inherited is what jobs start with; nil leaves them what the Go runtime has made of it.
	Inherited *spawn.Inherited
	// Names are what the environment may call the program. Where it does, it calls the job so.
	Names spawn.Names
	// Release gives the controlling terminal up, if PID leads its session and standard input is
	// that terminal. nil does it for this process.
	Release func() bool
}

// Events is told what happens while a job runs. Fields that are nil are skipped.
type Events struct {
	// Survivors names processes that cannot be ended, when that is noticed and then ever more
	// rarely.
	Survivors func([]subreaper.Survivor)
	// Started tells the leader's process id. It comes before anything else.
	Started func(pid int)
	// Stopped tells that the leader has been stopped by a signal, but for being stopped until it is
	// lent the terminal, and whether the job has that. news reports whether something has come
	// since that the life of the job has not seen yet: a Stopped that does nothing for that reason
	// returns false, and is called again unless the job goes on. In-process only.
	Stopped func(sig syscall.Signal, terminal bool, news func() bool) (done bool)
	// Exited tells that the leader has exited, or died, and that others of its tree live.
	// In-process only.
	Exited func(syscall.WaitStatus)
	// Ending tells that a job has timed out, or is stopped. In-process only.
	Ending func(timedOut, stopped bool)
	// Resumed tells that a leader which had been stopped goes on, or has ended. In-process only.
	Resumed func()
	// Lent tells that the job can get the terminal from now on: its owner is the process group that
	// is to have it back at the end, with the modes. In-process only.
	Lent func(owner int, modes *terminal.Modes)
	// Cgroup tells the directory that was made for a job; "" says that it is gone.
	Cgroup func(dir string)
	// KeeperLost tells that the keeper died, before what it kept is ended.
	KeeperLost func()
}

func (e *Events) started(pid int) {
	if e.Started != nil {
		e.Started(pid)
	}
}

func (e *Events) cgroup(dir string) {
	if e.Cgroup != nil {
		e.Cgroup(dir)
	}
}
