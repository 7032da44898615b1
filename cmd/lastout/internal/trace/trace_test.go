package trace

import (
	"encoding/json"
	"syscall"
	"testing"
	"time"

	"lastout/cmd/lastout/internal/facts"
	"lastout/jobs"
	"lastout/subreaper"
)

// A process id that is used twice gets two tracks; a leftover whose own parent reaped it is there
// as well; what began before the run begins with it; and a name that is not UTF-8 does no harm.
func TestChrome(t *testing.T) {
	start := time.Now()
	after := func(s float64) time.Time { return start.Add(time.Duration(s * float64(time.Second))) }
	ended := func(pid int, comm string, age time.Duration, at float64) jobs.Ended {
		return jobs.Ended{Exit: subreaper.Exit{PID: pid, Comm: comm, Age: age}, At: after(at)}
	}
	run := &facts.Run{Start: start, End: after(3), Result: &jobs.Result{
		PID: 10, Started: after(0.5), Exited: after(1), Settled: after(2), Reaped: 9,
		Ended: []jobs.Ended{ended(10, "first", time.Second, 1), ended(11, "old", time.Hour, 1),
			ended(11, "again\xff", 100*time.Millisecond, 1.5)},
		Leftovers: []jobs.Leftover{{Process: subreaper.Process{PID: 12, Comm: "other's",
			Age: 250 * time.Millisecond}, End: jobs.ByKill}},
	}, Signals: []facts.Signal{{At: after(0.75), Signal: syscall.SIGTERM, As: syscall.SIGINT, Sender: 5}}}
	data, err := Chrome(run)
	if err != nil {
		t.Fatal(err)
	}
	var got struct {
		Events []event        `json:"traceEvents"`
		Other  map[string]any `json:"otherData"`
	}
	if err := json.Unmarshal(data, &got); err != nil {
		t.Fatal(err)
	}
	spans := map[string][3]float64{}
	for _, e := range got.Events {
		if e.Phase == "X" {
			spans[e.Name] = [3]float64{float64(e.TID), e.Time, *e.Dur}
		}
		if e.Phase == "i" && (e.Name != "SIGTERM" || e.Time != 750000 || e.Args["forwarded_as"] != "INT" ||
			e.Args["sender_pid"] != 5.0) {
			t.Errorf("the signal is %+v", e)
		}
	}
	for name, want := range map[string][3]float64{
		"first 10":       {10, 500000, 500000},
		"old 11":         {11, 0, 1000000},
		"again\uFFFD 11": {11 + pidSpace, 1400000, 100000},
		"other's 12":     {12, 750000, 1250000},
	} {
		if spans[name] != want {
			t.Errorf("%s: track, begin and duration are %v, want %v", name, spans[name], want)
		}
	}
	if got.Other["processes_dropped"] != 6.0 {
		t.Errorf("%v are dropped, want 6", got.Other["processes_dropped"])
	}
}

func TestChromeNotStarted(t *testing.T) {
	data, err := Chrome(&facts.Run{Start: time.Now(), End: time.Now(), Status: 127})
	if err != nil || !json.Valid(data) {
		t.Errorf("%s, %v", data, err)
	}
}
