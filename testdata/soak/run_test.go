//go:build linux

package soak

import (
	"bytes"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"lastout/testdata/box"
)

// patience is for what happens within a second, or two where the tree lives until its deadline.
const patience = 20 * time.Second

// treeSeconds is how long the processes of a tree live at most.
const treeSeconds = 2

// run is one trial of lastout.
type run struct {
	*plan
	t       testing.TB
	limit   time.Duration // how long lastout may take
	lastout string
	tree    string
	stage   *stage
	box     *box.Box
	cmd     *exec.Cmd
	runner  target
	stderr  string // the file
	ready   chan struct{}
	over    chan struct{} // the job is: no more faults
	begun   time.Time

	deeds              []deed
	returned           bool // by itself
	status             syscall.WaitStatus
	words              string // what it said on stderr
	bystanders, rounds int
}

// play runs the plan. What is wrong goes to r.t.
func (r *run) play() {
	dir, err := os.MkdirTemp("", "lastout-soak-")
	if err != nil {
		r.t.Fatalf("%v", err)
	}
	r.t.Cleanup(func() { os.RemoveAll(dir) })
	r.stage = newStage(r.t, r.plan, dir)
	r.box = box.New(r.t, box.PidsLimit(r.pids))
	if !r.box.Exact() {
		r.t.Fatalf("a cgroup cannot be made here, and without one nobody knows what was left: run this as root")
	}
	r.start(dir)
	r.disturbed(r.await)
	words, err := os.ReadFile(r.stderr)
	if err != nil {
		r.t.Errorf("%v", err)
	}
	r.words = string(words)
	r.judge()
	r.judgeBystanders()
}

// disturbed does the faults while f runs.
func (r *run) disturbed(f func()) {
	tried := make(chan []deed)
	go func() { tried <- r.inject() }()
	defer func() {
		close(r.over)
		r.deeds = <-tried
	}()
	f()
}

// start launches lastout with its limits. No core files: they would be large.
func (r *run) start(dir string) {
	script := fmt.Sprintf(`ulimit -c 0; ulimit -n %d; exec "$@"`, r.files)
	r.cmd = r.box.Command("/bin/sh", slices.Concat([]string{"-c", script, "sh", r.lastout}, r.args(r.tree))...)
	r.cmd.Env = append(r.cmd.Env, "HOSTILE_SECONDS="+strconv.Itoa(treeSeconds))
	inGroup(r.cmd.SysProcAttr)
	ready, leader, err1 := os.Pipe()
	stderr, err2 := os.OpenFile(filepath.Join(dir, "stderr"), os.O_CREATE|os.O_WRONLY|os.O_APPEND, 0o600)
	if err := errors.Join(err1, err2); err != nil {
		r.t.Fatalf("%v", err)
	}
	r.stderr, r.cmd.Stderr, r.cmd.ExtraFiles = stderr.Name(), stderr, []*os.File{leader}
	r.t.Cleanup(func() { ready.Close() })
	r.begun = time.Now()
	err := r.stage.launch(r.cmd)
	leader.Close()
	stderr.Close()
	if err != nil {
		r.t.Fatalf("start lastout: %v", err)
	}
	r.holdRunner()
	r.ready, r.over = make(chan struct{}), make(chan struct{})
	go func() {
		if n, _ := ready.Read(make([]byte, 1)); n == 1 {
			close(r.ready)
		}
	}()
}

func (r *run) holdRunner() {
	pid := r.cmd.Process.Pid // ours to reap: the number stays its own until then
	fd, err := unix.PidfdOpen(pid, 0)
	if err != nil {
		r.t.Fatalf("pidfd_open: %v", err)
	}
	r.runner = target{pid, fd}
	r.t.Cleanup(func() { unix.Close(fd) })
}

// inject does the faults, each after the one before.
func (r *run) inject() (deeds []deed) {
	for _, f := range r.faults {
		d := deed{fault: f}
		if err := r.do(&d); err != nil {
			d.miss = err.Error()
		}
		deeds = append(deeds, d)
	}
	return deeds
}

var errOver = errors.New("the job was over")

func (r *run) do(d *deed) error {
	var over bool
	if d.ready {
		over = !wait(r.ready, r.over)
	}
	over = over || !wait(time.After(d.after), r.over)
	d.at = time.Since(r.begun)
	if over {
		return errOver
	}
	found, err := d.find(r.runner, r.keeper)
	if err != nil {
		return err
	}
	defer unix.Close(found.fd)
	d.pid = found.pid
	if err := unix.PidfdSendSignal(found.fd, d.signal, nil, 0); err != nil || d.hold == 0 {
		return err
	}
	wait(time.After(d.hold), r.over)
	_ = unix.PidfdSendSignal(found.fd, unix.SIGCONT, nil, 0)
	return nil
}

// wait returns false if over comes first.
func wait[T any](what <-chan T, over <-chan struct{}) bool {
	select {
	case <-what:
		return true
	case <-over:
		return false
	}
}

// await waits for the runner, and looks at once for what it has left.
func (r *run) await() {
	late := time.AfterFunc(r.limit, func() {
		r.t.Errorf("lastout has not returned after %v:%s", r.limit, describe(r.box.Procs()))
		r.box.Kill()
	})
	r.cmd.Wait() // how it ended is in cmd.ProcessState
	if r.returned = late.Stop(); !r.returned {
		return
	}
	r.status = r.cmd.ProcessState.Sys().(syscall.WaitStatus)
	if r.status.Signaled() && r.status.Signal() == unix.SIGKILL && r.may("KILL runner") {
		r.awaitRest()
	}
	if left := r.box.Procs(); len(left) > 0 {
		r.t.Errorf("left over:%s", describe(left))
	}
	r.box.AssertEmpty()
	r.box.Kill()
}

// awaitRest waits until nothing lives of a job whose runner was killed, and its zombies, which have
// nobody else, are reaped.
func (r *run) awaitRest() {
	for end := time.Now().Add(r.limit); ; {
		living := slices.DeleteFunc(r.box.Procs(), func(pid int) bool { return exits(pid, 0) })
		if len(living) == 0 {
			break
		}
		if !exits(living[0], time.Until(end)) {
			r.t.Errorf("%v after the runner was killed there lives:%s", r.limit, describe(living))
			return
		}
	}
	r.stage.settle()
}

// exits waits until a process has exited, or for a time. By its pidfd: the state in /proc is that
// of its first thread.
func exits(pid int, limit time.Duration) bool {
	fd, err := unix.PidfdOpen(pid, 0)
	if err != nil {
		return true
	}
	defer unix.Close(fd)
	for end := time.Now().Add(limit); ; {
		n, err := unix.Poll([]unix.PollFd{{Fd: int32(fd), Events: unix.POLLIN}},
			max(0, int(time.Until(end).Milliseconds())))
		if err != unix.EINTR {
			return n == 1
		}
	}
}

// may reports whether the plan has such a fault. What was done is not known before the job is over.
func (r *run) may(name string) bool {
	return slices.ContainsFunc(r.faults, func(f fault) bool { return f.name() == name })
}

// describe returns a line for each process: what it is, and what it waits for.
func describe(pids []int) string {
	var text strings.Builder
	for _, pid := range pids {
		line, _ := os.ReadFile(fmt.Sprintf("/proc/%d/cmdline", pid))
		wchan, _ := os.ReadFile(fmt.Sprintf("/proc/%d/wchan", pid))
		fmt.Fprintf(&text, "\n\t%d (inside: %s) %q, state %s, parent %s, group %s, session %s, in %s, %q", pid,
			statusField(pid, "NSpid"), statusField(pid, "Name"), statusField(pid, "State"), statusField(pid, "PPid"),
			statusField(pid, "NSpgid"), statusField(pid, "NSsid"), wchan,
			bytes.ReplaceAll(line, []byte{0}, []byte(" ")))
	}
	return text.String()
}
