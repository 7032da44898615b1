// Package facts holds what is known about a run of lastout when it is over, and says it as JSON.
//
// A [Run] is made in one place, once the job is settled, and not changed after that. Whatever is
// done at the end reads it: the messages on stderr, the report, annotations, a trace.
package facts

import (
	"syscall"
	"time"

	"lastout/jobs"
)

// Run is what is known about one attempt to run a job.
type Run struct {
	Version string   // of lastout
	Name    string   // what the job is called
	Args    []string // what was executed, or was to be
	Line    string   // the command line of -c; "" without one

	// Start and End are of the attempt, and so before and after the times in Result. The time
	// between them is right though the clock is set meanwhile: see [time.Time.Sub].
	Start, End time.Time
	// Attempt is the number of this attempt, from 1 on, and Attempts how many there may be.
	Attempt, Attempts int

	// Result is what became of the job; nil where it could not be started.
	Result *jobs.Result
	// CommandLost says that nobody knows how the command ended.
	CommandLost bool
	// Err is why it could not be started, or what else went wrong with it; nil where nothing did.
	Err error

	// Status is what lastout exits with, and Signal what it dies of in place of that; 0 for none.
	// Then Status is 128 and its number.
	Status int
	Signal syscall.Signal
	// Because says what lastout itself has to do with that: "of --timeout", "the keeper died". It
	// is empty where Status is the command's own.
	Because string

	// Leftovers are those of Result that are described. Leaks is the number of all that do not
	// count as allowed.
	Leftovers []Leftover
	Leaks     int
	Allowed   int

	// Signals are those that lastout received while the job ran, the first few of very many;
	// SignalsDropped is how many more there were.
	Signals        []Signal
	SignalsDropped int
}

// Leftover is a process that was alive after the command.
type Leftover struct {
	jobs.Leftover
	Allowed bool // it is one that may be left
}

// Signal is one that lastout has received.
type Signal struct {
	At     time.Time
	Signal syscall.Signal
	As     syscall.Signal // what it was passed on as; 0: it was not
	Sender int            // process id; 0 where that is not known
}

// Started reports whether the command was started.
func (r *Run) Started() bool { return r.Result != nil }

// Succeeded reports whether lastout exits with 0.
func (r *Run) Succeeded() bool { return r.Status == 0 && r.Signal == 0 }

// TimedOut reports whether the time limit ended the job.
func (r *Run) TimedOut() bool { return r.Result != nil && r.Result.TimedOut }

// Wall is how long the attempt took, until nothing was left of it. No change of the clock matters.
func (r *Run) Wall() time.Duration { return r.End.Sub(r.Start) }

// SetLeftovers takes over the leftovers of Result. Those that allowed names do not count as leaks,
// and nor does what they have started: the workers of a daemon are the daemon's.
func (r *Run) SetLeftovers(allowed func(jobs.Leftover) bool) {
	if r.Result == nil {
		return
	}
	named := make(map[int]bool)
	parent := make(map[int]int)
	for _, l := range r.Result.Leftovers {
		named[l.PID] = allowed(l)
		parent[l.PID] = l.PPID
	}
	r.Leftovers, r.Allowed = make([]Leftover, len(r.Result.Leftovers)), 0
	for i, l := range r.Result.Leftovers {
		r.Leftovers[i] = Leftover{l, belowAllowed(l.PID, named, parent)}
		if r.Leftovers[i].Allowed {
			r.Allowed++
		}
	}
	r.Leaks = r.Result.LeftoverCount - r.Allowed
}

// belowAllowed goes up from pid. The way is bounded: numbers that are used again could make it a
// circle.
func belowAllowed(pid int, named map[int]bool, parent map[int]int) bool {
	for range len(parent) {
		if named[pid] {
			return true
		}
		up, known := parent[pid]
		if !known {
			return false
		}
		pid = up
	}
	return false
}
