package pdeath_test

import (
	"bufio"
	"context"
	"errors"
	"io"
	"os"
	"os/exec"
	"runtime"
	"strings"
	"syscall"
	"testing"
	"time"

	"lastout/pdeath"
)

// The test binary is its own helper: with this variable set it does what the value says.
const helperVariable = "LASTOUT_PDEATH_HELPER"

func TestMain(m *testing.M) {
	switch os.Getenv(helperVariable) {
	case "":
		os.Exit(m.Run())
	case "die with parent":
		dieWithParent()
	case "follow parent":
		followParent()
	}
	os.Exit(1)
}

func TestSetAndClear(t *testing.T) {
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	if err := pdeath.Set(syscall.SIGUSR1, os.Getppid()); err != nil {
		t.Fatal(err)
	}
	if sig, err := pdeath.Signal(); err != nil || sig != syscall.SIGUSR1 {
		t.Errorf("Signal() = %v, %v; want SIGUSR1", sig, err)
	}
	if err := pdeath.Clear(); err != nil {
		t.Fatal(err)
	}
	if sig, err := pdeath.Signal(); err != nil || sig != 0 {
		t.Errorf("Signal() after Clear = %v, %v; want 0", sig, err)
	}
}

// A parent that was gone before the call sends nothing any more: Set must say so, and leave nothing
// set.
func TestSetAfterTheParentDied(t *testing.T) {
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	if err := pdeath.Set(syscall.SIGUSR1, os.Getppid()+1); !errors.Is(err, pdeath.ErrParentGone) {
		t.Errorf("got %v, want ErrParentGone", err)
	}
	if sig, _ := pdeath.Signal(); sig != 0 {
		t.Errorf("the signal is still %v", sig)
	}
}

func TestSetBadSignal(t *testing.T) {
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	if err := pdeath.Set(4711, os.Getppid()); !errors.Is(err, syscall.EINVAL) {
		t.Errorf("got %v, want EINVAL", err)
	}
}

// child starts a program that tells when it runs and then waits for the end of its input.
func child(t *testing.T, start func(string, []string, *syscall.ProcAttr) (int, error)) (pid int, input io.Closer) {
	t.Helper()
	inR, inW, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	outR, outW, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	defer inR.Close()
	defer outR.Close()
	pid, err = start("/bin/sh", []string{"sh", "-c", "echo; read x; exit 42"}, &syscall.ProcAttr{
		Files: []uintptr{inR.Fd(), outW.Fd(), 2},
		Sys:   &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL},
	})
	if err != nil {
		t.Fatal(err)
	}
	outW.Close()
	if _, err := bufio.NewReader(outR).ReadString('\n'); err != nil {
		t.Fatal(err)
	}
	return pid, inW
}

func wait(t *testing.T, pid int) syscall.WaitStatus {
	t.Helper()
	var st syscall.WaitStatus
	for {
		_, err := syscall.Wait4(pid, &st, 0, nil)
		if err == nil {
			return st
		}
		if err != syscall.EINTR {
			t.Fatal(err)
		}
	}
}

// The trap, without its remedy: the child of a goroutine that was locked to its thread dies with
// that thread.
func TestChildDiesWithItsThread(t *testing.T) {
	var pid int
	var input io.Closer
	onDyingThread(func() { pid, input = child(t, syscall.ForkExec) })
	defer input.Close()
	if st := wait(t, pid); !st.Signaled() || st.Signal() != syscall.SIGKILL {
		t.Errorf("the child ended with %v; this kernel or runtime does not show the trap any more", st)
	}
}

// The remedy: the child of a Thread outlives the goroutine, and its thread, that asked for it.
func TestChildOutlivesWhoAskedForIt(t *testing.T) {
	thread := pdeath.NewThread()
	defer thread.Close()
	var pid int
	var input io.Closer
	onDyingThread(func() { pid, input = child(t, thread.Start) })
	_ = input.Close()
	if st := wait(t, pid); !st.Exited() || st.ExitStatus() != 42 {
		t.Errorf("the child ended with %v, want exit status 42", st)
	}
}

// onDyingThread runs f in a goroutine that is locked to its thread until it ends, and returns when
// the thread has ended. The main thread does not end in a Go program, so it has to be another one.
func onDyingThread(f func()) {
	tid := make(chan int)
	go func() {
		runtime.LockOSThread()
		if syscall.Gettid() == os.Getpid() {
			onDyingThread(f)
			tid <- 0
			runtime.UnlockOSThread()
			return
		}
		f()
		tid <- syscall.Gettid()
	}()
	dying := <-tid
	for dying != 0 && syscall.Kill(dying, 0) == nil { // kill(2) takes a thread's number, too
		runtime.Gosched()
	}
}

func TestThreadCloseEndsItsChildren(t *testing.T) {
	thread := pdeath.NewThread()
	pid, input := child(t, thread.Start)
	defer input.Close()
	thread.Close()
	if st := wait(t, pid); !st.Signaled() || st.Signal() != syscall.SIGKILL {
		t.Errorf("the child ended with %v, want SIGKILL", st)
	}
}

func TestThreadKeepsWhatIsSet(t *testing.T) {
	thread := pdeath.NewThread()
	defer thread.Close()
	var tids [2]int
	for i := range tids {
		thread.Do(func() { tids[i] = syscall.Gettid() })
	}
	if tids[0] != tids[1] || tids[0] == 0 {
		t.Errorf("ran on threads %v, want one", tids)
	}
}

func TestStartError(t *testing.T) {
	thread := pdeath.NewThread()
	defer thread.Close()
	if _, err := thread.Start("/nonexistent", []string{"x"}, &syscall.ProcAttr{}); !errors.Is(err, syscall.ENOENT) {
		t.Errorf("got %v, want ENOENT", err)
	}
}

// grandchild runs a shell that starts this binary as its child, in a mode, and is killed when that
// is ready. It returns what the grandchild writes then.
func grandchild(t *testing.T, mode string) string {
	t.Helper()
	outR, outW, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	defer outR.Close()
	// $! and a wait keep the shell from executing the helper in its own place.
	cmd := exec.Command("/bin/sh", "-c", `"$0" & wait`, os.Args[0])
	cmd.Env = append(os.Environ(), helperVariable+"="+mode)
	cmd.Stdout = outW
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	outW.Close()
	_ = outR.SetReadDeadline(time.Now().Add(30 * time.Second))
	lines := bufio.NewReader(outR)
	if line, err := lines.ReadString('\n'); err != nil || line != "ready\n" {
		t.Fatalf("the helper said %q, %v", line, err)
	}
	_ = cmd.Process.Kill()
	_ = cmd.Wait()
	rest, err := io.ReadAll(lines) // ends when the grandchild does
	if err != nil {
		t.Fatal(err)
	}
	return string(rest)
}

func TestDieWithParent(t *testing.T) {
	if got := grandchild(t, "die with parent"); got != "" {
		t.Errorf("the helper outlived its parent and said %q", got)
	}
}

func dieWithParent() {
	runtime.LockOSThread()
	if err := pdeath.Set(syscall.SIGKILL, os.Getppid()); err != nil {
		return
	}
	os.Stdout.WriteString("ready\n")
	time.Sleep(20 * time.Second) // bounds a failure
	os.Stdout.WriteString("alive\n")
}

func TestParentWait(t *testing.T) {
	if got := grandchild(t, "follow parent"); !strings.HasPrefix(got, "gone") {
		t.Errorf("the helper said %q, want that its parent is gone", got)
	}
}

func followParent() {
	parent, err := pdeath.OpenParent(os.Getppid())
	if err != nil {
		return
	}
	os.Stdout.WriteString("ready\n")
	ctx, cancel := context.WithTimeout(context.Background(), 20*time.Second)
	defer cancel()
	if parent.Wait(ctx) == nil {
		os.Stdout.WriteString("gone\n")
	}
	os.Exit(0)
}

func TestParentWaitIsCancelled(t *testing.T) {
	parent, err := pdeath.OpenParent(os.Getppid())
	if err != nil {
		t.Fatal(err)
	}
	defer parent.Close()
	ctx, cancel := context.WithCancel(context.Background())
	got := make(chan error)
	go func() { got <- parent.Wait(ctx) }()
	cancel()
	if err := <-got; !errors.Is(err, context.Canceled) {
		t.Errorf("got %v, want context.Canceled", err)
	}
}

// TestParentSignal: a signal reaches the process, and nobody else once that is gone.
func TestParentSignal(t *testing.T) {
	cmd := exec.Command("sleep", "100")
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	parent, err := pdeath.OpenParentOf(func() int { return cmd.Process.Pid }, cmd.Process.Pid)
	if err != nil {
		t.Fatal(err)
	}
	defer parent.Close()
	if err := parent.Signal(syscall.SIGTERM); err != nil {
		t.Error(err)
	}
	_ = cmd.Wait()
	if st := cmd.ProcessState.Sys().(syscall.WaitStatus); !st.Signaled() || st.Signal() != syscall.SIGTERM {
		t.Errorf("it ended with %v", cmd.ProcessState)
	}
	if err := parent.Signal(syscall.SIGTERM); !errors.Is(err, syscall.ESRCH) {
		t.Errorf("of one that is gone it says %v, want ESRCH", err)
	}
}

func TestOpenParentThatIsNone(t *testing.T) {
	for _, pid := range []int{os.Getpid(), 1 << 30} {
		if p, err := pdeath.OpenParent(pid); !errors.Is(err, pdeath.ErrParentGone) && !errors.Is(err, syscall.EINVAL) {
			t.Errorf("OpenParent(%d) = %v, %v; want ErrParentGone", pid, p, err)
		}
	}
}
