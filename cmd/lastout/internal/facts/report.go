package facts

import (
	"bytes"
	"encoding/json"
	"syscall"
	"time"

	"lastout/cmd/lastout/internal/annotate"
	"lastout/cmd/lastout/internal/signame"
	"lastout/jobs"
)

// report is the JSON of a Run, version 1: testdata/schema/report-v1.schema.json describes it.
// Fields may be added to a version; none is removed, or changes its meaning.
type report struct {
	Version        int      `json:"version"`
	LastoutVersion string   `json:"lastout_version"`
	Name           string   `json:"name"`
	Command        []string `json:"command"`
	CommandLine    string   `json:"command_line,omitempty"`

	Start    string `json:"start"`
	End      string `json:"end"`
	Attempt  int    `json:"attempt"`
	Attempts int    `json:"attempts"`

	ExitStatus *int    `json:"exit_status"`
	Signal     *string `json:"signal"`
	Started    bool    `json:"started"`
	Error      string  `json:"error,omitempty"`

	PID               int      `json:"pid,omitempty"`
	CommandExitStatus *int     `json:"command_exit_status"`
	CommandSignal     *string  `json:"command_signal"`
	TimedOut          bool     `json:"timed_out"`
	Stopped           bool     `json:"stopped"`
	Killed            bool     `json:"killed"`
	WallSeconds       float64  `json:"wall_seconds"`
	CommandSeconds    float64  `json:"command_seconds"`
	Usage             usage    `json:"usage"`
	LeftoverCount     int      `json:"leftover_count"`
	LeakCount         int      `json:"leak_count"`
	AllowedCount      int      `json:"allowed_count"`
	Leftovers         []left   `json:"leftovers"`
	Lingered          []left   `json:"lingered,omitempty"`
	Signals           []signal `json:"signals"`
	SignalsDropped    int      `json:"signals_dropped"`
}

type usage struct {
	ProcessesReaped            int     `json:"processes_reaped"`
	UserSeconds                float64 `json:"user_seconds"`
	SystemSeconds              float64 `json:"system_seconds"`
	PeakMemoryBytes            int64   `json:"peak_memory_bytes"`
	MinorFaults                int64   `json:"minor_faults"`
	MajorFaults                int64   `json:"major_faults"`
	BlocksIn                   int64   `json:"blocks_in"`
	BlocksOut                  int64   `json:"blocks_out"`
	VoluntaryContextSwitches   int64   `json:"voluntary_context_switches"`
	InvoluntaryContextSwitches int64   `json:"involuntary_context_switches"`
}

type left struct {
	PID         int      `json:"pid"`
	PPID        int      `json:"ppid"`
	PGID        int      `json:"pgid"`
	SID         int      `json:"sid"`
	Name        string   `json:"name"`
	CommandLine string   `json:"command_line"`
	AgeSeconds  float64  `json:"age_seconds"`
	End         string   `json:"end"`
	ExitStatus  *int     `json:"exit_status"`
	Signal      *string  `json:"signal"`
	Allowed     bool     `json:"allowed"`
	Holds       []string `json:"holds"`
}

type signal struct {
	Signal      string  `json:"signal"`
	ForwardedAs *string `json:"forwarded_as"`
	SenderPID   int     `json:"sender_pid,omitempty"`
	At          string  `json:"at"`
	Seconds     float64 `json:"seconds"`
}

// JSON returns the report, one object and a newline. What is not UTF-8 in it has U+FFFD in place of
// the bytes that are not.
func (r *Run) JSON() ([]byte, error) {
	var b bytes.Buffer
	e := json.NewEncoder(&b)
	e.SetEscapeHTML(false) // command lines are to be read by people, too
	if err := e.Encode(r.report()); err != nil {
		return nil, err
	}
	return annotate.JSON(b.Bytes()), nil
}

func (r *Run) report() *report {
	p := &report{
		Version: 1, LastoutVersion: r.Version, Name: r.Name, Command: r.Args, CommandLine: r.Line,
		Start: timestamp(r.Start), End: timestamp(r.End), Attempt: r.Attempt, Attempts: r.Attempts,
		WallSeconds: r.Wall().Seconds(), Started: r.Started(),
		LeakCount: r.Leaks, AllowedCount: r.Allowed, SignalsDropped: r.SignalsDropped,
		Leftovers: []left{}, Signals: []signal{},
	}
	if r.Signal != 0 {
		p.Signal = signalName(r.Signal)
	} else {
		p.ExitStatus = &r.Status
	}
	if r.Err != nil {
		p.Error = r.Err.Error()
	}
	for _, s := range r.Signals {
		p.Signals = append(p.Signals, signal{*signalName(s.Signal), signalName(s.As), s.Sender, timestamp(s.At),
			s.At.Sub(r.Start).Seconds()})
	}
	if r.Result != nil {
		p.addResult(r)
	}
	return p
}

func (p *report) addResult(r *Run) {
	res := r.Result
	p.PID, p.TimedOut, p.Stopped, p.Killed = res.PID, res.TimedOut, res.Stopped, res.Killed
	if !r.CommandLost {
		p.CommandExitStatus, p.CommandSignal = ending(res.Status)
	}
	if !res.Started.IsZero() { // a keeper that died early has not said when
		p.CommandSeconds = res.Exited.Sub(res.Started).Seconds()
	}
	p.LeftoverCount = res.LeftoverCount
	u := &res.Usage
	p.Usage = usage{
		res.Reaped, u.User.Seconds(), u.System.Seconds(), u.MaxRSS, u.MinorFaults, u.MajorFaults,
		u.BlocksIn, u.BlocksOut, u.VoluntarySwitches, u.Preemptions,
	}
	for _, l := range res.Lingered {
		p.Lingered = append(p.Lingered, leftover(&Leftover{Leftover: l}))
	}
	for i := range r.Leftovers {
		p.Leftovers = append(p.Leftovers, leftover(&r.Leftovers[i]))
	}
}

func leftover(l *Leftover) left {
	p := left{
		PID: l.PID, PPID: l.PPID, PGID: l.PGID, SID: l.SID, Name: l.Comm, CommandLine: l.Cmdline,
		AgeSeconds: l.Age.Seconds(), End: endings[l.End], Allowed: l.Allowed, Holds: []string{},
	}
	if l.Holds&jobs.Stdout != 0 {
		p.Holds = append(p.Holds, "stdout")
	}
	if l.Holds&jobs.Stderr != 0 {
		p.Holds = append(p.Holds, "stderr")
	}
	if l.Reaped {
		p.ExitStatus, p.Signal = ending(l.Status)
	}
	return p
}

// endings are the words for how a leftover came to its end.
var endings = [...]string{jobs.ByItself: "itself", jobs.ByStopSignal: "stop-signal", jobs.ByKill: "kill",
	jobs.NotEnded: "alive"}

// ending is an exit status or the name of a signal, and nil for the other.
func ending(st syscall.WaitStatus) (status *int, signal *string) {
	if st.Signaled() {
		return nil, signalName(st.Signal())
	}
	n := st.ExitStatus()
	return &n, nil
}

// signalName is nil for no signal.
func signalName(sig syscall.Signal) *string {
	if sig == 0 {
		return nil
	}
	name := signame.Of(sig)
	return &name
}

// timestamp is as RFC 3339 has it, with all nanoseconds.
func timestamp(t time.Time) string { return t.Format("2006-01-02T15:04:05.000000000Z07:00") }
