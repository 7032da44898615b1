package jobs

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"sync"
	"sync/atomic"
	"syscall"
	"time"

	"lastout/jobs/spawn"
	"lastout/jobs/terminal"
	"lastout/subreaper"

	"golang.org/x/sys/unix"
)

// Run runs one job in a keeper. See [Runner.Run].
func Run(ctx context.Context, job Job) (*Result, error) {
	r, err := NewRunner(Options{})
	if err != nil {
		return nil, err
	}
	result, err := r.Run(ctx, job)
	return result, errors.Join(err, r.Close())
}

// Runner runs one job after another. Its methods are safe for concurrent use; a second Run waits
// for the first.
type Runner struct {
	opts   Options
	logger *slog.Logger
	host   *host // where in-process jobs live; the net under the keeper otherwise

	shares     atomic.Bool // the job is in our process group
	stopsAgain atomic.Bool // the leader is to be sent a stop signal again; see resend

	turn sync.Mutex // held by Run and Close
	keep *link
	ran  bool

	mu       sync.Mutex
	closed   bool
	requests *requests // of the job that runs in-process, or of what settles
	conn     *conn     // to the keeper, while its job runs
}

// NewRunner makes the process a subreaper and returns a Runner. A keeper is started with its first
// job. There is one Runner at most in a process.
func NewRunner(opts Options) (*Runner, error) {
	r := &Runner{opts: opts, logger: opts.Logger, requests: newRequests()}
	if r.logger == nil {
		r.logger = slog.New(slog.DiscardHandler)
	}
	var err error
	if r.host, err = newHost(r.logger, opts.Exclusive, &r.opts.Origin, opts.Spare); err != nil {
		return nil, err
	}
	return r, nil
}

// Degraded says what is lost on this machine, nil where nothing is. See
// [subreaper.Reaper.Degraded].
func (r *Runner) Degraded() error { return r.host.reaper.Degraded() }

// Run starts a job and returns when its whole tree is gone. The Result is nil only where the
// command could not be started, with a [*StartError] if the command is the reason. With a Result
// the error is nil, a [*subreaper.SurvivorError] after Job.GiveUp, [ErrKeeperLost] where the
// command was killed with its keeper, or that of copying output. A job that failed is no error of
// Run.
//
// When ctx ends, the tree gets the stop signal, its grace period and SIGKILL; Run returns after
// that, with Result.Stopped set.
func (r *Runner) Run(ctx context.Context, job Job) (*Result, error) {
	r.turn.Lock()
	defer r.turn.Unlock()
	if r.isClosed() {
		return nil, ErrClosed
	}
	if err := r.prepare(&job); err != nil {
		return nil, err
	}
	r.opts.Origin.takePlace(&job)
	r.shares.Store(job.Foreground)
	if err := r.makeCgroup(&job); err != nil {
		return nil, err
	}
	defer r.removeCgroup(&job)
	std, copies, err := openStdio(&job)
	if err != nil {
		return nil, err
	}
	defer std.closeAll()
	started := func() {
		std.started()
		for _, cp := range copies {
			go cp()
		}
	}
	if r.ran { // What was asked of the job before is forgotten. Before the first, it is meant for that.
		r.requests.drop()
	}
	r.ran = true
	var result *Result
	if r.opts.InProcess {
		result, err = r.runHere(ctx, &job, std, started)
	} else {
		result, err = r.runKept(ctx, &job, std, started)
	}
	if result == nil {
		return nil, err
	}
	return result, errors.Join(err, std.wait())
}

// prepare completes a job, so that whatever is wrong with it is known before anything is started.
func (r *Runner) prepare(job *Job) error {
	if err := job.Validate(); err != nil {
		return fmt.Errorf("job: %w", err)
	}
	if job.Terminal && !r.opts.InProcess {
		return errors.New("job: a terminal needs a Runner that is in-process")
	}
	for _, f := range job.Hold {
		if descriptor(f) == fileClosed {
			return errors.New("job: a file that is to be held is closed")
		}
	}
	if job.Env == nil {
		job.Env = os.Environ()
	}
	if job.Path != "" {
		return nil
	}
	path, err := LookPath(job.Args[0], job.Env, job.Dir)
	if err != nil {
		return err
	}
	job.Path = path
	return nil
}

func (r *Runner) runHere(ctx context.Context, job *Job, std *stdio, started func()) (*Result, error) {
	files := make([]int, len(std.files))
	for i, f := range std.files {
		files[i] = descriptor(f)
	}
	return r.host.run(ctx, job, files, r.requests, r.opts.Events, func(pid int) {
		started()
		r.opts.Events.started(pid)
	})
}

// descriptor returns the number of a file. File.Fd makes it blocking, which is what a job expects
// of a pipe of ours; standard descriptors are left as the caller has them, since the mode belongs
// to whoever else has them open.
func descriptor(f *os.File) int {
	fd := fileClosed
	if f == nil {
		return fd
	}
	if raw, err := f.SyscallConn(); err == nil {
		_ = raw.Control(func(n uintptr) { fd = int(n) })
	}
	if fd > 2 {
		_ = f.Fd()
	}
	return fd
}

// Settle ends whatever else has been adopted: children that an exec handed to this process among
// them. It goes through the same life as a job whose leader is gone, with the durations of job, and
// returns what there was. Where all that is left reads what this process itself writes, as in a
// shell's "exec > >(tee log); exec prog", it ends nobody: close that, and call it again.
func (r *Runner) Settle(ctx context.Context, job Job) (*Result, error) {
	r.turn.Lock()
	defer r.turn.Unlock()
	if r.isClosed() {
		return nil, ErrClosed
	}
	r.stopKeeper()
	return r.host.settle(ctx, &job, r.requests, r.opts.Events)
}

// Childless reports whether there is nothing to settle.
func (r *Runner) Childless() bool { return r.host.reaper.Childless() }

// Signal asks for a signal to be forwarded to the job. TERM and INT have more to say once the
// leader is gone: the first ends lingering, a second one the grace period.
func (r *Runner) Signal(sig syscall.Signal) {
	r.resend(sig)
	r.request(request{input: stopSignal, sig: sig})
}

// SignalAlone is Signal without the SIGCONT that TERM, INT, QUIT and HUP bring to a leader which is
// stopped. It is for a caller that was stopped together with the job, and that is going to pass on
// the SIGCONT which continued both.
func (r *Runner) SignalAlone(sig syscall.Signal) {
	r.resend(sig)
	r.request(request{input: stopSignal, sig: sig, alone: true})
}

// Sent says that a signal has come which the leader was sent, too, as the terminal does with
// Job.Foreground: it is not forwarded, unless the leader was not there yet, but has the meaning
// that it has for Signal once the leader is gone.
func (r *Runner) Sent(sig syscall.Signal) {
	req := request{input: stopSignal, sig: sig, sent: now()}
	if r.resend(sig) {
		req.sent = 0
	}
	r.request(req)
}

// resend reports whether a signal that the leader was sent, too, is to be sent to it again. A stop
// signal that has come before the leader could execute its program is: that must not stop it, and
// so is the SIGCONT after it.
func (r *Runner) resend(sig syscall.Signal) bool {
	switch {
	case terminal.Stops(sig):
		again := spawn.GoOn(sig)
		r.stopsAgain.Store(again)
		return again
	case sig == unix.SIGCONT:
		spawn.GoOn(sig)
		return r.stopsAgain.Swap(false)
	}
	return false
}

// Shares reports whether the job that was started last is in our process group, as Job.Foreground
// asks for, or Job.Terminal where others are at the terminal, too.
func (r *Runner) Shares() bool { return r.shares.Load() }

// Stop asks for the end of the tree: stop signal, grace period, SIGKILL.
func (r *Runner) Stop() { r.request(request{input: stop}) }

// Kill asks for the end of the tree without a grace period.
func (r *Runner) Kill() { r.request(request{input: kill}) }

func (r *Runner) request(req request) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.conn != nil && r.conn.send(msgRequest, req.fields) == nil {
		return
	}
	r.requests.put(req)
}

func (r *Runner) isClosed() bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.closed
}

// Close ends the keeper and gives up being a subreaper. It waits for a Run that is under way.
func (r *Runner) Close() error {
	r.turn.Lock()
	defer r.turn.Unlock()
	if r.isClosed() {
		return ErrClosed
	}
	r.stopKeeper()
	r.mu.Lock()
	r.closed = true
	r.mu.Unlock()
	return r.host.close()
}

func (r *Runner) runKept(ctx context.Context, job *Job, std *stdio, started func()) (*Result, error) {
	if err := r.startKeeper(); err != nil {
		return nil, err
	}
	o := order{job: *job, level: r.level(ctx)}
	for i, f := range std.files {
		fd := descriptor(f)
		if fd >= 0 && (fd != i || fd > 2) {
			o.sent = append(o.sent, fd)
			fd = filePassed
		}
		o.files = append(o.files, fd)
	}
	for _, f := range job.Hold {
		o.sent = append(o.sent, descriptor(f))
	}
	o.held = len(job.Hold)
	err := r.keep.conn.send(msgRun, o.fields, o.sent...)
	run := keptRun{Runner: r, job: job, started: started}
	if err != nil {
		return run.lost(ctx)
	}
	r.setConn(r.keep.conn)
	defer r.setConn(nil)
	return run.follow(ctx)
}

// level returns the lowest level that the logger wants to know of.
func (r *Runner) level(ctx context.Context) slog.Level {
	for _, l := range []slog.Level{slog.LevelDebug, slog.LevelInfo, slog.LevelWarn} {
		if r.logger.Enabled(ctx, l) {
			return l
		}
	}
	return slog.LevelError
}

// setConn sends requests to the keeper from now on, those first that came before there was one; nil
// ends that.
func (r *Runner) setConn(c *conn) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.conn = c
	if c == nil {
		return
	}
	for req, ok := r.requests.take(); ok; req, ok = r.requests.take() {
		_ = c.send(msgRequest, req.fields)
	}
}

// keptRun is one job in a keeper, as far as the runner knows.
type keptRun struct {
	*Runner
	job               *Job
	started           func()
	pid               int
	begun             time.Time // when the keeper said that it has started the command
	exited            bool
	timedOut, stopped bool
	status            syscall.WaitStatus
}

// follow reads the keeper's messages until the job is settled.
func (k *keptRun) follow(ctx context.Context) (*Result, error) {
	cancelled := ctx.Done()
	for {
		select {
		case <-cancelled:
			cancelled = nil
			k.Stop()
		case m, ok := <-k.keep.messages:
			if !ok {
				return k.lost(ctx)
			}
			result, err, done := k.message(m)
			if errors.Is(err, errMessage) {
				return k.lost(ctx)
			}
			if done {
				return result, err
			}
		}
	}
}

func (k *keptRun) message(m inbound) (result *Result, err error, done bool) {
	events := k.opts.Events
	switch m.kind {
	case msgStarted:
		err = decode(m.body, func(w *wire) { number(w, &k.pid) })
		k.begun = time.Now()
		k.host.watch(k.pid)
		k.host.settleDown()
		k.started()
		events.started(k.pid)
	case msgExited:
		k.exited = true
		err = decode(m.body, func(w *wire) { number(w, &k.status) })
	case msgEnding:
		err = decode(m.body, func(w *wire) { w.bool(&k.timedOut); w.bool(&k.stopped) })
	case msgSurvivors:
		var s []subreaper.Survivor
		if err = decode(m.body, func(w *wire) { list(w, &s, survivorFields) }); err == nil && events.Survivors != nil {
			events.Survivors(s)
		}
	case msgLog:
		var rec record
		if err = decode(m.body, rec.fields); err == nil {
			k.logger.LogAttrs(context.Background(), rec.level, rec.message, rec.attrs...)
		}
	case msgResult:
		var o outcome
		if err = decode(m.body, o.fields); err == nil && o.survivors != nil {
			err = &subreaper.SurvivorError{Procs: o.survivors, Err: context.DeadlineExceeded}
		}
		return &o.result, err, true
	case msgFailed:
		var start StartError
		if err = decode(m.body, start.fields); err == nil {
			err = &start
		}
		return nil, err, true
	}
	return nil, err, false
}

// lost ends the tree of a keeper that has died: its leader has got its parent-death signal, the
// rest is ours now.
func (k *keptRun) lost(ctx context.Context) (*Result, error) {
	k.setConn(nil)
	if k.pid == 0 { // it could not say that it has started the command, whose output is waited for
		k.started()
	}
	_ = k.keep.child.Signal(unix.SIGKILL)
	k.stopKeeper()
	if k.opts.Events.KeeperLost != nil {
		k.opts.Events.KeeperLost()
	}
	job := *k.job
	job.Linger = 0
	result, err := k.host.settle(ctx, &job, k.requests, k.opts.Events)
	result.PID, result.Status, result.Started, result.Exited = k.pid, k.status, k.begun, result.Settled
	result.TimedOut, result.Stopped = k.timedOut, result.Stopped || k.stopped
	if exit, ok := k.host.watched(); ok && !k.exited {
		result.Status = exit.Status
		k.exited = !exit.Status.Signaled() || exit.Status.Signal() != syscall.SIGKILL
	}
	if !k.exited {
		err = errors.Join(ErrKeeperLost, err)
	}
	return result, err
}
