package jobs

import (
	"runtime"
	"sync"
)

// enoughThreads is how many threads what settles a job may need at once: one in waitid, one that reads command lines, the poller's, one
// that waits for a death or writes a message, two that run, and the runtime's monitor.
const enoughThreads = 7

// spareThreads is how many more than there are that is in a program whose other threads may be busy.
const spareThreads = 5

// prepare returns when the process has the threads that settling needs. At a pids or RLIMIT_NPROC limit, which the job may
// reach, the Go runtime could not create one, and would end the process.
func prepare(exclusive bool) {
	if !exclusive {
		warmed.Do(func() { warm(spareThreads) })
		return
	}
	for n := 1; threads() < enoughThreads; n++ {
		warm(n)
	}
}

// warmed: threads belong to the process, and the runtime keeps them.
var warmed sync.Once

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
