//go:build linux

package main_test

import (
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"testing"

	"golang.org/x/sys/unix"

	"lastout/testdata/box"
)

// traceEvent is what Perfetto reads of an event (Trace Event Format, Google, 2016).
type traceEvent struct {
	Name  string         `json:"name"`
	Phase string         `json:"ph"`
	Time  *float64       `json:"ts"`
	Dur   *float64       `json:"dur"`
	PID   *int           `json:"pid"`
	TID   *int           `json:"tid"`
	Scope string         `json:"s"`
	Args  map[string]any `json:"args"`
}

func readTrace(t testing.TB, path string) (events []traceEvent, other map[string]any) {
	t.Helper()
	data, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	var doc struct {
		Events []traceEvent   `json:"traceEvents"`
		Unit   string         `json:"displayTimeUnit"`
		Other  map[string]any `json:"otherData"`
	}
	if err := json.Unmarshal(data, &doc); err != nil {
		t.Fatalf("%v: %q", err, data)
	}
	if doc.Unit != "ms" {
		t.Errorf("displayTimeUnit is %q", doc.Unit)
	}
	for _, e := range doc.Events {
		checkEvent(t, e)
	}
	return doc.Events, doc.Other
}

// checkEvent asserts what the format asks of an event.
func checkEvent(t testing.TB, e traceEvent) {
	t.Helper()
	switch {
	case e.Name == "" || e.Time == nil || *e.Time < 0 || e.PID == nil || e.TID == nil:
		t.Errorf("a field is missing: %+v", e)
	case e.Phase == "X" && (e.Dur == nil || *e.Dur < 0):
		t.Errorf("no duration: %+v", e)
	case e.Phase == "i" && e.Scope != "p":
		t.Errorf("an instant that is not of the process: %+v", e)
	case e.Phase == "M" && (e.Name != "process_name" && e.Name != "thread_name" || e.Args["name"] == ""):
		t.Errorf("no name: %+v", e)
	case e.Phase != "X" && e.Phase != "i" && e.Phase != "M":
		t.Errorf("what phase is that: %+v", e)
	}
}

// TestTrace: a track of its own for everybody who was reaped, from birth to death, and instants for
// signals.
func TestTrace(t *testing.T) {
	underBoth(t, func(t *testing.T, b *box.Box, flag string) {
		path := filepath.Join(t.TempDir(), "trace.json")
		s := play(t, b, b.Command(box.Lastout(t), flag, "--grace", "300ms", "--trace", path, trap(t, "grove")))
		leader, _ := s.ready()
		s.signal(s.pid(), unix.SIGWINCH)
		s.in.Close()
		s.end(7)
		events, other := readTrace(t, path)
		tracks, leftovers, leaders := map[int]int{}, 0, 0
		end := 0.0
		for _, e := range events {
			if e.Phase == "X" && *e.TID != s.pid() {
				tracks[*e.TID]++
				end = max(end, *e.Time+*e.Dur)
			}
			if e.Args["leftover"] == true {
				leftovers++
			}
			if e.Args["leader"] == true && *e.TID == leader && e.Args["exit_status"] == 7.0 {
				leaders++
			}
		}
		if float64(len(tracks)) < other["processes_reaped"].(float64) || leftovers == 0 || leaders != 1 {
			t.Errorf("%d tracks, %d leftovers, %d leaders; %v", len(tracks), leftovers, leaders, other)
		}
		for tid, n := range tracks {
			if n != 1 {
				t.Errorf("%d processes on track %d", n, tid)
			}
		}
		checkPhases(t, events, s.pid(), end)
	})
}

// checkPhases asserts that our own track shows the command, then what it left, until all had ended;
// and the signal.
func checkPhases(t *testing.T, events []traceEvent, runner int, end float64) {
	t.Helper()
	own := map[string]traceEvent{}
	for _, e := range events {
		if e.TID != nil && *e.TID == runner {
			own[e.Phase+e.Name] = e
		}
	}
	command, left, signal := own["Xcommand"], own["Xleftovers"], own["iSIGWINCH"]
	if command.Dur == nil || left.Dur == nil || signal.Time == nil {
		t.Fatalf("our track has %+v", own)
	}
	if over := *left.Time + *left.Dur; *command.Time+*command.Dur > *left.Time+1 || over+1 < end {
		t.Errorf("the command from %v for %v, leftovers from %v to %v, the last ended at %v", *command.Time,
			*command.Dur, *left.Time, over, end)
	}
	if fmt.Sprint(signal.Args["sender_pid"]) != fmt.Sprint(float64(os.Getpid())) {
		t.Errorf("the signal came from %v, want %d", signal.Args["sender_pid"], os.Getpid())
	}
}
