package jobs

import (
	"syscall"
	"testing"

	"lastout/subreaper"
)

// TestOutOfReach: a process that no signal has reached has not ended by one.
func TestOutOfReach(t *testing.T) {
	l := leftovers{stop: syscall.SIGTERM}
	reached, other := subreaper.Process{PID: 10}, subreaper.Process{PID: 11}
	for _, p := range []subreaper.Process{reached, other} {
		l.found(p)
		l.signalled(p)
	}
	l.outOfReach([]subreaper.Survivor{{Process: reached}, {Process: other, Err: syscall.EPERM}})
	for p, want := range map[subreaper.Process]End{reached: ByStopSignal, other: ByItself} {
		if got := l.endUnlessKilled(p); got != want {
			t.Errorf("%d ended %v, want %v", p.PID, got, want)
		}
	}
}
