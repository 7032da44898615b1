// Package trace writes a run as a trace that Perfetto and chrome://tracing open: the JSON object
// format of "Trace Event Format" (Google, 2016).
package trace

import (
	"encoding/json"
	"fmt"
	"math"
	"syscall"
	"time"

	"lastout/cmd/lastout/internal/annotate"
	"lastout/cmd/lastout/internal/facts"
	"lastout/cmd/lastout/internal/guardian"
	"lastout/cmd/lastout/internal/signame"
	"lastout/jobs"
	"lastout/subreaper"
)

// MaxProcesses is how many processes a trace shows at most. A run that reaps more has the others
// counted.
const MaxProcesses = 10_000

// pidSpace is more than any process id (PID_MAX_LIMIT in include/linux/threads.h, 4194304 on 64
// bit).
const pidSpace = 1 << 23

// event is one entry of traceEvents. Times are in microseconds.
type event struct {
	Name  string         `json:"name"`
	Phase string         `json:"ph"`
	Time  float64        `json:"ts"`
	Dur   *float64       `json:"dur,omitempty"`
	PID   int            `json:"pid"`
	TID   int            `json:"tid"`
	Scope string         `json:"s,omitempty"`
	Args  map[string]any `json:"args,omitempty"`
}

type trace struct {
	Events   []event        `json:"traceEvents"`
	TimeUnit string         `json:"displayTimeUnit"`
	Other    map[string]any `json:"otherData"`

	run  *facts.Run
	used map[int]int // how many tracks a process id has
}

// Chrome returns the trace of a run, from its Start on. What is not UTF-8 in it has U+FFFD in place
// of the bytes that are not.
func Chrome(run *facts.Run) ([]byte, error) {
	t := &trace{TimeUnit: "ms", run: run, used: make(map[int]int)}
	t.Other = map[string]any{"version": "lastout " + run.Version, "start": run.Start.Format(time.RFC3339Nano)}
	t.track(guardian.PID(), "lastout")
	t.Events = append(t.Events, event{Name: "process_name", Phase: "M", PID: guardian.PID(),
		TID: guardian.PID(), Args: named("lastout " + run.Name)})
	if run.Result != nil {
		t.phases(run.Result)
		t.processes(run.Result)
		t.Other["processes_reaped"], t.Other["processes_dropped"] = run.Result.Reaped,
			run.Result.Reaped-len(run.Result.Ended)
	}
	t.signals()
	data, err := json.Marshal(t)
	return append(annotate.JSON(data), '\n'), err
}

func named(name string) map[string]any {
	return map[string]any{"name": name}
}

// track begins a track of its own for a process, and returns its number. A process id that was used
// before gets another.
func (t *trace) track(pid int, name string) int {
	tid := pid + t.used[pid]*pidSpace
	t.used[pid]++
	t.Events = append(t.Events, event{Name: "thread_name", Phase: "M", PID: guardian.PID(), TID: tid,
		Args: named(name)})
	return tid
}

// at is a time as the trace has it.
func (t *trace) at(when time.Time) float64 { return micros(when.Sub(t.run.Start)) }

func micros(d time.Duration) float64 { return float64(d.Nanoseconds()) / 1e3 }

// toNanoseconds takes the noise off a difference.
func toNanoseconds(micros float64) float64 { return math.Round(micros*1e3) / 1e3 }

// span adds what lasted from one time to another on a track. What had begun before the run is shown
// from its begin on.
func (t *trace) span(tid int, name string, from, to float64, args map[string]any) {
	from = toNanoseconds(max(from, 0))
	dur := toNanoseconds(max(to-from, 0))
	t.Events = append(t.Events, event{Name: name, Phase: "X", Time: from, Dur: &dur, PID: guardian.PID(),
		TID: tid, Args: args})
}

// phases shows on our own track what the run was about at a time.
func (t *trace) phases(r *jobs.Result) {
	if !r.Started.IsZero() {
		t.span(guardian.PID(), "command", t.at(r.Started), t.at(r.Exited), nil)
	}
	if r.Settled.After(r.Exited) {
		t.span(guardian.PID(), "leftovers", t.at(r.Exited), t.at(r.Settled),
			map[string]any{"leftovers": r.LeftoverCount})
	}
}

// processes shows who was reaped, and the leftovers that somebody else has reaped or that live.
func (t *trace) processes(r *jobs.Result) {
	left := make(map[int]*jobs.Leftover, len(r.Leftovers))
	for i := range r.Leftovers {
		left[r.Leftovers[i].PID] = &r.Leftovers[i]
	}
	for _, e := range r.Ended {
		l := left[e.PID]
		if l != nil && l.Reaped && l.Status == e.Status {
			delete(left, e.PID)
		} else {
			l = nil // another process, which had the number before
		}
		end := t.at(e.At)
		start := end - micros(e.Age)
		leader := e.PID == r.PID && l == nil
		if leader { // which is known more exactly
			start = t.at(r.Started)
		}
		t.process(e.PID, e.Comm, start, end, l, arguments(&e, leader))
	}
	for i := range r.Leftovers {
		if l := &r.Leftovers[i]; left[l.PID] == l {
			seen := t.at(r.Exited)
			t.process(l.PID, l.Comm, seen-micros(l.Age), t.at(r.Settled), l,
				map[string]any{"reaped_by": "its parent, or nobody"})
		}
	}
}

func (t *trace) process(pid int, name string, from, to float64, l *jobs.Leftover, args map[string]any) {
	if l != nil {
		args["leftover"], args["command_line"] = true, l.Cmdline
		args["end"] = l.End.String()
	}
	if name == "" { // without /proc
		name = "?"
	}
	t.span(t.track(pid, name), fmt.Sprintf("%s %d", name, pid), from, to, args)
}

func arguments(e *jobs.Ended, leader bool) map[string]any {
	args := usage(&e.Usage)
	args["leader"] = leader
	if e.Status.Signaled() {
		args["signal"] = signame.Of(e.Status.Signal())
	} else {
		args["exit_status"] = e.Status.ExitStatus()
	}
	return args
}

func usage(u *subreaper.Usage) map[string]any {
	return map[string]any{"user_seconds": u.User.Seconds(), "system_seconds": u.System.Seconds(),
		"peak_memory_bytes": u.MaxRSS}
}

// signals shows on our own track what was received.
func (t *trace) signals() {
	for _, s := range t.run.Signals {
		args := map[string]any{"sender_pid": s.Sender}
		if s.As != 0 {
			args["forwarded_as"] = signame.Of(s.As)
		}
		t.instant("SIG"+signame.Of(s.Signal), t.at(s.At), args)
	}
	if t.run.Signal != syscall.Signal(0) {
		t.instant("lastout dies of SIG"+signame.Of(t.run.Signal), t.at(t.run.End), nil)
	}
}

func (t *trace) instant(name string, at float64, args map[string]any) {
	t.Events = append(t.Events, event{Name: name, Phase: "i", Time: at, PID: guardian.PID(),
		TID: guardian.PID(), Scope: "p", Args: args})
}
