package jobs

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"math"
	"os"
	"os/signal"
	"strconv"
	"sync"
	"sync/atomic"
	"syscall"

	"lastout/jobs/cgroup"
	"lastout/pdeath"
	"lastout/subreaper"

	"golang.org/x/sys/unix"
)

// keeperName is argv[0] of a keeper. No program that is found in a PATH has such a name, and ps
// shows it.
const keeperName = "lastout: keeper"

// KeeperMain makes the process a keeper, and never returns, where a Runner has executed the program
// as one. Everywhere else it returns at once. Call it first thing in main, before flags are read,
// and in TestMain.
func KeeperMain() {
	if !InKeeper() {
		return
	}
	if err := keep(os.Args[1], os.Args[2]); err != nil {
		fmt.Fprintf(os.Stderr, "lastout: keeper: %v\n", err)
		os.Exit(125)
	}
	os.Exit(0)
}

// InKeeper reports whether this process is a keeper: [KeeperMain] will not return.
func InKeeper() bool { return len(os.Args) == 3 && os.Args[0] == keeperName }

// keep runs the jobs that come through the descriptor until the runner hangs up or dies.
func keep(fd, runner string) error {
	n, err1 := strconv.Atoi(fd)
	parent, err2 := strconv.Atoi(runner)
	if err := errors.Join(err1, err2); err != nil {
		return err
	}
	unix.CloseOnExec(n)
	swallowSignals()
	k := &keeper{conn: newBlockingConn(n), runner: parent, orders: make(chan order), requests: newRequests()}
	k.level.Store(math.MaxInt64)
	k.ctx, k.cancel = context.WithCancel(context.Background())
	var err error
	if k.host, err = newHost(slog.New(k), true, &Origin{}, nil); err != nil {
		return err
	}
	return k.serve()
}

// serve runs the runner's orders. The first is waited for by this thread, the main one, which is to
// fork: until the job is there, there is nothing else to listen to.
func (k *keeper) serve() error {
	var dir cgroup.Dir
	o, ok := k.first()
	for ok {
		k.run(&o)
		dir = o.job.cgroup
		k.attend()
		o, ok = <-k.orders
	}
	_ = dir.Remove() // the runner's to do, but it may be dead
	return nil
}

func (k *keeper) first() (o order, ok bool) {
	kind, body, err := k.conn.receive()
	if err != nil || kind != msgRun || decode(body, o.fields) != nil {
		return o, false
	}
	o.sent = k.conn.takeFDs()
	return o, true
}

// attend makes the keeper listen to the runner, and watch its life.
func (k *keeper) attend() {
	k.attentive.Do(func() {
		if k.conn.poll() != nil {
			k.cancel()
			close(k.orders)
			return
		}
		k.watch(k.runner)
		go k.listen()
	})
}

// swallowSignals keeps the keeper alive where somebody signals every lastout by name: the runner,
// which is told as well, does what is to be done. Ignoring them would make the job ignore them.
// Those that are ignored already stay so.
func swallowSignals() {
	forgotten := make(chan os.Signal, 1)
	for sig := syscall.Signal(1); sig <= 64; sig++ {
		if sig != unix.SIGCHLD && !signal.Ignored(sig) {
			signal.Notify(forgotten, sig)
		}
	}
}

// keeper is the process between a runner and its jobs.
type keeper struct {
	conn     *conn
	host     *host
	runner   int // its process id
	orders   chan order
	requests *requests
	ctx      context.Context // cancelled when the runner is gone
	cancel   context.CancelFunc

	attentive sync.Once
	level     atomic.Int64 // of what the runner wants logged
}

// watch stops the job when the runner dies. The end of file on the socket tells that as well,
// unless somebody else has got hold of the runner's end.
func (k *keeper) watch(runner int) {
	parent, err := pdeath.OpenParent(runner)
	if errors.Is(err, pdeath.ErrParentGone) {
		k.cancel()
	}
	if err != nil {
		return
	}
	go func() {
		if parent.Wait(k.ctx) == nil {
			k.cancel()
		}
	}()
}

// listen takes the runner's messages until it hangs up.
func (k *keeper) listen() {
	defer close(k.orders)
	defer k.cancel()
	for {
		kind, body, err := k.conn.receive()
		if err != nil {
			return
		}
		switch kind {
		case msgRun:
			var o order
			if decode(body, o.fields) != nil {
				return
			}
			o.sent = k.conn.takeFDs()
			k.requests.drop() // of the job before
			k.orders <- o
		case msgRequest:
			var req request
			if decode(body, req.fields) != nil {
				return
			}
			k.requests.put(req)
		}
	}
}

func (k *keeper) run(o *order) {
	k.level.Store(int64(o.level))
	if !o.complete() {
		closeAll(o.sent)
		k.fail(&StartError{Path: o.job.Path, Err: unix.EMFILE})
		return
	}
	files := o.numbers()
	result, err := k.host.run(k.ctx, &o.job, files, k.requests, Events{
		Survivors: func(s []subreaper.Survivor) {
			k.tell(msgSurvivors, func(w *wire) { list(w, &s, survivorFields) })
		},
		Exited: func(st syscall.WaitStatus) { k.tell(msgExited, func(w *wire) { number(w, &st) }) },
		Ending: func(timedOut, stopped bool) {
			k.tell(msgEnding, func(w *wire) { w.bool(&timedOut); w.bool(&stopped) })
		},
	}, func(pid int) {
		closeAll(o.passed()) // the job has them: an end that we keep open would be no end for its reader
		k.tell(msgStarted, func(w *wire) { number(w, &pid) })
		k.attend()
	})
	closeAll(o.holds()) // before anybody is told, so that whoever hears of the end finds the lock free
	if result == nil {
		closeAll(o.passed())
		k.fail(err)
		return
	}
	out := outcome{result: *result}
	var survivors *subreaper.SurvivorError
	if errors.As(err, &survivors) {
		out.survivors = survivors.Procs
	}
	k.tell(msgResult, out.fields)
}

func (k *keeper) fail(err error) {
	var start *StartError
	if !errors.As(err, &start) {
		start = &StartError{Err: fmt.Errorf("%w", err), Detail: err.Error()}
	}
	k.tell(msgFailed, start.fields)
}

func closeAll(fds []int) {
	for _, fd := range fds {
		unix.Close(fd)
	}
}

// tell sends to the runner. If that is gone, the end of file will say so.
func (k *keeper) tell(kind kind, fields func(*wire)) { _ = k.conn.send(kind, fields) }

// Enabled, Handle, WithAttrs and WithGroup make the keeper a slog.Handler whose records go to the
// runner.
func (k *keeper) Enabled(_ context.Context, level slog.Level) bool {
	return int64(level) >= k.level.Load()
}

// Handle sends a record.
func (k *keeper) Handle(_ context.Context, rec slog.Record) error {
	r := record{level: rec.Level, message: rec.Message}
	rec.Attrs(func(a slog.Attr) bool {
		r.attrs = append(r.attrs, a)
		return true
	})
	return k.conn.send(msgLog, r.fields)
}

// WithAttrs returns k: nobody here uses it.
func (k *keeper) WithAttrs([]slog.Attr) slog.Handler { return k }

// WithGroup returns k: nobody here uses it.
func (k *keeper) WithGroup(string) slog.Handler { return k }
