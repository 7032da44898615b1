package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"slices"
	"strconv"
	"strings"

	"lastout/cmd/lastout/internal/facts"
	"lastout/cmd/lastout/internal/holdback"
	"lastout/jobs"

	"golang.org/x/sys/unix"
)

// factPrefix begins the variables that tell a hook of the run. No flag begins with run-, so that
// none of them sets one.
const factPrefix = "LASTOUT_RUN_"

// endHooks runs what is to be run when a run is over.
func (w *watch) endHooks(ctx context.Context, run *facts.Run) {
	if run.Succeeded() {
		w.hook(ctx, "success", w.want.onSuccess, run)
	} else {
		w.hook(ctx, "failure", w.want.onFailure, run)
	}
	if run.Leaks > 0 {
		w.hook(ctx, "leak", w.want.onLeak, run)
	}
}

// hook runs a command line like a job, with the same promise. What is wrong with it is said, and
// changes nothing. run is nil at the start.
func (w *watch) hook(ctx context.Context, event string, line hookLine, run *facts.Run) {
	if line == "" {
		return
	}
	job, done, err := w.hookJob(event, line, run)
	if err == nil {
		err = w.runHook(ctx, job)
		done()
	}
	if err == nil {
		w.record.Info("hook", "event", event)
		return
	}
	w.e.m.say("--on-%s: %v", event, err)
	w.record.Warn("hook", "event", event, "error", err.Error())
}

func (w *watch) runHook(ctx context.Context, job jobs.Job) error {
	w.gate.force()
	defer w.gate.leave()
	result, err := w.e.runner.Run(ctx, job)
	switch {
	case err != nil:
		return err
	case result.TimedOut:
		return fmt.Errorf("timed out after %s", job.Timeout)
	case result.Status.Signaled():
		return fmt.Errorf("died of %s", signalName(result.Status.Signal()))
	case result.Status.ExitStatus() != 0:
		return fmt.Errorf("exit status %d", result.Status.ExitStatus())
	case result.LeftoverCount == 1:
		return errors.New("left 1 process behind, which was ended")
	case result.LeftoverCount > 1:
		return fmt.Errorf("left %d processes behind, which were ended", result.LeftoverCount)
	}
	return nil
}

// hookJob makes a job of a hook. It runs where lastout was started: the directory of the command is
// the command's, who may have put a program there that has the name of ours. Its output goes to
// standard error: lastout's standard output is the command's.
func (w *watch) hookJob(event string, line hookLine, run *facts.Run) (job jobs.Job, done func(), err error) {
	e := w.e
	job = jobs.Job{
		Args: commandLine(string(line), e.env, ""), Env: w.hookEnv(event, run), Grace: e.job.Grace,
		Stdout: e.job.Stderr, Stderr: e.job.Stderr, Timeout: w.want.hookTimeout.d, GiveUp: e.job.GiveUp,
		NoNewPrivs: e.job.NoNewPrivs, Hold: e.job.Hold,
	}
	done = func() {}
	if run == nil {
		return job, done, nil
	}
	report, err := run.JSON()
	if err != nil {
		return job, done, err
	}
	job.Stdin = bytes.NewReader(report)
	if w.output == nil || w.aborted {
		return job, done, nil
	}
	f, err := w.hookOutput()
	if err != nil {
		return job, done, err
	}
	job.ExtraFiles = []*os.File{f}
	job.Env = append(job.Env, factPrefix+"OUTPUT=/proc/self/fd/3")
	return job, func() { f.Close() }, nil
}

// hookEnv is the environment without what sets flags: a lastout that a hook runs is not to take our
// lock or run our hooks.
func (w *watch) hookEnv(event string, run *facts.Run) []string {
	env := slices.DeleteFunc(slices.Clone(w.e.env), func(v string) bool { return strings.HasPrefix(v, "LASTOUT_") })
	add := func(name, value string) { env = append(env, factPrefix+name+"="+strings.ReplaceAll(value, "\x00", "")) }
	add("EVENT", event)
	add("NAME", w.e.label())
	add("COMMAND", shorten(w.e.commandText(), maxHookCommand))
	if run == nil {
		return env
	}
	add("STATUS", strconv.Itoa(run.Status))
	add("SIGNAL", diedOf(run))
	add("TIMED_OUT", strconv.FormatBool(run.TimedOut()))
	add("SECONDS", strconv.FormatFloat(run.End.Sub(w.begin(run)).Seconds(), 'f', 3, 64))
	add("LEFTOVERS", strconv.Itoa(w.total.leftovers))
	add("ATTEMPTS", strconv.Itoa(w.total.attempts))
	return env
}

// diedOf is the signal that is behind a status above 128; "" if none is.
func diedOf(run *facts.Run) string {
	switch {
	case run.Signal != 0:
		return signalName(run.Signal)
	case run.Status > statusSignal && run.Started() && run.Result.Status.Signaled(): // as PID 1, or one that dumps core
		return signalName(run.Result.Status.Signal())
	}
	return ""
}

// maxHookCommand is less than what execve(2) takes of one variable, 128 KiB.
const maxHookCommand = 10_000

const (
	hookTail    = 10 << 10 // bytes of output that a hook gets, where --tail does not say
	maxHookTail = 1 << 20  // it is in memory
)

// hookOutput is the end of what was held back, in a file without a name (memfd_create(2), Linux
// 3.17).
func (w *watch) hookOutput() (*os.File, error) {
	fd, err := unix.MemfdCreate("output", unix.MFD_CLOEXEC)
	if err != nil {
		return nil, fmt.Errorf("memfd_create: %w", err)
	}
	f := os.NewFile(uintptr(fd), "output")
	var end []byte
	tail := w.want.tail.Tail
	if tail == (holdback.Tail{}) {
		tail.Bytes = hookTail
	}
	w.output.Show(tail, func(_ holdback.Stream, data []byte) {
		end = append(end, data...)
		end = end[max(0, len(end)-maxHookTail):]
	})
	if _, err = f.Write(end); err == nil {
		_, err = f.Seek(0, 0)
	}
	if err != nil {
		f.Close()
	}
	return f, err
}
