package main

import (
	"sync"
	"syscall"

	"lastout/jobs"

	"golang.org/x/sys/unix"
)

// gate knows whom a signal is for: while a command runs it is that one's, and otherwise lastout's
// own, which it ends as it would any program. It also remembers that somebody wants an end, after
// which nothing more is started. A nil gate is always open.
type gate struct {
	mu      sync.Mutex
	state   gateState
	pending []syscall.Signal // came while a command was being started
	stop    bool             // the caller died
	sig     syscall.Signal   // the first that asked for the end
	ended   chan struct{}    // closed then
}

type gateState uint8

const (
	gateClosed gateState = iota // nothing runs
	// what comes now is passed on once the command runs: what is asked of a runner before may be
	// lost
	gateStarting
	gateOpen
)

func newGate() *gate { return &gate{ended: make(chan struct{})} }

// passes reports whether a signal, to be passed on as to, is to be passed on now.
func (g *gate) passes(sig, to syscall.Signal) bool {
	if g == nil {
		return true
	}
	g.mu.Lock()
	defer g.mu.Unlock()
	if asksForEnd(sig) || g.state == gateClosed && endsPrograms(sig) {
		g.end(sig)
	}
	if g.state == gateStarting && to != unix.SIGTSTP {
		g.pending = append(g.pending, to)
	}
	return g.state == gateOpen
}

// abandon says that the caller has died.
func (g *gate) abandon() {
	if g == nil {
		return
	}
	g.mu.Lock()
	defer g.mu.Unlock()
	g.stop = true
	g.end(unix.SIGTERM)
}

func (g *gate) end(sig syscall.Signal) {
	if g.sig == 0 {
		g.sig = sig
		close(g.ended)
	}
}

// enter is called before something is started, and reports whether it may be.
func (g *gate) enter() bool {
	g.mu.Lock()
	defer g.mu.Unlock()
	if g.sig != 0 {
		return false
	}
	g.state = gateStarting
	return true
}

// force is enter for what is started even if somebody wants an end.
func (g *gate) force() {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.state, g.stop = gateStarting, false
}

// started is called when it runs.
func (g *gate) started(r *jobs.Runner) {
	if g == nil {
		return
	}
	g.mu.Lock()
	defer g.mu.Unlock()
	g.state = gateOpen
	for _, to := range g.pending {
		r.Signal(to)
	}
	g.pending = nil
	if g.stop {
		r.Stop()
	}
}

// leave is called when it is over.
func (g *gate) leave() {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.state, g.pending = gateClosed, nil
}

// wanted is the signal that asked for the end; 0 if none has.
func (g *gate) wanted() syscall.Signal {
	g.mu.Lock()
	defer g.mu.Unlock()
	return g.sig
}

// asksForEnd reports whether a signal to a command says that there is to be no other attempt.
func asksForEnd(sig syscall.Signal) bool {
	switch sig {
	case unix.SIGTERM, unix.SIGINT, unix.SIGHUP, unix.SIGQUIT:
		return true
	}
	return false
}

// endsPrograms reports whether a signal ends a program that does nothing about it (signal(7)).
func endsPrograms(sig syscall.Signal) bool {
	switch sig {
	case unix.SIGCHLD, unix.SIGCONT, unix.SIGURG, unix.SIGWINCH, unix.SIGTSTP, unix.SIGTTIN, unix.SIGTTOU, unix.SIGPIPE:
		return false
	}
	return true
}
