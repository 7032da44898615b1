package jobs

import (
	"runtime"
	"runtime/debug"
	"sync"
)

// enoughThreads returns how many threads what settles a job may need at once: one in waitid, one that reads command lines, the poller's, one
// that waits for a death or writes a message, the runtime's monitor, and those that run.
func enoughThreads() int { return 5 + min(runtime.GOMAXPROCS(0), 2) }

// spareThreads is how many more than there are that is in a program whose other threads may be busy.
const spareThreads = 5

// prepare returns when the process has the threads that settling needs. At a pids or RLIMIT_NPROC limit, which the job may
// reach, the Go runtime could not create one, and would end the process.
func prepare(exclusive bool) {
	if !exclusive {
		warmed.Do(func() { warm(spareThreads) })
		return
	}
	if threads() < enoughThreads() {
		warm(enoughThreads() - 2) // besides the caller's and the monitor
	}
}

// warmed: threads belong to the process, and the runtime keeps them.
var warmed sync.Once

// collectNothing turns the collector of garbage off up to a bound: a run allocates next to nothing, and a collection
// every two minutes would be a wake-up. It stops all threads for a moment, so it is done while the job gets going.
func (h *host) collectNothing() {
	if !h.exclusive {
		return
	}
	h.collect.Do(func() {
		debug.SetGCPercent(-1)
		debug.SetMemoryLimit(64 << 20)
	})
}

// threads returns how many the runtime has; but for those that a locked goroutine ends with, it keeps all.
func threads() int {
	n, _ := runtime.ThreadCreateProfile(nil)
	return n
}

// warm makes the runtime create threads: a goroutine that is locked to one keeps it while it waits, so that n of those
// and n that run need n more than there were idle.
func warm(n int) {
	var ready, done sync.WaitGroup
	release := make(chan struct{})
	ready.Add(n)
	for range n {
		done.Go(func() {
			runtime.LockOSThread()
			defer runtime.UnlockOSThread()
			ready.Done()
			<-release
		})
	}
	ready.Wait()
	close(release)
	done.Wait()
}
