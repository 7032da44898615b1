package main

import (
	"sync"

	"lastout/cmd/lastout/internal/facts"
	"lastout/cmd/lastout/internal/guardian"
)

// lastWaits are those that are left when the job is over: for who reads the messages, the output
// that was held back, a report. A signal that would end a program ends them. There is no command
// any more that could get it.
type lastWaits struct {
	mu    sync.Mutex
	ended chan struct{} // nil before the job is over
	over  bool
}

// begin returns what is closed by the first such signal from now on.
func (l *lastWaits) begin() <-chan struct{} {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.ended = make(chan struct{})
	return l.ended
}

func (l *lastWaits) end() {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.ended != nil && !l.over {
		l.over = true
		close(l.ended)
	}
}

// outlastStop sees to it that a job which has stopped lastout by SIGSTOP does not keep it, and its
// lock, beyond the time limit. Until then a stopped lastout stays stopped, as any program would.
func (o *options) outlastStop(run *facts.Run) {
	if o.timeout.d > 0 && run.Result != nil {
		guardian.OutlastStop(run.Result.Started.Add(o.timeout.d))
	}
}
