package prom

import (
	"bytes"
	"os"
	"os/exec"
	"strings"
	"testing"
	"time"
)

var sample = Run{
	Name: "backup", Start: time.UnixMilli(1_700_000_000_250), Success: 1_700_000_003.5,
	Duration: 3250 * time.Millisecond,
	Status:   143, Leftovers: 2, Retries: 1, PeakMemory: 12 << 20,
}

const sampleText = `# HELP lastout_start_timestamp_seconds When the last run started.
# TYPE lastout_start_timestamp_seconds gauge
lastout_start_timestamp_seconds{name="backup"} 1700000000.25
# HELP lastout_success_timestamp_seconds When the last run that succeeded ended.
# TYPE lastout_success_timestamp_seconds gauge
lastout_success_timestamp_seconds{name="backup"} 1700000003.5
# HELP lastout_duration_seconds How long the last run took, with all attempts.
# TYPE lastout_duration_seconds gauge
lastout_duration_seconds{name="backup"} 3.25
# HELP lastout_exit_status Exit status of the last run, 128+n for signal n.
# TYPE lastout_exit_status gauge
lastout_exit_status{name="backup"} 143
# HELP lastout_leftover_processes Processes that the last run left behind, and that were ended.
# TYPE lastout_leftover_processes gauge
lastout_leftover_processes{name="backup"} 2
# HELP lastout_retries How many attempts the last run made after its first.
# TYPE lastout_retries gauge
lastout_retries{name="backup"} 1
# HELP lastout_peak_memory_bytes Largest resident set of any process of the last run.
# TYPE lastout_peak_memory_bytes gauge
lastout_peak_memory_bytes{name="backup"} 12582912
`

func text(t *testing.T, r Run) string {
	t.Helper()
	var b bytes.Buffer
	if _, err := r.WriteTo(&b); err != nil {
		t.Fatal(err)
	}
	return b.String()
}

func TestText(t *testing.T) {
	if got := text(t, sample); got != sampleText {
		t.Errorf("got\n%s\nwant\n%s", got, sampleText)
	}
}

func TestNeverSucceeded(t *testing.T) {
	r := sample
	r.Success = 0
	if got := text(t, r); strings.Contains(got, "success") {
		t.Errorf("it has not succeeded yet:\n%s", got)
	}
}

// Names that a job may have been given.
var names = []string{"backup", "", `a "b" \c`, "two\nlines", "\xff\xfe", "größe", "{}=,"}

func TestNames(t *testing.T) {
	for _, name := range names {
		r := sample
		r.Name = name
		got := text(t, r)
		if n := strings.Count(got, "\n"); n != 21 {
			t.Errorf("name %q: %d lines, want 21:\n%s", name, n, got)
		}
		if s := LastSuccess(strings.NewReader(got), name); s != sample.Success {
			t.Errorf("name %q: last success %v is read again as %v", name, sample.Success, s)
		}
		if s := LastSuccess(strings.NewReader(got), name+"x"); s != 0 {
			t.Errorf("name %q: %v is taken for that of another name", name, s)
		}
	}
}

func TestLastSuccessOfSomethingElse(t *testing.T) {
	for _, old := range []string{"", "\n\n", "lastout_success_timestamp_seconds{name=\"backup\"} NaN\n",
		"lastout_success_timestamp_seconds{name=\"backup\"} \n",
		"lastout_success_timestamp_seconds{name=\"backup\"} -1\n",
		"lastout_success_timestamp_seconds{name=\"backup\"} +Inf", "\x00\x01", strings.Repeat("x", 1<<20)} {
		if s := LastSuccess(strings.NewReader(old), "backup"); s != 0 {
			t.Errorf("%.60q: %v, want none", old, s)
		}
	}
}

// TestPromtool asks Prometheus itself, of Debian's package prometheus.
func TestPromtool(t *testing.T) {
	promtool, err := exec.LookPath("promtool")
	if err != nil {
		if os.Getenv("LASTOUT_REQUIRE_PEERS") == "1" {
			t.Fatal(err)
		}
		t.Skip(err)
	}
	for _, name := range names {
		r := sample
		r.Name = name
		cmd := exec.Command(promtool, "check", "metrics")
		cmd.Stdin = strings.NewReader(text(t, r))
		if out, err := cmd.CombinedOutput(); err != nil || len(out) > 0 {
			t.Errorf("name %q: %v: %s", name, err, out)
		}
	}
}

func FuzzLastSuccess(f *testing.F) {
	f.Add(sampleText, "backup")
	f.Fuzz(func(t *testing.T, old, name string) {
		if s := LastSuccess(strings.NewReader(old), name); s < 0 || s != s {
			t.Errorf("%v", s)
		}
	})
}
