package jobs

import (
	"context"
	"log/slog"
	"os/signal"
	"sync"
	"time"

	"lastout/jobs/spawn"
	"lastout/pdeath"
	"lastout/subreaper"

	"golang.org/x/sys/unix"
)

// host is where jobs live: this process's reaper and the thread that it forks from. It is the
// in-process Runner, and all that a keeper does.
type host struct {
	reaper *subreaper.Reaper
	logger *slog.Logger
	origin *Origin
	thread *pdeath.Thread // that forks, beside others of the process

	exclusive bool
	settled   sync.Once
	others    others

	mu  sync.Mutex
	now *life // the job that the reaper's callbacks belong to
	pid int   // the leader of a keeper's job, and its end if it was ours to reap
	end subreaper.Exit
}

func newHost(logger *slog.Logger, exclusive bool, origin *Origin, spare []int) (*host, error) {
	h := &host{logger: logger, exclusive: exclusive, origin: origin}
	var err error
	h.reaper, err = subreaper.New(subreaper.Options{
		Exclusive: exclusive, Spare: spare, Reaped: h.reaped, Describe: h.recording, Empty: h.empty, Logger: logger,
	})
	if err != nil {
		return nil, err
	}
	if exclusive && len(spare) == 0 {
		byDefault(unix.SIGCHLD) // nobody here is told of children by it
	}
	return h, nil
}

func (h *host) close() error {
	if h.thread != nil {
		h.thread.Close()
	}
	return h.reaper.Close()
}

func (h *host) life() *life {
	h.mu.Lock()
	defer h.mu.Unlock()
	return h.now
}

func (h *host) reaped(e subreaper.Exit) {
	h.mu.Lock()
	if e.PID == h.pid && h.end.PID == 0 { // a second one is an orphan that has got the number since
		h.end = e
	}
	h.mu.Unlock()
	if l := h.life(); l != nil {
		l.reaped(e)
	}
}

// recording reports whether it is to be known who is reaped.
func (h *host) recording() bool {
	l := h.life()
	return l != nil && l.job.Record > 0
}

// watch remembers how a process ends that is our child only once its keeper is dead.
func (h *host) watch(pid int) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.pid, h.end = pid, subreaper.Exit{}
}

func (h *host) watched() (subreaper.Exit, bool) {
	h.mu.Lock()
	defer h.mu.Unlock()
	return h.end, h.end.PID != 0
}

func (h *host) empty() {
	if l := h.life(); l != nil {
		l.leave(note{})
	}
}

// fork starts a program on a thread that lives as long as this process: the parent-death signal is
// to tell of that one's end. The Go runtime ends a thread only with a goroutine that is locked to
// it (runtime.LockOSThread), and where we are alone none ends so.
func (h *host) fork(a *spawn.Attr) (pid int, err error) {
	h.onLastingThread(func() { pid, err = spawn.Start(a) })
	return pid, err
}

func (h *host) onLastingThread(f func()) {
	if h.exclusive {
		f()
		return
	}
	if h.thread == nil {
		h.thread = pdeath.NewThread()
	}
	h.thread.Do(f)
}

// run runs one job. files are its descriptors from 0 on; -1 is a closed one.
func (h *host) run(ctx context.Context, job *Job, files []int, requests *requests, events Events,
	started func(pid int)) (*Result, error) {
	prepare(h.exclusive)
	l := h.begin(job, requests, events)
	defer h.over()
	l.lender = newLender(job)
	defer l.lender.close()
	if l.lender != nil && events.Lent != nil { // before: who is to know may lose us as soon as the job runs
		events.Lent(l.lender.loan.Owner, l.lender.loan.Modes)
	}
	if err := h.start(l, files); err != nil {
		return nil, err
	}
	defer l.child.Close()
	l.lender.begin(l.child.PID)
	if started != nil {
		started(l.child.PID)
	}
	defer h.reaper.Alert()()
	return l.run(ctx)
}

// settle ends what lives without a leader of ours: what an exec handed to us, or a keeper that
// died.
func (h *host) settle(ctx context.Context, job *Job, requests *requests, events Events) (*Result, error) {
	l := h.begin(job, requests, events)
	defer h.over()
	l.gone, l.result.Exited = true, time.Now()
	if job.Holders {
		l.outputs.of([]int{0, 1, 2}) // they had the same as we
	}
	if h.reaper.Childless() || job.settle() > 0 && l.readingUs() {
		h.others.end(job, requests)
		return l.finish(), nil
	}
	l.input(leaderExited)
	result, err := l.run(ctx)
	h.others.end(job, requests)
	return result, err
}

func (h *host) begin(job *Job, requests *requests, events Events) *life {
	l := &life{
		job: job, host: h, requests: requests, events: events, logger: h.logger, wake: make(chan struct{}, 1),
		timeout: timer(job.Timeout), phase: timer(0), killDue: timer(0), next: timer(0),
	}
	l.left.stop = job.stopSignal()
	h.mu.Lock()
	defer h.mu.Unlock()
	h.now = l
	return l
}

func (h *host) over() {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.now = nil
}

// passed returns the descriptors that are closed once the job has them.
func passed(files []int) []int {
	list := []int{} // nil would be all
	for _, fd := range files {
		if fd > 2 {
			list = append(list, fd)
		}
	}
	return list
}

// forking is how long it takes at most, as a rule, until a leader is there.
const forking = 2 * time.Millisecond

func (h *host) start(l *life, files []int) (err error) {
	if h.origin.Inherited == nil { // the only way for a child to inherit that: what is handled is reset (signal(7))
		for _, sig := range l.job.Ignore {
			signal.Ignore(sig)
		}
	}
	l.result.Started = time.Now()
	began := now()
	l.child, err = h.reaper.Start(
		func() (int, error) { return h.forkExec(l.job, files) },
		func(c subreaper.Change) { l.leave(note{&c}) },
	)
	if err == nil {
		h.settleDown()
		l.result.PID = l.child.PID
		l.forked = min(now(), began+int64(forking)) // we may not have been scheduled as soon as it was there
		if l.job.Holders {
			l.outputs.of(files)
		}
		l.passed = h.reaper.OpenPipes(passed(files))
		for _, fd := range files[1:3] {
			if fd == 1 || fd == 2 {
				l.outs = append(l.outs, int32(fd))
			}
		}
		h.logger.Info("started", "pid", l.child.PID, "path", l.job.Path)
	}
	return err
}
