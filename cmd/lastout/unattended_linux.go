package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"os"
	"strconv"
	"time"

	"lastout/cmd/lastout/internal/backoff"
	"lastout/cmd/lastout/internal/eventlog"
	"lastout/cmd/lastout/internal/facts"
	"lastout/cmd/lastout/internal/holdback"
	"lastout/cmd/lastout/internal/lockfile"
	"lastout/cmd/lastout/internal/outfile"
	"lastout/jobs"
	"lastout/subreaper"
)

// watch is what an unattended run needs beside its job. In a run that asks for nothing of it there is none: a nil watch.
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
	}
	if want.lock != "" {
		if err := lockfile.Check(string(want.lock)); err != nil {
			return nil, fmt.Errorf("--lock: %w", err)
		}
	}
	if want.quietSuccess {
		w.output = holdback.New(want.tail.Tail)
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

// passed reports whether there is a descriptor that the job is not to have.
func (w *watch) passed() bool { return w != nil && w.metrics != nil && w.metrics.Passed() }

// once reports whether the runner has one job to run.
func (w *watch) once() bool { return w == nil || w.want.retries == 0 && !w.want.hooks() }

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
		h := w.events.WithAttrs([]slog.Attr{slog.String("name", w.e.label()), slog.Int("run", os.Getpid())})
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

// before waits for the moment to start. Its error is why there is nothing to be started.
func (w *watch) before(ctx context.Context) error {
	w.record.Info("begin", "command", w.e.commandText())
	if err := w.wait(backoff.Random(w.want.jitter.d)); err != nil {
		return err
	}
	if err := w.takeLock(); err != nil {
		return err
	}
	if err := w.interrupted(); err != nil {
		return err
	}
	w.begun = true
	w.hook(ctx, "start", w.want.onStart, nil)
	return w.interrupted()
}

// wait returns after some time, or with an error when somebody wants an end.
func (w *watch) wait(d time.Duration) error {
	if d > 0 {
		timer := time.NewTimer(d)
		defer timer.Stop()
		select {
		case <-timer.C:
		case <-w.gate.ended:
		}
	}
	return w.interrupted()
}

func (w *watch) interrupted() error {
	if sig := w.gate.wanted(); sig != 0 {
		return interruptedError{sig}
	}
	return nil
}

func (w *watch) takeLock() (err error) {
	if w.want.lock == "" {
		return nil
	}
	w.lock, err = lockfile.Acquire(string(w.want.lock), w.want.lockWait.d, w.gate.ended, func(busy *lockfile.BusyError) {
		w.logger.Info("waiting", "lock", busy.Path, "holder", busy.Holder)
	})
	if errors.Is(err, lockfile.ErrInterrupted) {
		return w.interrupted()
	}
	if err != nil {
		return err
	}
	w.lock.Name(os.Getpid(), time.Now(), shorten(printable(w.e.commandText()), maxCommand))
	w.e.job.Hold = []*os.File{w.lock.File()}
	return nil
}

// attempts runs the job until it succeeds or has had its attempts, and returns the facts about the last one.
func (e *execution) attempts(ctx context.Context) *facts.Run {
	w := e.watch
	if w == nil {
		return e.attempt(ctx)
	}
	if err := w.before(ctx); err != nil {
		return e.finish(ctx, time.Now(), nil, err)
	}
	w.start = time.Now()
	for n := 1; ; n++ {
		run, again := w.attempt(ctx, n)
		if !again {
			return run
		}
	}
}

// silent reports whether an error needs no words: that of a signal never does, that of a lock not with -q.
func (e *execution) silent(err error) bool {
	var busy *lockfile.BusyError
	return errors.As(err, new(interruptedError)) || e.quiet && errors.As(err, &busy)
}

// verdict replaces that of a run which was not to be, or not to go on.
func (w *watch) verdict(v verdict, err error) verdict {
	if w == nil {
		return v
	}
	var busy *lockfile.BusyError
	var survivors *subreaper.SurvivorError
	var interrupted interruptedError
	switch {
	case errors.As(err, &busy):
		return verdict{status: int(w.want.lockStatus)}
	case errors.As(err, &interrupted) && !errors.As(err, &survivors):
		return verdict{statusSignal + int(interrupted.sig), interrupted.sig}
	}
	return v
}

// attempt makes one attempt, and reports whether there is to be another. If so, it has waited for that.
func (w *watch) attempt(ctx context.Context, n int) (run *facts.Run, again bool) {
	e := w.e
	start := time.Now()
	result, err := w.perform(ctx)
	run = e.settled(start, result, err)
	if again = w.worthAnother(run, n); !again {
		run = e.finish(ctx, start, result, err)
	}
	run.Attempt, run.Attempts = n, int(w.want.retries)+1
	w.count(run)
	if !again {
		return run, false
	}
	if err := w.pause(run); err != nil {
		run = e.finish(ctx, start, result, err)
		run.Attempt, run.Attempts = n, int(w.want.retries)+1
		return run, false
	}
	return run, true
}

// perform runs the job, with its output held back where that is wanted.
func (w *watch) perform(ctx context.Context) (*jobs.Result, error) {
	job := w.e.job
	if w.output != nil {
		pipes, err := w.output.Collect(sameFile(job.Stdout, job.Stderr))
		if err != nil {
			return nil, err
		}
		job.Stdout, job.Stderr = pipes.Stdout, pipes.Stderr
		defer pipes.Finish()
	}
	if !w.gate.enter() {
		return nil, w.interrupted()
	}
	defer w.gate.leave()
	return w.e.runner.Run(ctx, job)
}

// sameFile reports whether two streams lead to the same place (fstat(2)).
func sameFile(a, b io.Writer) bool {
	f, ok1 := a.(*os.File)
	g, ok2 := b.(*os.File)
	if !ok1 || !ok2 {
		return a == b
	}
	fi, err1 := f.Stat()
	gi, err2 := g.Stat()
	return err1 == nil && err2 == nil && os.SameFile(fi, gi)
}

func (w *watch) count(run *facts.Run) {
	w.total.attempts = run.Attempt
	if run.Result != nil {
		w.total.leftovers += run.Result.LeftoverCount
		w.total.peakMemory = max(w.total.peakMemory, run.Result.Usage.MaxRSS)
	}
}

// worthAnother reports whether a run is to be tried again. One whose tree is not gone never is, nor is one that was told to end.
func (w *watch) worthAnother(run *facts.Run, n int) bool {
	var survivors *subreaper.SurvivorError
	switch {
	case n > int(w.want.retries), run.Succeeded(), w.gate.wanted() != 0, errors.As(run.Err, &survivors):
		return false
	case len(w.want.retryOn) > 0:
		return w.want.retryOn[run.Status]
	}
	return run.Status < statusFailed || run.Status > statusNotFound
}

// pause waits before the next attempt.
func (w *watch) pause(run *facts.Run) error {
	delay := backoff.Delay(w.want.retryDelay.d, run.Attempt)
	w.logger.Info("retry", "attempt", run.Attempt, "status", run.Status, "delay", delay.Seconds())
	w.note("%s, the next in %s", outcome(run), age(delay))
	return w.wait(delay)
}

// note says something that is of interest only if the run fails in the end.
func (w *watch) note(format string, args ...any) {
	if w.output == nil {
		w.e.m.say(format, args...)
		return
	}
	held := messages{w: heldStderr{w.output}}
	held.say(format, args...)
}

// heldStderr is standard error as far as it is held back.
type heldStderr struct{ *holdback.Output }

func (h heldStderr) Write(b []byte) (int, error) {
	h.Output.Write(holdback.Stderr, b)
	return len(b), nil
}

// outcome is what became of an attempt, in words.
func outcome(run *facts.Run) string {
	text := shorten(run.Name, maxCommand) + ": "
	var interrupted interruptedError
	switch {
	case errors.As(run.Err, &interrupted):
		text += interrupted.Error() + " before the next attempt"
	case !run.Started():
		text += run.Err.Error()
	case run.TimedOut():
		text += fmt.Sprintf("timed out after %s", age(run.Wall()))
	case diedOf(run) != "":
		text += fmt.Sprintf("died of %s after %s", diedOf(run), age(run.Wall()))
	default:
		text += fmt.Sprintf("exit status %d after %s", run.Status, age(run.Wall()))
	}
	if run.Result != nil && run.Result.LeftoverCount > 0 {
		text += fmt.Sprintf(", left %d behind", run.Result.LeftoverCount)
	}
	if run.Attempts > 1 {
		text += fmt.Sprintf(", attempt %d of %d", run.Attempt, run.Attempts)
	}
	return text
}

// show shows what was held back, if anybody is to see it.
func (w *watch) show(run *facts.Run) {
	if w == nil || w.output == nil || !w.begun || run.Succeeded() && !run.TimedOut() && run.Leaks == 0 {
		return
	}
	out := [...]*os.File{holdback.Stdout: stdStream(w.e.job.Stdout), holdback.Stderr: stdStream(w.e.job.Stderr)}
	if n, unit := w.output.Cut(w.want.tail.Tail); n > 0 {
		w.e.m.say("the first %d %s of the output are not shown", n, unit)
	}
	w.output.Show(w.want.tail.Tail, func(s holdback.Stream, data []byte) {
		writeBytes(out[s], data)
	})
	if n, err := w.output.Lost(); err != nil {
		w.e.m.say("%d bytes of the output could not be held back, and are lost: %v", n, err)
	}
	if !run.Succeeded() && run.Started() && !run.TimedOut() {
		w.e.m.say("%s", outcome(run))
	}
}

// writeBytes is writeQuietly without a copy: there may be gigabytes.
func writeBytes(f *os.File, data []byte) {
	if f == nil {
		return
	}
	if raw, err := f.SyscallConn(); err == nil {
		_ = raw.Control(func(fd uintptr) { writeAll(int(fd), data) })
	}
}

func stdStream(s io.Writer) *os.File {
	f, _ := s.(*os.File)
	return f
}

// over is what is done when the run is over and has been reported: metrics, hooks, the last event.
func (w *watch) over(ctx context.Context, run *facts.Run) {
	if w == nil {
		return
	}
	for _, l := range run.Leftovers[:min(len(run.Leftovers), maxReported)] {
		w.record.Warn("leftover", "pid", strconv.Itoa(l.PID), "command", l.Cmdline, "age", l.Age.Seconds(), "ended", l.End.String())
	}
	if w.begun {
		w.writeMetrics(run)
		w.endHooks(ctx, run)
	}
	w.record.Info("over", "status", run.Status, "seconds", run.End.Sub(w.begin(run)).Seconds(), "attempts", w.total.attempts,
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
	if w.output != nil {
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
