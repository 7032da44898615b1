package main

import (
	"context"
	"fmt"
	"log/slog"
	"strconv"
	"time"

	"lastout/cmd/lastout/internal/eventlog"
	"lastout/cmd/lastout/internal/facts"
	"lastout/cmd/lastout/internal/guardian"
	"lastout/cmd/lastout/internal/holdback"
	"lastout/cmd/lastout/internal/lockfile"
	"lastout/cmd/lastout/internal/outfile"
)

// watch is what an unattended run needs beside its job. In a run that asks for nothing of it there
// is none: a nil watch.
type watch struct {
	e       *execution
	want    *unattended
	gate    *gate
	lock    *lockfile.Lock
	output  *holdback.Output
	metrics *outfile.File
	events  *eventlog.Log
	logger  *slog.Logger // for -v and --log
	record  *slog.Logger // for --log alone: what is on standard error anyway

	aborted bool // the held output is still being shown: nobody reads it

	begun bool      // the start was announced, so its end is to be
	start time.Time // of the first attempt
	total totals
}

// totals are what all attempts of a run have in common.
type totals struct {
	attempts, leftovers int
	peakMemory          int64
}

// newWatch opens whatever may be refused, before anything is waited for or started.
func newWatch(e *execution) (w *watch, err error) {
	want := &e.unattended
	if !want.asked() {
		return nil, nil
	}
	nobody := slog.New(slog.DiscardHandler)
	w = &watch{e: e, want: want, gate: newGate(), logger: nobody, record: nobody}
	if want.metrics != "" {
		if w.metrics, err = checkOutput("metrics", want.metrics); err != nil {
			return nil, err
		}
		w.metrics.Mode = 0o644 // node_exporter is another user
	}
	if want.log != "" {
		if w.events, err = eventlog.Open(string(want.log), logLevel(e.verbose)); err != nil {
			return nil, fmt.Errorf("--log: %w", err)
		}
		w.events.Limit(int64(want.holdLimit), holdback.ErrLimit)
	}
	if want.lock != "" {
		if err := lockfile.Check(string(want.lock)); err != nil {
			return nil, fmt.Errorf("--lock: %w", err)
		}
	}
	if want.quietSuccess {
		w.output = holdback.New(want.tail.Tail, int64(want.holdLimit))
	}
	return w, nil
}

// logLevel is that of --log: what -v says, and with -vv what that says.
func logLevel(verbose int) slog.Level {
	if verbose > 1 {
		return slog.LevelDebug
	}
	return slog.LevelInfo
}

// door is the gate of a watch, nil for none.
func (w *watch) door() *gate {
	if w == nil {
		return nil
	}
	return w.gate
}

// log returns the logger for what lastout does: for -v, for --log, for both, or nil.
func (w *watch) log(said *slog.Logger) *slog.Logger {
	if w == nil {
		return said
	}
	if w.events != nil {
		h := w.events.WithAttrs([]slog.Attr{slog.String("name", w.e.label()), slog.Int("run", guardian.PID())})
		w.record = slog.New(h)
		if said != nil {
			h = slog.NewMultiHandler(said.Handler(), h)
		}
		said = slog.New(h)
	}
	if said != nil {
		w.logger = said
	}
	return said
}

// over is what is done when the run is over and has been reported: metrics, hooks, the last event.
func (w *watch) over(ctx context.Context, run *facts.Run) {
	if w == nil {
		return
	}
	for _, l := range run.Leftovers[:min(len(run.Leftovers), maxReported)] {
		w.record.Warn("leftover", "pid", strconv.Itoa(l.PID), "command", l.Cmdline, "age", l.Age.Seconds(),
			"ended", l.End.String())
	}
	if w.begun {
		w.writeMetrics(run)
		w.endHooks(ctx, run)
	}
	w.record.Info("over", "status", run.Status, "seconds", run.End.Sub(w.begin(run)).Seconds(), "attempts",
		w.total.attempts,
		"timed_out", run.TimedOut(), "leftovers", w.total.leftovers)
}

// begin is when the first attempt began.
func (w *watch) begin(run *facts.Run) time.Time {
	if w.start.IsZero() {
		return run.Start
	}
	return w.start
}

// close frees the lock, and says what the log has lost.
func (w *watch) close() {
	if w == nil {
		return
	}
	if w.output != nil && !w.aborted {
		w.output.Close()
	}
	if w.lock != nil {
		w.lock.Release()
	}
	if w.events != nil {
		if n, err := w.events.Lost(); n > 0 {
			w.e.m.say("--log: %d events are lost: %v", n, err)
		}
		w.events.Close()
	}
}
