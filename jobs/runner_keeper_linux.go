package jobs

import (
	"fmt"
	"os"
	"slices"
	"strconv"
	"syscall"

	"lastout/subreaper"

	"golang.org/x/sys/unix"
)

// link is a runner's connection to its keeper.
type link struct {
	pid      int
	fd       int // our end of the socket, until there is a conn
	child    *subreaper.Child
	conn     *conn
	messages chan inbound
	gone     chan struct{} // closed when it has exited
}

type inbound struct {
	kind kind
	body []byte
}

// start makes the socket, and starts the keeper with its end of it.
func (k *link) start(fork func(fd int) (int, error)) error {
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

// keeperCommand executes the program again, as a keeper, in a process group of its own, so that a
// SIGKILL to the caller's group cannot hit both. Descriptors stay as they are numbered: what the
// caller passed as 3, 4, … must reach the job as that, so the socket keeps the free number that it
// was given.
func keeperCommand(fd int) (argv0 string, argv []string, attr *syscall.ProcAttr) {
	return "/proc/self/exe", []string{keeperName, strconv.Itoa(fd), strconv.Itoa(os.Getpid())}, &syscall.ProcAttr{
		Env:   append(slices.Clone(frugal), os.Environ()...),
		Files: inheritUpTo(fd),
		// CONT, because a keeper that is stopped when the runner dies would never learn of that.
		Sys: &syscall.SysProcAttr{Setpgid: true, Pdeathsig: syscall.SIGCONT},
	}
}

// frugal is for the Go runtime of a keeper; the environment of its jobs comes from the runner. One
// processor is enough, and needs fewer threads; and as a keeper allocates next to nothing, a
// collection of garbage every two minutes would only be a wake-up.
var frugal = []string{"GOGC=off", "GOMEMLIMIT=64MiB"}

// inheritUpTo returns a list for ProcAttr.Files that leaves every descriptor below last as it is,
// and passes last.
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
		return nil
	}
	k := &link{}
	child, err := r.host.reaper.Start(func() (pid int, err error) {
		err = k.start(func(fd int) (pid int, err error) {
			argv0, argv, attr := keeperCommand(fd)
			r.host.onLastingThread(func() { pid, err = syscall.ForkExec(argv0, argv, attr) })
			return pid, err
		})
		return k.pid, err
	}, func(c subreaper.Change) { k.changed(c) })
	if err != nil {
		return err
	}
	r.keep = k
	prepare(r.opts.Exclusive) // while the keeper starts
	return k.begin(child)
}

// begin makes the connection to a keeper that the reaper watches.
func (k *link) begin(child *subreaper.Child) (err error) {
	k.child = child
	if k.conn, err = newConn(k.fd); err != nil {
		unix.Close(k.fd)
		return fmt.Errorf("start the keeper: %w", err)
	}
	go k.read()
	return nil
}

// changed runs on the reaping thread. A keeper has no business being stopped, and a job that stops
// it could live for ever.
func (k *link) changed(c subreaper.Change) {
	switch {
	case c.Status.Stopped():
		_ = unix.Kill(c.PID, unix.SIGCONT) // not reaped: this callback holds up who would do that
	case c.Status.Exited(), c.Status.Signaled():
		close(k.gone)
	}
}

func (k *link) read() {
	defer close(k.messages)
	for {
		kind, body, err := k.conn.receive()
		if err != nil {
			return
		}
		k.messages <- inbound{kind, append([]byte(nil), body...)}
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
