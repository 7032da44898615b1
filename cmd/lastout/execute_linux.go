package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"slices"
	"strings"
	"syscall"
	"time"

	"lastout/cmd/lastout/internal/facts"
	"lastout/cmd/lastout/internal/guardian"
	"lastout/cmd/lastout/internal/trace"
	"lastout/jobs"
	"lastout/subreaper"

	"golang.org/x/sys/unix"
)

// execution is one run of lastout: what its attempts share.
type execution struct {
	*options
	m        *messages
	files    outputs
	runner   *jobs.Runner
	received received
	control  *jobControl
	watch    *watch // nil where nothing unattended is asked for
	last     lastWaits
}

// execute runs the job and returns the exit status, unless lastout is to die as the command did.
func (o *options) execute(ctx context.Context, m *messages, stdin io.Reader, stdout, stderr io.Writer) int {
	jobs.AwaitPrepared()
	guardian.Ready()
	switch guardian.Started() {
	case guardian.Heir:
		return o.inherit(ctx, m, stderr)
	case guardian.Settler:
		return o.settleHanded(ctx, m, stderr)
	}
	if o.undumpable && !guardian.Undumpable() {
		m.say("--undumpable: the kernel does not allow it here (PR_SET_DUMPABLE): leave it out")
		return statusFailed
	}
	e := &execution{options: o, m: m}
	err := e.files.check(o)
	if err == nil {
		e.watch, err = newWatch(e)
	}
	if err != nil {
		m.say("%v", err)
		return statusFailed
	}
	o.job.Stdin, o.job.Stdout, o.job.Stderr = passed(0, stdin), passed(1, stdout), passed(2, stderr)
	o.job.Env = o.commandEnv()
	o.job.Holders = !o.quiet || e.files.report != nil
	if e.files.trace != nil {
		o.job.Record = trace.MaxProcesses
	}
	run := e.run(ctx)
	e.over(ctx, run)
	o.outlastStop(run)
	if diedAtTerminal(run) {
		spread(run.Result.Status.Signal())
	}
	if run.Signal != 0 {
		guardian.Die(run.Signal)
	}
	return run.Status
}

// passed returns a standard stream for the command: a closed one where it was closed when lastout
// was started.
func passed[S any](fd int, stream S) S {
	if !guardian.Closed(fd) {
		return stream
	}
	closed := os.NewFile(^uintptr(0), "closed")
	if s, ok := any(closed).(S); ok {
		return s
	}
	return stream
}

// run does the attempts there are, and returns the facts about the last.
func (e *execution) run(ctx context.Context) *facts.Run {
	if err := e.open(); err != nil {
		e.m.say("%v", err)
		return e.settled(time.Now(), nil, err)
	}
	return e.attempts(ctx)
}

// open makes the runner that the attempts have in common.
func (e *execution) open() error {
	e.control = &jobControl{}
	var err error
	e.runner, err = jobs.NewRunner(jobs.Options{
		Exclusive: true,
		InProcess: true,
		Origin: jobs.Origin{
			PID: guardian.PID(), Inherited: guardian.Inherited(), Names: guardian.Names(),
			Release: guardian.Release(),
		},
		Spare:  guardian.Spare(),
		Logger: e.watch.log(e.m.logger(e.verbose)),
		Events: e.events(),
	})
	if err != nil {
		return err
	}
	e.control.runner = e.runner
	degraded(e.m, e.runner, e.keeper.word)
	guardian.Receive(e.receive)
	if err := guardian.Watch(e.abandon); err != nil {
		return err
	}
	if e.dieWithParent {
		if err := guardian.WatchCaller(e.abandon); err != nil {
			return fmt.Errorf("--die-with-parent: %w", err)
		}
	}
	return nil
}

func (e *execution) events() jobs.Events {
	known := guardian.Keep()
	return jobs.Events{
		Survivors: e.m.survivors,
		Stopped:   e.control.stopped,
		Resumed:   guardian.GoOn,
		Lent:      guardian.KeepTerminal,
		Cgroup:    guardian.KeepCgroup,
		Exited:    func(st syscall.WaitStatus) { known.Status, known.Exited = st, true },
		Ending:    func(timedOut, stopped bool) { known.TimedOut, known.Stopped = timedOut, stopped },
		Started: func(pid int) {
			known.Start(pid)
			e.watch.door().started(e.runner)
		},
	}
}

// attempt runs the job once, and returns when nothing is left of it.
func (e *execution) attempt(ctx context.Context) *facts.Run {
	start := time.Now()
	result, err := e.runner.Run(ctx, e.job)
	return e.finish(ctx, start, result, err)
}

// finish ends what an attempt that is the last one has not: nothing is left when it returns.
func (e *execution) finish(ctx context.Context, start time.Time, result *jobs.Result, err error) *facts.Run {
	if result == nil {
		if !e.silent(err) {
			e.m.say("%v", err)
		}
		_, _ = e.settle(ctx) // what an exec handed to us
		return e.settled(start, nil, err)
	}
	var survivors *subreaper.SurvivorError
	if !errors.As(err, &survivors) { // what could not be ended once is not worth a second try
		rest, restErr := e.settle(ctx)
		if rest != nil {
			addLeftovers(result, rest)
		}
		err = errors.Join(err, restErr)
	}
	return e.settled(start, result, err)
}

// settled is the one place where the facts about an attempt are put together.
func (e *execution) settled(start time.Time, result *jobs.Result, err error) *facts.Run {
	run := &facts.Run{
		Version: versionText(), Name: e.name(), Args: e.job.Args, Line: e.line,
		Start: start, End: time.Now(), Attempt: 1, Attempts: 1, Result: result, Err: err,
	}
	run.SetLeftovers(e.allowLeak.allow)
	run.Signals, run.SignalsDropped = e.received.list()
	v := verdict{status: startFailure(err)}
	if result != nil {
		v = judge(e.options, run)
	}
	v = e.watch.verdict(v, err)
	run.Status, run.Signal, run.Because = v.status, v.signal, v.because
	if os.Getpid() == 1 || coreSignals[run.Signal] {
		run.Signal = 0
	}
	return run
}

// name is what the job is called.
func (o *options) name() string {
	if o.unattended.name != "" {
		return o.unattended.name
	}
	return o.commandText()
}

// commandText is the command as one would type it.
func (o *options) commandText() string {
	if o.lineGiven {
		return o.line
	}
	words := make([]string, len(o.job.Args))
	for i, w := range o.job.Args {
		words[i] = shellQuoted(w)
	}
	return strings.Join(words, " ")
}

// over is what is done when the job is settled, in this order: first what people wait for.
func (e *execution) over(ctx context.Context, run *facts.Run) {
	e.m.until(e.last.begin())
	e.watch.show(run)
	e.report(run)
	if e.usage && run.Started() {
		e.m.usage(run)
	}
	e.files.write(e.m, run, e.last.ended)
	e.watch.over(ctx, run)
	if why := e.why(run); why != "" {
		e.m.say("%s", why)
	}
	if e.runner != nil {
		e.endReaders(ctx, run)
		_ = e.runner.Close() // nothing is left that it could be needed for
	}
	e.watch.close()
}

// endReaders lets those end who read what lastout itself writes, when there is nothing more to be
// written: children that an exec has handed to us.
func (e *execution) endReaders(ctx context.Context, run *facts.Run) {
	var survivors *subreaper.SurvivorError
	if e.runner.Childless() && !guardian.Handed() || errors.As(run.Err, &survivors) {
		return
	}
	null, err := unix.Open(os.DevNull, unix.O_WRONLY|unix.O_CLOEXEC, 0)
	for _, fd := range []int{1, 2} {
		if err == nil {
			_ = unix.Dup3(null, fd, 0)
		} else {
			_ = unix.Close(fd)
		}
	}
	_, _ = e.settle(ctx)
}

// settle ends what lives without the command: what an exec has handed to us, or to the guardian.
func (e *execution) settle(ctx context.Context) (*jobs.Result, error) {
	result, err := e.runner.Settle(ctx, e.job)
	if !guardian.Handed() || result == nil {
		return result, err
	}
	data, handedErr := guardian.SettleHanded()
	if handedErr != nil {
		return result, errors.Join(err, fmt.Errorf("the guardian: %w", handedErr))
	}
	result.LeftoverCount += guardian.Killed()
	if len(data) == 0 {
		return result, err
	}
	handed, handedErr := jobs.Decode(data)
	if handed != nil {
		addLeftovers(result, handed)
	}
	return result, errors.Join(err, handedErr)
}

// addLeftovers adds what there was to be ended after the job; whom the worker had given up may be
// among them again.
func addLeftovers(result, rest *jobs.Result) {
	for _, l := range rest.Leftovers {
		same := func(k jobs.Leftover) bool { return k.PID == l.PID }
		if i := slices.IndexFunc(result.Leftovers, same); i >= 0 {
			result.Leftovers[i] = l
			rest.LeftoverCount--
		} else {
			result.Leftovers = append(result.Leftovers, l)
		}
	}
	result.LeftoverCount += rest.LeftoverCount
	result.Reaped += rest.Reaped
	result.Usage.Add(rest.Usage)
	result.Ended = append(result.Ended, rest.Ended...)
	result.Lingered = append(result.Lingered, rest.Lingered...)
}
