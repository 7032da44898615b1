package main

import (
	"errors"
	"fmt"
	"io"
	"os"
	"runtime"
	"slices"
	"strings"
	"syscall"

	"lastout/cmd/lastout/internal/guardian"
	"lastout/jobs/cgroup"
	"lastout/pdeath"
	"lastout/subreaper"

	"golang.org/x/sys/unix"
)

// Levels of what --doctor finds.
const (
	fine = "ok"
	note = "note" // worth knowing; every promise is kept
	lost = "lost" // some of the promise, which the line names by its number in the README
)

// doctor prints what this machine offers, and what is lost where it does not. The status is 1 if
// any of the promise is.
func doctor(w io.Writer) (status int, err error) {
	d := &diagnosis{}
	d.examine()
	for _, f := range d.findings {
		if _, err = fmt.Fprintf(w, "%-4s  %-18s  %s\n", f.level, f.name, f.text); err != nil {
			return statusFailed, err
		}
		if f.level == lost {
			status = statusUnwell
		}
	}
	return status, nil
}

// finding is a line of it.
type finding struct{ level, name, text string }

// diagnosis asks the kernel for what lastout uses, as lastout does; it guesses nothing from
// versions.
type diagnosis struct {
	findings []finding
	proc     bool // there is a usable /proc
}

func (d *diagnosis) found(level, name, format string, args ...any) {
	d.findings = append(d.findings, finding{level, name, printable(fmt.Sprintf(format, args...))})
}

func (d *diagnosis) examine() {
	d.kernel()
	d.subreaper()
	d.pidfds()
	d.deathSignal()
	d.guardian()
	d.cgroup()
	d.limits()
	d.privileges()
}

func (d *diagnosis) kernel() {
	var uts unix.Utsname
	if err := unix.Uname(&uts); err != nil {
		d.found(note, "kernel", "uname: %v", err)
		return
	}
	d.found(fine, "kernel", "%s %s, %s", unix.ByteSliceToString(uts.Sysname[:]),
		unix.ByteSliceToString(uts.Release[:]), unix.ByteSliceToString(uts.Machine[:]))
}

func (d *diagnosis) subreaper() {
	r, err := subreaper.New(subreaper.Options{Exclusive: true})
	if err != nil {
		d.found(lost, "subreaper", "%v (Linux 3.4): lastout runs nothing here (promise 1)", err)
		return
	}
	defer r.Close()
	d.found(fine, "subreaper", "PR_SET_CHILD_SUBREAPER works (Linux 3.4)")
	d.procfs(r.Degraded())
	d.priority(r)
}

func (d *diagnosis) procfs(err error) {
	if err != nil {
		d.found(lost, "/proc",
			"%v: descendants are found only when their parents are dead, so that a fork bomb may live on (promise 1)", err)
		return
	}
	d.proc = true
	if option := hidden(read("/proc/self/mountinfo")); option != "" && os.Geteuid() != 0 {
		d.found(note, "/proc",
			"mounted with %s: descendants that run as another user are found late, and named by number only", option)
	} else {
		d.found(fine, "/proc", "mounted, and of our PID namespace")
	}
	if _, err := os.Stat(fmt.Sprintf("/proc/self/task/%d/children", os.Getpid())); err != nil {
		d.found(note, "lists of children",
			"%v (CONFIG_PROC_CHILDREN, Linux 4.2): every process of the machine is looked at instead, which is slower", err)
	} else {
		d.found(fine, "lists of children", "/proc/PID/task/TID/children is there (Linux 4.2)")
	}
}

// hidden returns the option that hides the processes of others in /proc, "" where none does.
func hidden(mountinfo string) string {
	option := ""
	for _, m := range cgroup.ParseMounts(mountinfo) {
		if m.Type == "proc" && m.Point == "/proc" { // the last one is on top
			i := slices.IndexFunc(m.Super, func(s string) bool { return strings.HasPrefix(s, "hidepid=") })
			if option = ""; i >= 0 && m.Super[i] != "hidepid=0" && m.Super[i] != "hidepid=off" {
				option = m.Super[i]
			}
		}
	}
	return option
}

// signalGroup is PIDFD_SIGNAL_PROCESS_GROUP, see pidfd_send_signal(2).
const signalGroup = 1 << 2

func (d *diagnosis) pidfds() {
	fd, err := unix.PidfdOpen(os.Getpid(), 0)
	if err == nil {
		defer unix.Close(fd)
		err = os.NewSyscallError("pidfd_send_signal", unix.PidfdSendSignal(fd, 0, nil, 0))
	} else {
		err = os.NewSyscallError("pidfd_open", err)
	}
	if err != nil {
		d.found(lost, "pidfds",
			"%v (Linux 5.3): only children are signalled, their own once they are dead, so that a fork bomb may live on (promise 1)", err)
		return
	}
	d.found(fine, "pidfds", "pidfd_open and pidfd_send_signal work (Linux 5.3)")
	if err := unix.PidfdSendSignal(fd, 0, nil, signalGroup); err == unix.EINVAL { // ESRCH: we lead no group
		d.found(note, "pidfds of groups",
			"%v (PIDFD_SIGNAL_PROCESS_GROUP, Linux 6.9): with --linger, killing has no head start", err)
	} else {
		d.found(fine, "pidfds of groups", "PIDFD_SIGNAL_PROCESS_GROUP works (Linux 6.9)")
	}
	// We are no child of ours: ECHILD says that the question was understood.
	if err := unix.Waitid(unix.P_PIDFD, fd, nil, unix.WEXITED|unix.WNOHANG, nil); err != unix.ECHILD {
		d.found(note, "waits on pidfds",
			"%v (Linux 5.4): lastout needs none, os/exec beside package subreaper does", err)
	} else {
		d.found(fine, "waits on pidfds", "waitid takes one (Linux 5.4)")
	}
}

func (d *diagnosis) deathSignal() {
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	old, err := pdeath.Signal()
	if err == nil {
		err = errors.Join(pdeath.Set(syscall.SIGCONT, os.Getppid()), pdeath.Clear())
	}
	if err != nil {
		d.found(lost, "death signal", "%v: lastout runs nothing here (promise 2)", err)
		return
	}
	if old != 0 {
		_ = pdeath.Set(old, os.Getppid())
	}
	d.found(fine, "death signal", "PR_SET_PDEATHSIG works")
}

func (d *diagnosis) guardian() {
	const lives = "if lastout is killed by SIGKILL, what the command started lives on (promise 2)"
	switch role := guardian.Started(); {
	case role == guardian.Worker:
		d.found(fine, "guardian", "was forked before the Go runtime started; this is its worker")
	case role == guardian.Unknown:
		d.found(lost, "guardian",
			"nothing runs before the Go runtime in this build (it needs amd64 or arm64, and Go's own linker): "+
				lives+"; and the command gets signals as the runtime has left them (promise 4)")
	case os.Getpid() == 1:
		d.found(fine, "guardian", "not needed: this is PID 1, and the kernel ends its namespace with it")
	default:
		d.found(lost, "guardian", "is turned off, or cannot be had: "+lives)
	}
}

func (d *diagnosis) cgroup() {
	dir, err := cgroup.Make(syscall.ForkExec)
	if err == nil {
		err = dir.Remove()
	}
	if err != nil {
		d.found(note, "cgroup",
			"none can be made for --cgroup (%v): killing is passes through the tree, set-user-ID programs may be out of reach", err)
		return
	}
	d.found(fine, "cgroup", "--cgroup can make one in %s, and kill it (Linux 5.14)", dir.Parent())
}

func (d *diagnosis) priority(r *subreaper.Reaper) {
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	restore := r.Hurry()
	attr, err := unix.SchedGetAttr(0, 0)
	restore()
	switch {
	case err != nil:
		d.found(note, "priority", "sched_getattr: %v", err)
	case attr.Policy == unix.SCHED_RR || attr.Policy == unix.SCHED_FIFO || attr.Nice < 0:
		d.found(fine, "priority", "can be raised against a fork bomb")
	default:
		d.found(note, "priority",
			"cannot be raised (CAP_SYS_NICE, or RLIMIT_RTPRIO): a fork bomb takes longer to end%s", sessions(read("/proc/sys/kernel/sched_autogroup_enabled")))
	}
}

// sessions says what autogroup scheduling (sched(7)) adds to that.
func sessions(enabled string) string {
	if strings.TrimSpace(enabled) == "1" {
		return ", since with autogroup scheduling every session of it gets as much of the processor as lastout"
	}
	return ""
}
