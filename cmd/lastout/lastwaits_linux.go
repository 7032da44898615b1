package main

import "sync"

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
