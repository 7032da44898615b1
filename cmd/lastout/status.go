package main

import (
	"errors"
	"syscall"

	"lastout/cmd/lastout/internal/facts"
	"lastout/jobs"
	"lastout/subreaper"
)

// Exit statuses of lastout's own. 126 and 127 are those of the shell.
const (
	statusUnwell     = 1   // --doctor found that some of the promise cannot be kept
	statusLocked     = 75  // somebody else holds the lock of --lock: EX_TEMPFAIL of sysexits.h; --lock-status
	statusLeak       = 123 // the command succeeded, but left processes behind, and --fail-on-leak was given
	statusTimedOut   = 124
	statusFailed     = 125 // lastout itself failed
	statusNotRun     = 126 // the command cannot be executed
	statusNotFound   = 127
	statusSignal     = 128 // and the number of the signal that the command died of
	statusTimeKilled = statusSignal + int(syscall.SIGKILL)
)

// Reasons for a status that is not the command's own: what stands after "exit status 124, because".
const (
	becauseTimeout   = "of --timeout"
	becauseLeak      = "of --fail-on-leak"
	becauseLock      = "of --lock"
	becauseSurvivors = "of --give-up"
	becauseWorker    = "the worker died"
)

// errWorkerLost says that the worker was killed before its job was settled. The tree was ended all
// the same.
var errWorkerLost = errors.New("the worker died; the job was ended")

// verdict is what lastout ends with: an exit status, or the signal that the command died of.
type verdict struct {
	status int
	signal syscall.Signal // if not 0, die of it
	// what lastout itself has to do with the status; "" where it is the command's, or was said when
	// it happened
	because string
}

// startFailure is the status for a command that could not be started.
func startFailure(err error) int {
	var start *jobs.StartError
	switch {
	case !errors.As(err, &start):
		return statusFailed
	case start.NotFound, errors.Is(start, syscall.ENOENT): // the latter is an interpreter's
		return statusNotFound
	}
	return statusNotRun
}

// judge makes the exit status of a run whose command was started.
func judge(o *options, run *facts.Run) verdict {
	r := run.Result
	var survivors *subreaper.SurvivorError
	switch {
	case errors.As(run.Err, &survivors):
		return verdict{status: statusFailed, because: becauseSurvivors}
	case errors.Is(run.Err, errWorkerLost):
		return verdict{status: statusFailed, because: becauseWorker}
	case r.TimedOut && r.Killed:
		return verdict{status: statusTimeKilled, because: becauseTimeout}
	case r.TimedOut:
		return verdict{status: statusTimedOut, because: becauseTimeout}
	}
	v := verdict{status: r.Status.ExitStatus()}
	if r.Status.Signaled() {
		v = verdict{status: statusSignal + int(r.Status.Signal()), signal: r.Status.Signal()}
	}
	if o.expect[v.status] {
		v = verdict{}
	}
	if v.status == 0 && run.Leaks > 0 && o.failOnLeak.status != 0 {
		v = verdict{status: o.failOnLeak.status, because: becauseLeak}
	}
	return v
}

// coreSignals are those whose default is to dump core (signal(7)): dying of one would write a core
// file of lastout.
var coreSignals = map[syscall.Signal]bool{
	syscall.SIGQUIT: true, syscall.SIGILL: true, syscall.SIGTRAP: true, syscall.SIGABRT: true, syscall.SIGBUS: true,
	syscall.SIGFPE: true, syscall.SIGSEGV: true, syscall.SIGSYS: true, syscall.SIGXCPU: true, syscall.SIGXFSZ: true,
}
