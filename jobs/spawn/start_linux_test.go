//go:build linux && (amd64 || arm64)

package spawn

import (
	"errors"
	"fmt"
	"os"
	"os/signal"
	"path/filepath"
	"strings"
	"sync/atomic"
	"syscall"
	"testing"

	"golang.org/x/sys/unix"
)

// startShell runs a script with the standard descriptors that a is given, and returns what it
// writes.
func startShell(t *testing.T, a *Attr, script string) string {
	t.Helper()
	out, err := os.Create(filepath.Join(t.TempDir(), "out"))
	if err != nil {
		t.Fatal(err)
	}
	defer out.Close()
	a.Path, a.Args, a.Files = "/bin/sh", []string{"sh", "-c", script}, []int{0, int(out.Fd()), 2}
	pid, err := Start(a)
	if err != nil {
		t.Fatal(err)
	}
	succeeds(t, pid)
	text, err := os.ReadFile(out.Name())
	if err != nil {
		t.Fatal(err)
	}
	return strings.ReplaceAll(string(text), fmt.Sprint(pid), "PID")
}

// succeeds waits for a child that is to exit with status 0.
func succeeds(t *testing.T, pid int) {
	t.Helper()
	var st syscall.WaitStatus
	if _, err := syscall.Wait4(pid, &st, 0, nil); err != nil || st != 0 {
		t.Errorf("%v, status %d", err, st)
	}
}

// inherited is what a caller could have passed on.
func inherited(t *testing.T) *Inherited {
	in := &Inherited{}
	if err := syscall.Getrlimit(syscall.RLIMIT_NOFILE, &in.Files); err != nil {
		t.Fatal(err)
	}
	in.Files.Cur = 77
	return in
}

func TestInherited(t *testing.T) {
	in := inherited(t)
	in.Blocked = Bit(unix.SIGTERM) | Bit(unix.SIGCHLD) | Bit(40)
	in.Ignored = Bit(unix.SIGPIPE) | Bit(unix.SIGUSR1) | Bit(64)
	got := startShell(t, &Attr{Inherited: in, Env: os.Environ()},
		"exec grep -E '^Sig(Blk|Ign):' /proc/self/status; exit 1")
	want := fmt.Sprintf("SigBlk:\t%016x\nSigIgn:\t%016x\n", in.Blocked, in.Ignored)
	if got != want {
		t.Errorf("the child has\n%swant\n%s", got, want)
	}
	if got := startShell(t, &Attr{Inherited: in}, "ulimit -Sn"); got != "77\n" {
		t.Errorf("the child's limit of open files is %q", got)
	}
}

func TestNames(t *testing.T) {
	a := &Attr{
		Inherited: inherited(t), Known: Names{PID: "123"},
		Env: []string{"LISTEN_PID=123", "WATCHDOG_PID=1234", "LISTEN_PIDFDID=", "LISTEN_FDS=1"},
	}
	if got := startShell(t, a, "echo $LISTEN_PID $WATCHDOG_PID $LISTEN_PIDFDID $LISTEN_FDS"); got != "PID 1234 1\n" {
		t.Errorf("the child has %q", got)
	}
	if a.Env[0] != "LISTEN_PID=123" {
		t.Error("the caller's environment was changed")
	}
}

func TestPlace(t *testing.T) {
	a := &Attr{Inherited: inherited(t), Session: true, NoNewPrivs: true, Dir: "/"}
	got := startShell(t, a, "cut -d ' ' -f 5,6 /proc/$$/stat; pwd; grep NoNewPrivs /proc/$$/status")
	if got != "PID PID\n/\nNoNewPrivs:\t1\n" {
		t.Errorf("the child says %q", got)
	}
}

func TestStartFails(t *testing.T) {
	for path, want := range map[string]error{"/nonexistent": unix.ENOENT, "/": unix.EACCES, "\x00": unix.EINVAL} {
		a := &Attr{Path: path, Args: []string{"x"}, Files: []int{0, 1, 2}, Inherited: inherited(t)}
		if _, err := Start(a); !errors.Is(err, want) {
			t.Errorf("%q: %v, want %v", path, err, want)
		}
	}
	a := &Attr{Path: "/bin/true", Args: []string{"true"}, Dir: "/nonexistent", Files: []int{0, 1, 2},
		Inherited: inherited(t)}
	if _, err := Start(a); !errors.Is(err, unix.ENOENT) {
		t.Errorf("a directory that there is none of: %v", err)
	}
	if _, err := syscall.Wait4(-1, nil, syscall.WNOHANG, nil); err != unix.ECHILD {
		t.Errorf("a child is left: %v", err)
	}
}

// Descriptors that are in each other's way.
func TestDescriptors(t *testing.T) {
	var files [3]*os.File
	for i := range files {
		f, err := os.Create(filepath.Join(t.TempDir(), fmt.Sprint(i)))
		if err != nil {
			t.Fatal(err)
		}
		defer f.Close()
		files[i] = f
	}
	a := &Attr{
		Path: "/bin/sh", Args: []string{"sh", "-c",
			"echo a; echo b >&3; { echo c >&5; } 2>/dev/null; [ ! -e /proc/$$/fd/0 ]"},
		Files: []int{-1, int(files[0].Fd()), int(files[1].Fd()), 1, int(files[2].Fd())}, Inherited: inherited(t),
	}
	a.Files[3] = int(files[1].Fd())
	pid, err := Start(a)
	if err != nil {
		t.Fatal(err)
	}
	succeeds(t, pid)
	for i, want := range []string{"a\n", "b\n", ""} {
		if got, _ := os.ReadFile(files[i].Name()); string(got) != want {
			t.Errorf("file %d has %q, want %q", i, got, want)
		}
	}
}

// TestGoOnOfProgram: a child that executes its program is not continued once more, though Start has
// not returned yet.
func TestGoOnOfProgram(t *testing.T) {
	being.mu.Lock()
	being.deaf = 0
	atomic.StoreInt32(&being.pid, int32(os.Getpid())) // that executes one
	being.mu.Unlock()
	defer atomic.StoreInt32(&being.pid, 0)
	got := make(chan os.Signal, 1)
	signal.Notify(got, unix.SIGCONT)
	defer signal.Stop(got)
	for _, sig := range []syscall.Signal{unix.SIGCONT, unix.SIGTSTP} {
		if GoOn(sig) {
			t.Errorf("%v is taken for one that stops a child before it executes its program", sig)
		}
	}
	if len(got) > 0 {
		t.Error("the program got a SIGCONT")
	}
}

// TestGoOnOfNascent: a child whose number nobody knows yet is told to continue itself.
func TestGoOnOfNascent(t *testing.T) {
	being.mu.Lock()
	being.deaf = 0
	atomic.StoreInt32(&being.pid, nascent)
	being.mu.Unlock()
	defer atomic.StoreInt32(&being.pid, 0)
	for range 2 { // a second stop may come before it is born
		if !GoOn(unix.SIGTSTP) || atomic.LoadInt32(&being.pid) != told {
			t.Error("it is not")
		}
	}
}
