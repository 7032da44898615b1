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
		{running, leaderTimedOut, asking},
		{asking, leaderExited, settling}, // nobody lingers after a time limit
		{asking, stopSignal, asking},     // forwarded
		{asking, graceOver, stopping},    // the leader is killed, the others are asked
		{asking, timedOut, asking},
		{lingering, lingerOver, settling},
		{settling, rested, stopping},
		{settling, settleOver, stopping},
		{settling, timedOut, stopping},
		{settling, stopSignal, stopping},
		{settling, oneMore, killing},
		{settling, graceOver, settling},
		{lingering, stopSignal, stopping},
		{lingering, timedOut, stopping},
		{stopping, stopSignal, stopping}, // the first is only now
		{stopping, oneMore, killing},
		{stopping, graceOver, killing},
		{stopping, readersLeft, draining},
		{stopping, rested, stopping},
		{stopping, leaderExited, stopping},
		{draining, graceOver, killing},
		{draining, leaderExited, draining},
		{draining, stopSignal, draining},
		{draining, oneMore, killing},
		{stopping, timedOut, stopping},
		{killing, leaderExited, killing},
		{killing, graceOver, killing},
	} {
		if got := move(c.from, c.in); got != c.to {
			t.Errorf("%v: %q leads to %v, want %v", c.from, c.in, got, c.to)
		}
	}
}
