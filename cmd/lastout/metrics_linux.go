package main

import (
	"bytes"
	"io"

	"lastout/cmd/lastout/internal/facts"
	"lastout/cmd/lastout/internal/outfile"
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
		m.Success = lastSuccess(w.metrics, m.Name)
	}
	writeOutput(w.e.m, "metrics", w.metrics, func() ([]byte, error) {
		var b bytes.Buffer
		_, err := m.WriteTo(&b)
		return b.Bytes(), err
	}, w.e.last.ended)
}

// maxMetrics bounds what is read of a file that may be anybody's.
const maxMetrics = 1 << 20

// lastSuccess is when the last run that succeeded has ended, by a file of metrics; 0 where that
// does not say it.
func lastSuccess(file *outfile.File, name string) float64 {
	old, err := file.Open()
	if err != nil {
		return 0
	}
	defer old.Close()
	return prom.LastSuccess(io.LimitReader(old, maxMetrics), name)
}
