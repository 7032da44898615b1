//go:build linux

package soak

import (
	"bufio"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"lastout/testdata/box"
)

// stage is a PID namespace with its first process and the bystanders, see stage/stage.c.
type stage struct {
	t       testing.TB
	cmd     *exec.Cmd
	in, out *os.File
	lines   *bufio.Reader
	record  string
	mnt     int // its namespaces
	pid     int
}

// recycling reports whether kernel.pid_max belongs to each PID namespace: since Linux 6.14. Before,
// it was the machine's.
func recycling() (bool, string) {
	var u unix.Utsname
	if err := unix.Uname(&u); err != nil {
		return false, err.Error()
	}
	release := unix.ByteSliceToString(u.Release[:])
	var major, minor int
	if _, err := fmt.Sscanf(release, "%d.%d", &major, &minor); err != nil {
		return false, release
	}
	return major > 6 || major == 6 && minor >= 14, release
}

func newStage(t testing.TB, p *plan, dir string) *stage {
	t.Helper()
	s := &stage{t: t, record: filepath.Join(dir, "record")}
	pidMax := 0
	if ok, _ := recycling(); ok {
		pidMax = p.pidMax()
	}
	// In a group of its own, which the runner will be in, too: a signal to that would else reach
	// us.
	s.cmd = box.New(t, box.PidsCap(100)).Command(box.Program(t, "soak/stage", "stage"), strconv.Itoa(pidMax), s.record,
		strconv.Itoa(p.witnesses), strconv.Itoa(p.slots), strconv.FormatInt(p.pause.Microseconds(), 10))
	s.cmd.SysProcAttr.Cloneflags = unix.CLONE_NEWPID | unix.CLONE_NEWNS
	s.cmd.SysProcAttr.Setpgid = true
	s.start()
	if line := s.line(); line != "ready" {
		t.Fatalf("the stage says %q, want ready", line)
	}
	s.open()
	return s
}

func (s *stage) start() {
	s.t.Helper()
	stdin, in, err1 := os.Pipe()
	out, stdout, err2 := os.Pipe()
	if err := errors.Join(err1, err2); err != nil {
		s.t.Fatalf("%v", err)
	}
	s.in, s.out, s.lines = in, out, bufio.NewReader(out)
	s.t.Cleanup(func() { in.Close(); out.Close() })
	s.cmd.Stdin, s.cmd.Stdout, s.cmd.Stderr = stdin, stdout, os.Stderr
	err := s.cmd.Start()
	stdin.Close()
	stdout.Close()
	if err != nil {
		s.t.Fatalf("start the stage: %v", err)
	}
}

func (s *stage) open() {
	s.t.Helper()
	for name, fd := range map[string]*int{"mnt": &s.mnt, "pid": &s.pid} {
		var err error
		path := fmt.Sprintf("/proc/%d/ns/%s", s.cmd.Process.Pid, name)
		if *fd, err = unix.Open(path, unix.O_RDONLY|unix.O_CLOEXEC, 0); err != nil {
			s.t.Fatalf("open %s: %v", path, err)
		}
		s.t.Cleanup(func() { unix.Close(*fd) })
	}
}

func (s *stage) line() string {
	s.t.Helper()
	_ = s.out.SetReadDeadline(time.Now().Add(patience))
	line, err := s.lines.ReadString('\n')
	if err != nil {
		s.t.Fatalf("the stage has said only %q: %v", line, err)
	}
	return strings.TrimSpace(line)
}

// launch starts cmd as our child, inside. setns(2) is for one thread, and its PID namespace for the
// children of that.
func (s *stage) launch(cmd *exec.Cmd) error {
	done := make(chan error)
	go func() {
		runtime.LockOSThread() // and never unlocked: the thread ends with the goroutine
		err := unix.Unshare(unix.CLONE_FS)
		if err == nil {
			err = unix.Setns(s.mnt, unix.CLONE_NEWNS)
		}
		if err == nil {
			err = unix.Setns(s.pid, unix.CLONE_NEWPID)
		}
		if err == nil {
			err = cmd.Start()
		}
		done <- err
	}()
	return <-done
}

// inGroup makes cmd a member of the stage's process group, whose number inside is 1.
func inGroup(attr *syscall.SysProcAttr) { attr.Setpgid, attr.Pgid = true, 1 }

// settle waits until every orphan that the first process has adopted is reaped.
func (s *stage) settle() {
	s.t.Helper()
	if _, err := s.in.WriteString("s"); err != nil {
		s.t.Fatalf("the stage is gone: %v", err)
	}
	if line := s.line(); line != "settled" {
		s.t.Fatalf("the stage says %q, want settled", line)
	}
}

// end ends the bystanders, and returns what happened to them, how many there were, and how often
// their numbers began again.
func (s *stage) end() (record []string, bystanders, rounds int) {
	s.t.Helper()
	if _, err := s.in.WriteString("e"); err != nil {
		s.t.Fatalf("the stage is gone: %v", err)
	}
	line := s.line()
	if n, _ := fmt.Sscanf(line, "done %d %d", &bystanders, &rounds); n != 2 {
		s.t.Fatalf("the stage says %q, want done", line)
	}
	if err := s.cmd.Wait(); err != nil {
		s.t.Errorf("the stage: %v", err)
	}
	data, err := os.ReadFile(s.record)
	if err != nil {
		s.t.Errorf("%v", err)
	}
	for line := range strings.Lines(string(data)) {
		record = append(record, strings.TrimSpace(line))
	}
	return record, bystanders, rounds
}
