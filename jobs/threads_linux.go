package jobs

import (
	"runtime"
	"runtime/debug"
	"sync"
)

// At a pids or RLIMIT_NPROC limit, which a job may reach, the Go runtime cannot create a thread, and ends the process. So all
// that are needed must be there before the job is; and since each costs as much as a tenth of a run, there must not be many.

// enoughThreads is how many a process needs that does nothing else than running jobs: the runtime's monitor, one in waitid, one that
// reads command lines, and one to run what is to be run and then to poll. Until it has settled down two can run, but
// nobody reads command lines. A locked goroutine (runtime.LockOSThread) would need another yet.
const enoughThreads = 4

// spareThreads is how many more than there are that is in a program whose other threads may be busy.
const spareThreads = 5

// prepare returns when the process has the threads that settling needs.
func prepare(exclusive bool) {
	switch {
	case !exclusive:
		warmed.Do(func() { warm(spareThreads) })
	case threads() < enoughThreads: // mostly it has: the runtime's own beginnings need as many
		warmed.Do(func() { warm(enoughThreads) })
	}
}

// warmed: threads belong to the process, and the runtime keeps them.
var warmed sync.Once

// settleDown has one goroutine run at a time, which is enough to reap, and turns the collector of garbage off up to a bound: next to
// nothing is allocated, and a collection every two minutes would be a wake-up. All threads stop for a moment meanwhile,
// so it is done while the job gets going, and before anything is settled.
func (h *host) settleDown() {
	if !h.exclusive {
		return
	}
	h.settled.Do(func() {
		runtime.GOMAXPROCS(1)
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
