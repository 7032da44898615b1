package main

import (
	"errors"
	"syscall"
	"testing"

	"lastout/cmd/lastout/internal/facts"
	"lastout/jobs"
	"lastout/subreaper"
)

func TestJudge(t *testing.T) {
	exited := func(n int) syscall.WaitStatus { return syscall.WaitStatus(n << 8) }
	died := func(sig syscall.Signal) syscall.WaitStatus { return syscall.WaitStatus(sig) }
	for name, c := range map[string]struct {
		o    options
		r    jobs.Result
		err  error
		want verdict
	}{
		"success":  {options{}, jobs.Result{}, nil, verdict{}},
		"failure":  {options{}, jobs.Result{Status: exited(3)}, nil, verdict{status: 3}},
		"signal":   {options{}, jobs.Result{Status: died(15)}, nil, verdict{status: 143, signal: 15}},
		"expected": {options{expect: statuses{3: true}}, jobs.Result{Status: exited(3)}, nil, verdict{}},
		"expected signal": {options{expect: statuses{143: true}}, jobs.Result{Status: died(15)}, nil,
			verdict{}},
		"not expected": {options{expect: statuses{4: true}}, jobs.Result{Status: exited(3)}, nil,
			verdict{status: 3}},
		"timed out": {options{expect: statuses{124: true}},
			jobs.Result{TimedOut: true, Status: died(15)}, nil, verdict{status: 124, because: becauseTimeout}},
		"timed out, exited": {options{}, jobs.Result{TimedOut: true}, nil,
			verdict{status: 124, because: becauseTimeout}},
		"timed out, killed": {options{}, jobs.Result{TimedOut: true, Killed: true, Status: died(9)}, nil,
			verdict{status: 137, because: becauseTimeout}},
		"leak": {options{failOnLeak: leakStatus{statusLeak}}, jobs.Result{LeftoverCount: 1},
			nil, verdict{status: 123, because: becauseLeak}},
		"leak, not asked": {options{}, jobs.Result{LeftoverCount: 1}, nil, verdict{}},
		"leak of a failed job": {options{failOnLeak: leakStatus{statusLeak}},
			jobs.Result{LeftoverCount: 1, Status: exited(3)}, nil, verdict{status: 3}},
		"leak, expected": {options{failOnLeak: leakStatus{statusLeak}, expect: statuses{3: true}},
			jobs.Result{LeftoverCount: 1, Status: exited(3)}, nil, verdict{status: 123, because: becauseLeak}},
		"survivors": {options{}, jobs.Result{}, &subreaper.SurvivorError{},
			verdict{status: 125, because: becauseSurvivors}},
		"worker lost": {options{}, jobs.Result{Status: died(9)}, errWorkerLost,
			verdict{status: 125, because: becauseWorker}},
		"output could not be had": {options{}, jobs.Result{Status: exited(3)}, errors.New("copy"), verdict{status: 3}},
	} {
		run := &facts.Run{Result: &c.r, Err: c.err, Leaks: c.r.LeftoverCount}
		if got := judge(&c.o, run); got != c.want {
			t.Errorf("%s: %+v, want %+v", name, got, c.want)
		}
	}
}

func TestStartFailure(t *testing.T) {
	for want, err := range map[int]error{
		127: &jobs.StartError{NotFound: true},
		126: &jobs.StartError{Err: syscall.EACCES},
		125: errors.New("socketpair"),
	} {
		if got := startFailure(err); got != want {
			t.Errorf("%v: status %d, want %d", err, got, want)
		}
	}
}
