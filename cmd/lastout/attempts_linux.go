package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"time"

	"lastout/cmd/lastout/internal/backoff"
	"lastout/cmd/lastout/internal/facts"
	"lastout/cmd/lastout/internal/guardian"
	"lastout/cmd/lastout/internal/lockfile"
	"lastout/jobs"
	"lastout/subreaper"
)

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
	w.lock, err = lockfile.Acquire(string(w.want.lock), w.want.lockWait.d, w.gate.ended,
		func(busy *lockfile.BusyError) {
			w.logger.Info("waiting", "lock", busy.Path, "holder", busy.Holder)
		})
	if errors.Is(err, lockfile.ErrInterrupted) {
		return w.interrupted()
	}
	if err != nil {
		return err
	}
	w.lock.Name(guardian.PID(), time.Now(), shorten(printable(w.e.commandText()), maxCommand))
	w.e.job.Hold = []*os.File{w.lock.File()}
	return nil
}

// attempts runs the job until it succeeds or has had its attempts, and returns the facts about the
// last one.
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

// silent reports whether an error needs no words: that of a signal never does, that of a lock not
// with -q.
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
		return verdict{status: int(w.want.lockStatus), because: becauseLock}
	case errors.As(err, &interrupted) && !errors.As(err, &survivors):
		return verdict{status: statusSignal + int(interrupted.sig), signal: interrupted.sig}
	}
	return v
}

// attempt makes one attempt, and reports whether there is to be another. If so, it has waited for
// that.
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

func (w *watch) count(run *facts.Run) {
	w.total.attempts = run.Attempt
	if run.Result != nil {
		w.total.leftovers += run.Result.LeftoverCount
		w.total.peakMemory = max(w.total.peakMemory, run.Result.Usage.MaxRSS)
	}
}

// worthAnother reports whether a run is to be tried again. One whose tree is not gone never is, nor
// is one that was told to end.
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
