package main

import (
	"bytes"
	"io"
	"os"

	"lastout/cmd/lastout/internal/facts"
	"lastout/cmd/lastout/internal/prom"
)

// writeMetrics replaces the metrics of the run before.
func (w *watch) writeMetrics(run *facts.Run) {
	if w.metrics == nil {
		return
	}
	begin := w.begin(run)
	m := prom.Run{
		Name: w.e.label(), Start: begin, Duration: run.End.Sub(begin), Status: run.Status,
		Leftovers: w.total.leftovers, Retries: max(w.total.attempts-1, 0), PeakMemory: w.total.peakMemory,
	}
	if m.Success = prom.Seconds(run.End); !run.Succeeded() {
		m.Success = lastSuccess(w.metrics.Name(), m.Name)
	}
	writeOutput(w.e.m, "metrics", w.metrics, func() ([]byte, error) {
		var b bytes.Buffer
		_, err := m.WriteTo(&b)
		return b.Bytes(), err
	})
}

// maxMetrics bounds what is read of a file that may be anybody's.
const maxMetrics = 1 << 20

// lastSuccess is when the last run that succeeded has ended, by a file of metrics; 0 where that does not say it.
func lastSuccess(path, name string) float64 {
	if info, err := os.Stat(path); err != nil || !info.Mode().IsRegular() {
		return 0
	}
	f, err := os.Open(path)
	if err != nil {
		return 0
	}
	defer f.Close()
	return prom.LastSuccess(io.LimitReader(f, maxMetrics), name)
}
