//go:build linux

package main

import (
	"fmt"
	"os"
	"os/exec"
	"strconv"
	"strings"
	"syscall"
	"time"
	"unsafe"

	"golang.org/x/sys/unix"
)

// command is something to start. What is nil of its files is /dev/null.
type command struct {
	argv    []string
	in, out *os.File
	cgroup  *os.File // a directory of version 2 to start it in
	session bool     // of its own
}

// now returns CLOCK_MONOTONIC in nanoseconds, as the programs in work do.
func now() int64 {
	var t unix.Timespec
	_ = unix.ClockGettime(unix.CLOCK_MONOTONIC, &t)
	return t.Nano()
}

// prepare looks the program up, so that start has less to do.
func (b *bench) prepare(c command) (path string, attr *syscall.ProcAttr, err error) {
	path, err = exec.LookPath(c.argv[0])
	if err != nil {
		return "", nil, err
	}
	fd := func(f *os.File) uintptr {
		if f == nil {
			f = b.null
		}
		return f.Fd()
	}
	attr = &syscall.ProcAttr{
		Env:   b.env,
		Files: []uintptr{fd(c.in), fd(c.out), b.null.Fd()},
		Sys:   &syscall.SysProcAttr{Setsid: c.session},
	}
	if c.cgroup != nil {
		attr.Sys.UseCgroupFD, attr.Sys.CgroupFD = true, int(c.cgroup.Fd())
	}
	return path, attr, nil
}

// start starts a command; its end is the caller's to wait for.
func (b *bench) start(c command) (pid int, err error) {
	path, attr, err := b.prepare(c)
	if err != nil {
		return 0, err
	}
	b.starting.Lock() // for ever, once the program is being ended
	defer b.starting.Unlock()
	// vfork(2) in effect, and without the pidfd's probe of os.StartProcess.
	pid, err = syscall.ForkExec(path, c.argv, attr)
	if err != nil {
		return 0, fmt.Errorf("%s: %w", path, err)
	}
	return pid, nil
}

// wait waits for a process that must succeed.
func (b *bench) wait(pid int) error {
	var status syscall.WaitStatus
	_, err := syscall.Wait4(pid, &status, 0, nil)
	for err == syscall.EINTR {
		_, err = syscall.Wait4(pid, &status, 0, nil)
	}
	if err != nil {
		return err
	}
	return failure(status)
}

func failure(status syscall.WaitStatus) error {
	switch {
	case status.Signaled():
		return fmt.Errorf("died of signal %d", status.Signal())
	case status.ExitStatus() != 0:
		return fmt.Errorf("exit status %d", status.ExitStatus())
	}
	return nil
}

// timed is start and wait with a clock around them and nothing else in between: the scheduler of Go
// is not told that this thread waits.
func (b *bench) timed(path string, argv []string, attr *syscall.ProcAttr) (wall, cpu time.Duration, err error) {
	b.starting.Lock()
	defer b.starting.Unlock()
	begin := now()
	pid, err := syscall.ForkExec(path, argv, attr)
	if err != nil {
		return 0, 0, err
	}
	var status syscall.WaitStatus
	var used syscall.Rusage
	for {
		_, _, errno := syscall.RawSyscall6(syscall.SYS_WAIT4, uintptr(pid), uintptr(unsafe.Pointer(&status)), 0,
			uintptr(unsafe.Pointer(&used)), 0, 0)
		if errno == 0 {
			break
		}
		if errno != syscall.EINTR {
			return 0, 0, errno
		}
	}
	wall = time.Duration(now() - begin)
	return wall, time.Duration(used.Utime.Nano() + used.Stime.Nano()), failure(status)
}

// children returns the ids of a process's children, those that it adopted included.
func children(pid int) (pids []int) {
	dir := "/proc/" + strconv.Itoa(pid) + "/task"
	tasks, _ := os.ReadDir(dir)
	for _, task := range tasks {
		text, _ := os.ReadFile(dir + "/" + task.Name() + "/children")
		for _, word := range strings.Fields(string(text)) {
			if child, err := strconv.Atoi(word); err == nil {
				pids = append(pids, child)
			}
		}
	}
	return pids
}

// killChildren sends SIGKILL to our children. Until they are reaped, no number is another's.
func killChildren() {
	for _, pid := range children(os.Getpid()) {
		_ = syscall.Kill(pid, syscall.SIGKILL)
	}
}

// clean ends and reaps all that is left of what was started, and returns how many that were. We are
// a subreaper, so that every descendant is, at last, a child.
func (b *bench) clean() (left int) {
	for {
		killChildren()
		pid, err := syscall.Wait4(-1, nil, unix.WALL, nil)
		for err == nil && pid > 0 {
			left++
			pid, err = syscall.Wait4(-1, nil, unix.WALL|syscall.WNOHANG, nil)
		}
		if err == syscall.ECHILD {
			return left
		}
	}
}
