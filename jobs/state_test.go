package jobs

import "testing"

// Whatever happens, a job moves towards its end, and every state that is not the end can reach it.
func TestLifeIsATableThatEnds(t *testing.T) {
	for s := range settled {
		for i := range inputs {
			if to := move(s, i); to < s {
				t.Errorf("%v: %q leads back to %v", s, i, to)
			}
		}
		if got := move(s, treeEmpty); got != settled {
			t.Errorf("%v: an empty tree leads to %v", s, got)
		}
		if got := move(s, kill); got != killing {
			t.Errorf("%v: kill leads to %v", s, got)
		}
	}
	for i := range inputs {
		if move(settled, i) != settled {
			t.Errorf("settled: %q leads out", i)
		}
	}
}

func TestMoves(t *testing.T) {
	for _, c := range []struct {
		from state
		in   input
		to   state
	}{
		{running, leaderExited, lingering},
		{running, timedOut, stopping},
		{running, stop, stopping},
		{running, stopSignal, running}, // forwarded: the job gets the time that whoever stops us allows
		{running, oneMore, running},
		{running, killDue, killing},
		{running, graceOver, running},
		{lingering, lingerOver, stopping},
		{lingering, stopSignal, stopping},
		{lingering, timedOut, stopping},
		{stopping, stopSignal, stopping}, // the first is only now
		{stopping, oneMore, killing},
		{stopping, graceOver, killing},
		{stopping, leaderExited, stopping},
		{stopping, timedOut, stopping},
		{killing, leaderExited, killing},
		{killing, graceOver, killing},
	} {
		if got := move(c.from, c.in); got != c.to {
			t.Errorf("%v: %q leads to %v, want %v", c.from, c.in, got, c.to)
		}
	}
}
