package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"slices"
	"strings"

	"lastout/cmd/lastout/internal/ahead"
	"lastout/jobs"
	"lastout/jobs/siginfo"
	"lastout/pdeath"
	"lastout/subreaper"

	"golang.org/x/sys/unix"
)

// execute runs the job and returns the exit status, unless lastout is to die as the command did.
func (o *options) execute(ctx context.Context, m *messages, stdin io.Reader, stdout, stderr io.Writer) int {
	inProcess := o.keeper.word == "off" || os.Getpid() == 1
	if inProcess && ahead.Keeper != nil {
		ahead.Keeper.Close()
		ahead.Keeper = nil
	}
	keeperLost := !inProcess && !keeperPossible()
	o.job.Stdin, o.job.Stdout, o.job.Stderr = stdin, stdout, stderr
	o.job.Env = exactEnvironment(o.env)
	signals := ahead.Signals
	if signals == nil {
		var err error
		if signals, err = siginfo.New(); err != nil {
			m.say("%v", err)
			return statusFailed
		}
		signals.AskAll()
	}
	control := &jobControl{signals: signals, foreground: o.job.Foreground}
	r, err := jobs.NewRunner(jobs.Options{
		Exclusive: true,
		Once:      true,
		Keeper:    ahead.Keeper,
		InProcess: inProcess || keeperLost,
		Logger:    m.logger(o.verbose),
		Events: jobs.Events{
			Survivors: m.survivors,
			Changed:   control.changed,
			Started: func(int) {
				// In-process, what the command was to start with as ignored is ignored by lastout, too, until now.
				for _, sig := range o.ignore {
					_ = signals.Ask(sig)
				}
			},
			KeeperLost: func() { m.say("the keeper died; ending the job") },
		},
	})
	if err != nil {
		m.say("%v", err)
		return statusFailed
	}
	control.runner = r
	degraded(m, r, keeperLost)
	go o.passSignals(control)
	if o.dieWithParent && ahead.Caller != 0 { // 0 is outside of our PID namespace, and takes that with it
		if err := followParent(r, ahead.Caller); err != nil {
			m.say("--die-with-parent: %v", err)
			return statusFailed
		}
	}
	result, err := r.Run(ctx, o.job)
	if result == nil {
		m.say("%v", err)
		_, _ = r.Settle(ctx, o.job) // the keeper, and what an exec handed to us
		return startFailure(err)
	}
	var survivors *subreaper.SurvivorError
	if !errors.As(err, &survivors) { // what could not be ended once is not worth a second try
		rest, restErr := r.Settle(ctx, o.job)
		if rest != nil {
			addLeftovers(result, rest)
		}
		err = errors.Join(err, restErr)
	}
	err = errors.Join(err, r.Close())
	o.report(m, result, err)
	v := judge(o, result, err)
	if v.signal != 0 && result.Terminal {
		spread(v.signal)
	}
	if v.signal != 0 && os.Getpid() != 1 && !coreSignals[v.signal] {
		dieOf(v.signal)
	}
	return v.status
}

func (o *options) report(m *messages, r *jobs.Result, err error) {
	name := strings.Join(o.job.Args, " ")
	if o.lineGiven {
		name = o.line
	}
	if r.TimedOut {
		m.say("%s: timed out after %s", shorten(name, maxCommand), o.timeout.d)
	}
	var survivors *subreaper.SurvivorError
	if errors.As(err, &survivors) {
		m.survivors(survivors.Procs)
		m.say("gave up after %s", o.giveUp.d)
	}
	m.leftovers(o, name, r)
}

// exactEnvironment returns the environment as execve(2) passed it where env, which is the Go runtime's view, lacks empty
// entries or the second of a name; nil where they agree.
func exactEnvironment(env []string) []string {
	raw, err := os.ReadFile("/proc/self/environ")
	if err != nil || len(raw) == 0 {
		return nil
	}
	all := strings.Split(strings.TrimSuffix(string(raw), "\x00"), "\x00")
	if len(all) == len(env) {
		return nil
	}
	return all
}

// keeperPossible reports whether lastout can be executed again.
func keeperPossible() bool { return unix.Access("/proc/self/exe", unix.X_OK) == nil }

// degraded says what the caller loses on this machine.
func degraded(m *messages, r *jobs.Runner, keeperLost bool) {
	if err := r.Degraded(); err != nil {
		m.say("%v: descendants are found only when their parents are dead", err)
	}
	if keeperLost {
		m.say("/proc/self/exe cannot be executed: if lastout itself is killed by SIGKILL, what the command started lives on")
	}
}

// followParent ends the tree when the caller dies.
func followParent(r *jobs.Runner, pid int) error {
	parent, err := pdeath.OpenParent(pid)
	if errors.Is(err, pdeath.ErrParentGone) {
		r.Stop()
		return nil
	}
	if err != nil {
		return err
	}
	go func() {
		if parent.Wait(context.Background()) == nil {
			r.Stop()
		}
	}()
	return nil
}

// addLeftovers adds what there was to be ended after the job; whom the keeper had given up may be among them again.
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
}

// passSignals forwards what arrives.
func (o *options) passSignals(c *jobControl) {
	for {
		info, err := c.signals.Next()
		if err != nil {
			return
		}
		to, rewritten := o.rewrite[info.Signal]
		switch {
		case keepers(info), rewritten && to == 0:
		case rewritten:
			c.pass(to, false)
		case o.job.Foreground && fromTerminal(info):
			c.pass(info.Signal, true)
		default:
			c.pass(info.Signal, false)
		}
	}
}

func checkDirectory(dir string) error {
	if dir == "" {
		return nil
	}
	info, err := os.Stat(dir)
	if err == nil && !info.IsDir() {
		err = unix.ENOTDIR
	}
	if err == nil {
		err = unix.Faccessat(unix.AT_FDCWD, dir, unix.X_OK, unix.AT_EACCESS)
	}
	if err != nil {
		var path *os.PathError
		if errors.As(err, &path) {
			err = path.Err
		}
		return fmt.Errorf("cannot run in %s: %w", quoted(dir), err)
	}
	return nil
}
