package jobs

import (
	"fmt"
	"os"
	"slices"
	"strconv"
	"sync/atomic"
	"syscall"

	"lastout/subreaper"

	"golang.org/x/sys/unix"
)

// Keeper is a runner's view of its keeper.
type Keeper struct {
	pid      int
	fd       int // our end of the socket, until there is a conn
	child    *subreaper.Child
	conn     *conn
	messages chan inbound
	gone     chan struct{}                                                     // closed when it has exited
	stops    func(st syscall.WaitStatus, terminal bool, news func() bool) bool // Events.Changed; may be nil
	stop     atomic.Int64                                                      // the number of the last stop of the job that we were told of
	halted   halt                                                              // that the job has stopped is still to be told
}

// halt is what Events.Changed is to be told of a leader that has stopped, until that is done or the leader goes on.
type halt struct {
	status   syscall.WaitStatus // 0: nothing
	terminal bool
}

// tell tells it, once more if need be.
func (h *halt) tell(changed func(syscall.WaitStatus, bool, func() bool) bool, news func() bool) {
	if h.status != 0 && changed(h.status, h.terminal, news) {
		*h = halt{}
	}
}

// PID returns the keeper's process id: a SIGCONT of its is for its runner alone, which had stopped with the job.
func (k *Keeper) PID() int { return k.pid }

type inbound struct {
	kind kind
	body []byte
}

// StartKeeper starts a keeper ahead of its [Runner], for Options.Keeper, in a program that only runs jobs: it gets ready while the
// program does other things. The process must not have any other child.
func StartKeeper() (*Keeper, error) {
	k := &Keeper{}
	if err := k.start(func(fd int) (int, error) { return syscall.ForkExec(keeperCommand(fd)) }); err != nil {
		return nil, err
	}
	return k, nil
}

// Close lets a keeper go that no Runner has taken.
func (k *Keeper) Close() {
	if k.child != nil {
		return
	}
	unix.Close(k.fd)
	var st unix.WaitStatus
	for {
		if _, err := unix.Wait4(k.pid, &st, 0, nil); err != unix.EINTR {
			return
		}
	}
}

// start makes the socket, and starts the keeper with its end of it.
func (k *Keeper) start(fork func(fd int) (int, error)) error {
	fds, err := unix.Socketpair(unix.AF_UNIX, unix.SOCK_STREAM|unix.SOCK_CLOEXEC, 0)
	if err != nil {
		return fmt.Errorf("start the keeper: socketpair: %w", err)
	}
	k.fd, k.messages, k.gone = fds[0], make(chan inbound, 16), make(chan struct{})
	k.pid, err = fork(fds[1])
	unix.Close(fds[1])
	if err != nil {
		unix.Close(fds[0])
		return fmt.Errorf("start the keeper: %w", err)
	}
	return nil
}

// keeperCommand executes the program again, as a keeper, in a process group of its own, so that a SIGKILL to the caller's
// group cannot hit both. Descriptors stay as they are numbered: what the caller passed as 3, 4, … must reach the job
// as that, so the socket keeps the free number that it was given.
func keeperCommand(fd int) (argv0 string, argv []string, attr *syscall.ProcAttr) {
	return "/proc/self/exe", []string{keeperName, strconv.Itoa(fd), strconv.Itoa(os.Getpid())}, &syscall.ProcAttr{
		Env:   append(slices.Clone(frugal), os.Environ()...),
		Files: inheritUpTo(fd),
		// CONT, because a keeper that is stopped when the runner dies would never learn of that.
		Sys: &syscall.SysProcAttr{Setpgid: true, Pdeathsig: syscall.SIGCONT},
	}
}

// frugal is for the Go runtime of a keeper; the environment of its jobs comes from the runner. One processor is enough, and needs fewer
// threads; and as a keeper allocates next to nothing, a collection of garbage every two minutes would only be a wake-up.
var frugal = []string{"GOGC=off", "GOMEMLIMIT=64MiB"}

// inheritUpTo returns a list for ProcAttr.Files that leaves every descriptor below last as it is, and passes last.
func inheritUpTo(last int) []uintptr {
	files := make([]uintptr, last+1)
	for fd := range files {
		flags, err := unix.FcntlInt(uintptr(fd), unix.F_GETFD, 0)
		if files[fd] = uintptr(fd); fd != last && (err != nil || flags&unix.FD_CLOEXEC != 0) {
			files[fd] = ^uintptr(0)
		}
	}
	return files
}

// startKeeper starts a keeper unless there is one.
func (r *Runner) startKeeper() error {
	if r.keep != nil {
		prepare(r.opts.Exclusive) // which one that was started ahead has not done
		return nil
	}
	k := &Keeper{}
	child, err := r.host.reaper.Start(func() (pid int, err error) {
		err = k.start(func(fd int) (int, error) {
			argv0, argv, attr := keeperCommand(fd)
			return r.host.fork(false, argv0, argv, attr)
		})
		return k.pid, err
	}, func(c subreaper.Change) { k.changed(c) })
	if err != nil {
		return err
	}
	k.stops = r.opts.Events.Changed
	r.keep = k
	prepare(r.opts.Exclusive) // while the keeper starts
	return k.begin(child)
}

// begin makes the connection to a keeper that the reaper watches.
func (k *Keeper) begin(child *subreaper.Child) (err error) {
	k.child = child
	if k.conn, err = newConn(k.fd); err != nil {
		unix.Close(k.fd)
		return fmt.Errorf("start the keeper: %w", err)
	}
	go k.read()
	return nil
}

// changed runs on the reaping thread. A keeper has no business being stopped, and a job that stops it could live for ever.
func (k *Keeper) changed(c subreaper.Change) {
	switch {
	case c.Status.Stopped():
		_ = unix.Kill(c.PID, unix.SIGCONT) // not reaped: this callback holds up who would do that
	case c.Status.Exited(), c.Status.Signaled():
		close(k.gone)
	}
}

func (k *Keeper) read() {
	defer close(k.messages)
	for {
		kind, body, err := k.conn.receive()
		if err != nil {
			return
		}
		switch kind {
		case msgChanged: // here, where nothing that comes after it is on its way yet
			k.jobChanged(body)
		case msgExited, msgResult:
			k.halted = halt{}
			fallthrough
		default:
			k.messages <- inbound{kind, append([]byte(nil), body...)}
		}
		if k.stops != nil {
			k.halted.tell(k.stops, k.conn.more)
		}
	}
}

func (k *Keeper) jobChanged(body []byte) {
	var h halt
	var stop int64
	if decode(body, func(w *wire) { number(w, &h.status); w.bool(&h.terminal); number(w, &stop) }) != nil || k.stops == nil {
		return
	}
	k.stop.Store(stop)
	if k.halted = h; !h.status.Stopped() {
		k.stops(h.status, h.terminal, k.conn.more)
		k.halted = halt{}
	}
}

// stopKeeper lets an idle keeper go, and returns when it is gone.
func (r *Runner) stopKeeper() {
	if r.keep == nil {
		return
	}
	k := r.keep
	r.keep = nil
	_ = k.conn.close()
	<-k.gone
	k.child.Release()
	k.child.Close()
	for range k.messages { // until its reader has ended
	}
}
