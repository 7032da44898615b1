// Package prom writes what became of a run in Prometheus' text format, as node_exporter's textfile
// collector reads it (https://prometheus.io/docs/instrumenting/exposition_formats/).
package prom

import (
	"bufio"
	"bytes"
	"fmt"
	"io"
	"strconv"
	"strings"
	"time"
)

// Run is what is told of a run. All of its metrics are gauges with one label, name.
type Run struct {
	Name       string
	Start      time.Time
	Success    float64 // when the last run that succeeded ended, in seconds since the epoch; 0: none is known of
	Duration   time.Duration
	Status     int
	Leftovers  int
	Retries    int
	PeakMemory int64 // bytes
}

const (
	prefix  = "lastout_"
	success = prefix + "success_timestamp_seconds"
)

// WriteTo writes the text.
func (r *Run) WriteTo(w io.Writer) (int64, error) {
	var b bytes.Buffer
	label := `{name="` + escape(r.Name) + `"} `
	gauge := func(name, help string, value float64) {
		fmt.Fprintf(&b, "# HELP %s %s\n# TYPE %[1]s gauge\n%[1]s%[3]s%[4]s\n", name, help, label, number(value))
	}
	gauge(prefix+"start_timestamp_seconds", "When the last run started.", Seconds(r.Start))
	if r.Success > 0 {
		gauge(success, "When the last run that succeeded ended.", r.Success)
	}
	gauge(prefix+"duration_seconds", "How long the last run took, with all attempts.", r.Duration.Seconds())
	gauge(prefix+"exit_status", "Exit status of the last run, 128+n for signal n.", float64(r.Status))
	gauge(prefix+"leftover_processes", "Processes that the last run left behind, and that were ended.",
		float64(r.Leftovers))
	gauge(prefix+"retries", "How many attempts the last run made after its first.", float64(r.Retries))
	gauge(prefix+"peak_memory_bytes", "Largest resident set of any process of the last run.", float64(r.PeakMemory))
	return b.WriteTo(w)
}

// Seconds returns a time in seconds since the epoch, to the millisecond.
func Seconds(t time.Time) float64 { return float64(t.UnixMilli()) / 1000 }

func number(f float64) string { return strconv.FormatFloat(f, 'f', -1, 64) }

// escape is for the value of a label, which is UTF-8.
func escape(s string) string {
	s = strings.ToValidUTF8(s, "\uFFFD")
	return strings.NewReplacer(`\`, `\\`, `"`, `\"`, "\n", `\n`).Replace(s)
}

// LastSuccess reads from a text of WriteTo when the last run of a name that succeeded has ended; 0
// where it does not tell.
func LastSuccess(text io.Reader, name string) float64 {
	before := success + `{name="` + escape(name) + `"} `
	lines := bufio.NewScanner(text)
	for lines.Scan() {
		if value, ok := strings.CutPrefix(lines.Text(), before); ok {
			f, err := strconv.ParseFloat(value, 64)
			if err != nil || f < 0 || f > 1e12 || f != f {
				return 0
			}
			return f
		}
	}
	return 0
}
