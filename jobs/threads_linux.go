package jobs

import (
	"runtime"
	"runtime/debug"
	"sync"
	"sync/atomic"
	"time"
	"unsafe"

	"golang.org/x/sys/unix"
)

// At a pids or RLIMIT_NPROC limit, which a job may reach, the Go runtime cannot create a thread,
// and ends the process. So all that are needed must be there before the job is; and since each
// costs a twentieth of a run, there must not be many. The runtime gives the processor of a thread
// that is in a system call to another one, whenever the call takes longer than some 20 µs; so what
// a process does while it has a job makes its system calls without telling the runtime, but for
// those that are meant to block.

// enoughThreads is how many goroutines must be able to be on a thread of their own in a process
// that does nothing else than running jobs: one in waitid, one that reads the name of a process,
// which may take long, and two that run. When one of these is in a system call that takes long, it
// finds its processor given away when it comes back; on a busy machine both may be so. The runtime
// has one thread more, its monitor. With four of them, a thread bomb at a pids limit had one of
// some hundred runs end for want of another.
const enoughThreads = 6

// spareThreads is how many more than there are that is in a program whose other threads may be
// busy.
const spareThreads = 5

// Prepare begins to make the threads that settling a job needs, in a program that only runs jobs
// ([Options].Exclusive), and returns at once. [Runner.Run] waits for them, and begins where that
// was not done: call it first thing in main where start-up time matters.
func Prepare() { go threadsForJobs() }

// AwaitPrepared returns when that is done.
func AwaitPrepared() { threadsForJobs() }

// prepare returns when the process has the threads that settling needs.
func prepare(exclusive bool) {
	if exclusive {
		threadsForJobs()
	} else {
		threadsBesides()
	}
}

// Threads belong to the process, and the runtime keeps them.
var (
	threadsForJobs = sync.OnceFunc(func() {
		// With more processors the runtime would wake more threads than there is work for. With one
		// nothing could be done while a leader is being started.
		if runtime.GOMAXPROCS(0) != 2 {
			runtime.GOMAXPROCS(2)
		}
		occupy(enoughThreads - 1) // we are on one
	})
	threadsBesides = sync.OnceFunc(func() { warm(spareThreads) })
)

// occupy makes the runtime create threads, n beside the caller's: it gives the processor of a
// thread that is in a system call to another one, which it creates if there is none. That takes it
// some 20 µs each, in which the caller can do other things. It costs no thread that is not needed,
// as warm does, but if the process has one processor, the caller waits.
func occupy(n int) {
	var release uint32 // a futex
	var ready, done sync.WaitGroup
	ready.Add(n)
	for range n {
		done.Go(func() {
			ready.Done()
			for atomic.LoadUint32(&release) == 0 {
				_, _, _ = unix.Syscall6(unix.SYS_FUTEX, uintptr(unsafe.Pointer(&release)), futexWait, 0, 0, 0, 0)
			}
		})
	}
	ready.Wait()
	atomic.StoreUint32(&release, 1)
	_, _, _ = unix.RawSyscall6(unix.SYS_FUTEX, uintptr(unsafe.Pointer(&release)), futexWake, uintptr(n), 0, 0, 0)
	done.Wait()
}

// Operations of futex(2), private to the process.
const (
	futexWait = 0x80
	futexWake = 0x81
)

// warm makes the runtime create threads: a goroutine that is locked to one keeps it while it waits,
// so that n of those have n at the same time. (Waiting in system calls would do, but the runtime
// takes its time to notice.) The thread that makes the others may still be at it then, since the
// runtime also asks for more than are needed; warm returns when that has been done, too.
func warm(n int) {
	before := notMade()
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
	for until := time.Now().Add(mostForAThread); notMade() > before && time.Now().Before(until); {
		_, _, _ = unix.RawSyscall(unix.SYS_SCHED_YIELD, 0, 0, 0)
	}
}

// mostForAThread is how long the runtime tries to make a thread before it ends the process
// (retryOnEAGAIN in runtime/retry.go).
const mostForAThread = 210 * time.Millisecond

// notMade returns how many threads the runtime counts that the kernel does not have: those that are
// about to be made, and with cgo one that is never made. It is 0 where /proc cannot tell.
func notMade() int {
	counted, _ := runtime.ThreadCreateProfile(nil)
	var st unix.Stat_t // of a directory that has one for each thread, and so two links more (proc_pid_task(5))
	if err := unix.Stat("/proc/self/task", &st); err != nil {
		return 0
	}
	return counted - (int(st.Nlink) - 2)
}

// settleDown turns the collector of garbage off up to a bound: next to nothing is allocated, and a
// collection every two minutes would be a wake-up. All threads stop for a moment meanwhile, so it
// is done while the job gets going.
func (h *host) settleDown() {
	if !h.exclusive {
		return
	}
	h.settled.Do(func() {
		debug.SetGCPercent(-1)
		debug.SetMemoryLimit(64 << 20)
	})
}
