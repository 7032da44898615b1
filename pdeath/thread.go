package pdeath

import (
	"runtime"
	"syscall"
)

// Thread is an operating-system thread that runs functions one after another until it is closed.
// It is safe for concurrent use.
type Thread struct {
	work chan func()
}

// NewThread starts a thread. It has the signal mask that the process was started with, as every
// thread has that the Go runtime makes.
func NewThread() *Thread {
	t := &Thread{work: make(chan func())}
	started := make(chan struct{})
	go t.begin(started)
	<-started
	return t
}

// begin runs the loop on a thread that is not the main one: that one does not end before the
// process.
func (t *Thread) begin(started chan<- struct{}) {
	runtime.LockOSThread()
	if onMainThread() {
		elsewhere := make(chan struct{})
		go t.begin(elsewhere)
		<-elsewhere // until then the main thread is taken
		runtime.UnlockOSThread()
		close(started)
		return
	}
	close(started)
	for f := range t.work {
		f()
	}
	// Never unlocked: the end of a locked goroutine ends its thread, which is what Close is for.
}

// Do runs f on the thread and waits for it. What f sets that belongs to a thread (parent-death
// signal, no_new_privs, scheduling) stays set for later calls. It must not be called after Close,
// nor from f.
func (t *Thread) Do(f func()) {
	done := make(chan struct{})
	t.work <- func() {
		defer close(done)
		f()
	}
	<-done
}

// Start forks and executes a program on the thread, as syscall.ForkExec does, and returns its
// process id. With attr.Sys.Pdeathsig the child gets that signal when the thread or the process
// ends. A child whose parent died between fork and prctl gets it too: ForkExec compares getppid(2)
// with the parent that it recorded before.
//
// syscall.ForkExec and not os.StartProcess, which may first fork a probe of its own.
func (t *Thread) Start(argv0 string, argv []string, attr *syscall.ProcAttr) (pid int, err error) {
	t.Do(func() { pid, err = syscall.ForkExec(argv0, argv, attr) })
	return pid, err
}

// Close ends the thread. Children that were started on it get their parent-death signal.
func (t *Thread) Close() { close(t.work) }
