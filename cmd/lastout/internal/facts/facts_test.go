package facts

import (
	"encoding/json"
	"errors"
	"strings"
	"syscall"
	"testing"
	"time"

	"lastout/jobs"
	"lastout/subreaper"
)

func decoded(t *testing.T, r *Run) map[string]any {
	t.Helper()
	data, err := r.JSON()
	if err != nil {
		t.Fatal(err)
	}
	if strings.Count(string(data), "\n") != 1 {
		t.Errorf("not one line: %q", data)
	}
	var m map[string]any
	if err := json.Unmarshal(data, &m); err != nil {
		t.Fatal(err)
	}
	return m
}

// Either an exit status or a signal, and null for the other.
func TestEndings(t *testing.T) {
	for _, c := range []struct {
		run                             Run
		exit, signal, command, commands any
	}{
		{Run{Result: &jobs.Result{}}, 0.0, nil, 0.0, nil},
		{Run{Status: 3, Result: &jobs.Result{Status: 3 << 8}}, 3.0, nil, 3.0, nil},
		{Run{Status: 143, Signal: 15, Result: &jobs.Result{Status: 15}}, nil, "TERM", nil, "TERM"},
		{Run{Status: 163, Signal: 35, Result: &jobs.Result{Status: 35}}, nil, "RTMIN+1", nil, "RTMIN+1"},
		{Run{Status: 0, Result: &jobs.Result{Status: 15}}, 0.0, nil, nil, "TERM"},
		{Run{Status: 127, Err: errors.New("x")}, 127.0, nil, nil, nil},
	} {
		m := decoded(t, &c.run)
		if m["exit_status"] != c.exit || m["signal"] != c.signal || m["command_exit_status"] != c.command ||
			m["command_signal"] != c.commands {
			t.Errorf("%+v: %v", c.run, m)
		}
	}
}

// Times come from differences, which the monotonic clock makes; a run whose start nobody has told
// has none.
func TestTimes(t *testing.T) {
	start := time.Now()
	r := Run{Start: start, End: start.Add(1500 * time.Millisecond),
		Result: &jobs.Result{Started: start.Add(time.Second), Exited: start.Add(1250 * time.Millisecond)}}
	if m := decoded(t, &r); m["wall_seconds"] != 1.5 || m["command_seconds"] != 0.25 {
		t.Errorf("%v of %v", m["command_seconds"], m["wall_seconds"])
	}
	r.Result.Started = time.Time{}
	if m := decoded(t, &r); m["command_seconds"] != 0.0 {
		t.Errorf("the command took %vs", m["command_seconds"])
	}
}

func TestLeftoverEnds(t *testing.T) {
	for want, l := range map[string]jobs.Leftover{
		`"itself" 0 <nil>`:        {Reaped: true},
		`"itself" <nil> HUP`:      {Reaped: true, Status: 1},
		`"kill" <nil> KILL`:       {End: jobs.ByKill, Reaped: true, Status: 9},
		`"stop-signal" 7 <nil>`:   {End: jobs.ByStopSignal, Reaped: true, Status: 7 << 8},
		`"alive" <nil> <nil>`:     {End: jobs.NotEnded},
		`"itself" <nil> <nil>`:    {},
		`"kill" <nil> <nil> both`: {End: jobs.ByKill, Holds: jobs.Stdout | jobs.Stderr},
	} {
		l.Process = subreaper.Process{PID: 1, Cmdline: "bad \xff"}
		run := Run{Result: &jobs.Result{Leftovers: []jobs.Leftover{l}, LeftoverCount: 1}}
		run.SetLeftovers(func(jobs.Leftover) bool { return false })
		m := decoded(t, &run)["leftovers"].([]any)[0].(map[string]any)
		got := describe(m)
		if got != want {
			t.Errorf("%+v: %s, want %s", l, got, want)
		}
		if m["command_line"] != "bad \uFFFD" {
			t.Errorf("the command line is %q", m["command_line"])
		}
	}
}

func describe(m map[string]any) string {
	text, _ := json.Marshal(m["end"])
	words := []string{string(text)}
	for _, name := range []string{"exit_status", "signal"} {
		switch v := m[name].(type) {
		case nil:
			words = append(words, "<nil>")
		case float64:
			n, _ := json.Marshal(v)
			words = append(words, string(n))
		case string:
			words = append(words, v)
		}
	}
	if len(m["holds"].([]any)) == 2 {
		words = append(words, "both")
	}
	return strings.Join(words, " ")
}

func TestSignals(t *testing.T) {
	start := time.Now()
	r := Run{Start: start, Signals: []Signal{{At: start.Add(time.Second), Signal: syscall.SIGTERM,
		As: syscall.SIGINT, Sender: 7}, {At: start, Signal: syscall.SIGHUP}}, SignalsDropped: 4}
	m := decoded(t, &r)
	list := m["signals"].([]any)
	first, second := list[0].(map[string]any), list[1].(map[string]any)
	if first["signal"] != "TERM" || first["forwarded_as"] != "INT" || first["seconds"] != 1.0 ||
		first["sender_pid"] != 7.0 || second["forwarded_as"] != nil || m["signals_dropped"] != 4.0 {
		t.Errorf("%v", m)
	}
}
