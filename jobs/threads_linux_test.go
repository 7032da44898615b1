package jobs

import (
	"os"
	"testing"
)

// The kernel has every thread that the runtime counts when warm returns: one that is still to be
// made might not be had once the job is at its limit.
func TestWarm(t *testing.T) {
	for range 20 {
		before := notMade()
		warm(enoughThreads)
		if after := notMade(); after > before {
			t.Fatalf("%d threads are not made yet, %d before", after, before)
		}
	}
	threads, err := os.ReadDir("/proc/self/task")
	if err != nil {
		t.Fatal(err)
	}
	if len(threads) < enoughThreads+2 {
		t.Errorf("there are %d threads, not %d and two of the runtime", len(threads), enoughThreads)
	}
}

// Each that is occupied is on a thread of its own, and so is the caller.
func TestOccupy(t *testing.T) {
	occupy(enoughThreads - 1)
	threads, err := os.ReadDir("/proc/self/task")
	if err != nil {
		t.Fatal(err)
	}
	if len(threads) < enoughThreads+1 {
		t.Errorf("there are %d threads, not %d and the runtime's monitor", len(threads), enoughThreads)
	}
}
