package cgroup

import (
	"errors"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"
)

// mustMake skips the test where no cgroup can be made, and says why.
func mustMake(t *testing.T) Dir {
	t.Helper()
	dir, err := Make(syscall.ForkExec)
	if err != nil {
		t.Skipf("no cgroup of our own: %v", err)
	}
	t.Cleanup(func() {
		if err := dir.Remove(); err != nil {
			t.Error(err)
		}
	})
	return dir
}

// sleeper starts a process in dir that ends when it is killed, or with the test.
func sleeper(t *testing.T, dir Dir) *exec.Cmd {
	t.Helper()
	cmd := exec.Command("sleep", "60")
	cmd.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL}
	leave, err := dir.Into(cmd.SysProcAttr)
	if err != nil {
		t.Fatal(err)
	}
	defer leave()
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	return cmd
}

func diesOfKill(t *testing.T, cmd *exec.Cmd) {
	t.Helper()
	_ = cmd.Wait()
	if st := cmd.ProcessState.Sys().(syscall.WaitStatus); !st.Signaled() || st.Signal() != syscall.SIGKILL {
		t.Errorf("it ended with %v, want signal 9", cmd.ProcessState)
	}
}

func gone(t *testing.T, dir Dir) {
	t.Helper()
	if _, err := os.Stat(string(dir)); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("%s: %v; want it gone", dir, err)
	}
}

func TestMake(t *testing.T) {
	dir := mustMake(t)
	if !strings.HasPrefix(filepath.Base(string(dir)), Prefix) {
		t.Errorf("it is called %s", dir)
	}
	if procs, err := os.ReadFile(dir.file("cgroup.procs")); err != nil || len(procs) > 0 {
		t.Errorf("there are members: %q, %v", procs, err)
	}
	if err := errors.Join(dir.Remove(), dir.Remove()); err != nil {
		t.Errorf("removed, and again: %v", err)
	}
	gone(t, dir)
}

// TestMakeIsUndone: a machine that starts no child in it (seccomp without clone3, a threaded
// cgroup) has none to offer.
func TestMakeIsUndone(t *testing.T) {
	mustMake(t)
	var asked Dir
	dir, err := Make(func(_ string, _ []string, attr *syscall.ProcAttr) (int, error) {
		path, err := os.Readlink("/proc/self/fd/" + strconv.Itoa(attr.Sys.CgroupFD))
		if err != nil {
			t.Error(err)
		}
		asked = Dir(path)
		return 0, syscall.ENOSYS
	})
	if dir != "" || !errors.Is(err, syscall.ENOSYS) {
		t.Errorf("%q, %v; want ENOSYS", dir, err)
	}
	if asked == "" {
		t.Fatal("it was not tried")
	}
	gone(t, asked)
}

// TestKill: members of cgroups below, frozen ones too, die with the others.
func TestKill(t *testing.T) {
	dir := mustMake(t)
	frozen := Dir(dir.file("frozen"))
	if err := os.Mkdir(string(frozen), 0o755); err != nil {
		t.Fatal(err)
	}
	cmds := []*exec.Cmd{sleeper(t, dir), sleeper(t, frozen)}
	if err := os.WriteFile(frozen.file("cgroup.freeze"), []byte("1"), 0); err != nil {
		t.Fatal(err)
	}
	if err := dir.Kill(); err != nil {
		t.Fatal(err)
	}
	for _, cmd := range cmds {
		diesOfKill(t, cmd)
	}
	if err := dir.Remove(); err != nil {
		t.Error(err)
	}
	gone(t, dir)
}

// TestRemoveBelow: cgroups that members have made are removed with it.
func TestRemoveBelow(t *testing.T) {
	dir := mustMake(t)
	for _, path := range []string{"a/b/c", "a/d", "e"} {
		if err := os.MkdirAll(dir.file(path), 0o755); err != nil {
			t.Fatal(err)
		}
	}
	if err := dir.Remove(); err != nil {
		t.Error(err)
	}
	gone(t, dir)
}

// TestRemoveInUse: a directory with a member stays, and that is said.
func TestRemoveInUse(t *testing.T) {
	dir := mustMake(t)
	cmd := sleeper(t, dir)
	if err := dir.Remove(); !errors.Is(err, syscall.EBUSY) {
		t.Errorf("%v, want EBUSY", err)
	}
	if err := dir.Kill(); err != nil {
		t.Fatal(err)
	}
	diesOfKill(t, cmd)
}

func TestNone(t *testing.T) {
	if err := Dir("").Remove(); err != nil {
		t.Error(err)
	}
}
