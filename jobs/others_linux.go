package jobs

import (
	"os"
	"strconv"
	"syscall"
	"time"

	"lastout/jobs/procstat"

	"golang.org/x/sys/unix"
)

// others are the processes of a PID namespace whose init we are, but that do not descend from us:
// docker exec, kubectl exec and nsenter put them there. When we end, the kernel ends them with
// SIGKILL (pid_namespaces(7)); so they are stopped before that as descendants are.
type others struct {
	told time.Time // when they were sent the stop signal
}

// stop sends everybody the stop signal, and CONT. Those that come later are told when they are
// waited for.
func (o *others) stop(sig syscall.Signal) {
	if os.Getpid() != 1 || !o.told.IsZero() {
		return
	}
	o.told = time.Now()
	for _, p := range strangers() {
		_ = unix.PidfdSendSignal(p, sig, nil, 0)
		_ = unix.PidfdSendSignal(p, unix.SIGCONT, nil, 0)
		unix.Close(p)
	}
}

// end returns when none is left, or when they have been killed: once the grace period is over, or
// another stop signal arrives. It does not wait for the killed: one that may not be signalled by us
// dies with the namespace.
func (o *others) end(job *Job, requests *requests) {
	if os.Getpid() != 1 {
		return
	}
	list := strangers()
	if len(list) == 0 {
		return
	}
	o.stop(job.stopSignal())
	gone := make(chan struct{})
	go func() {
		defer close(gone)
		for ; len(list) > 0; list = strangers() {
			for _, p := range list {
				awaitExit(p)
				unix.Close(p)
			}
		}
	}()
	grace := time.NewTimer(job.grace() - time.Since(o.told))
	defer grace.Stop()
	for {
		select {
		case <-gone:
			return
		case <-requests.wake:
			if !asksToEnd(requests) {
				continue
			}
		case <-grace.C:
		}
		_ = unix.Kill(-1, unix.SIGKILL) // we have no descendants any more: this is them
		return
	}
}

// asksToEnd takes the requests that there are, and reports whether one asks for an end.
func asksToEnd(requests *requests) (end bool) {
	for req, ok := requests.take(); ok; req, ok = requests.take() {
		end = end || req.input != stopSignal || req.sig == unix.SIGTERM || req.sig == unix.SIGINT
	}
	return end
}

// awaitExit returns when a process has exited (pidfd_open(2), Linux 5.3).
func awaitExit(pidfd int) {
	for {
		fds := []unix.PollFd{{Fd: int32(pidfd), Events: unix.POLLIN}}
		if _, err := unix.Poll(fds, -1); err != unix.EINTR {
			return
		}
	}
}

// strangers returns pidfds of the processes that do not descend from us and have not exited. Where
// /proc is not that of our namespace there are none to be known.
func strangers() (pidfds []int) {
	if self, err := os.Readlink("/proc/self"); err != nil || self != "1" {
		return nil
	}
	dir, err := os.Open("/proc")
	if err != nil {
		return nil
	}
	defer dir.Close()
	names, _ := dir.Readdirnames(-1)
	for _, name := range names {
		if pid, err := strconv.Atoi(name); err == nil && pid != 1 {
			if fd := stranger(pid); fd >= 0 {
				pidfds = append(pidfds, fd)
			}
		}
	}
	return pidfds
}

// stranger returns a pidfd, or -1 for a descendant and for one that has exited.
func stranger(pid int) int {
	fd, err := unix.PidfdOpen(pid, 0)
	if err != nil {
		return -1
	}
	if procstat.Descends(pid, 1) || hasExited(fd) { // what has not exited now is what has been looked at
		unix.Close(fd)
		return -1
	}
	return fd
}

func hasExited(pidfd int) bool {
	n, err := unix.Poll([]unix.PollFd{{Fd: int32(pidfd), Events: unix.POLLIN}}, 0)
	return n != 0 || err != nil
}
