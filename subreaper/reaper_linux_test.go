package subreaper

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"golang.org/x/sys/unix"
)

// newReaper returns a Reaper that is closed, with the whole tree gone, at the end of the test.
func newReaper(t *testing.T, opts Options) *Reaper {
	t.Helper()
	r, err := New(opts)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		end(t, r)
		if err := r.Close(); err != nil {
			t.Error(err)
		}
	})
	return r
}

func end(t *testing.T, r *Reaper) {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), 30*time.Second)
	defer cancel()
	if err := r.End(ctx, EndOptions{}); err != nil {
		t.Fatal(err)
	}
	if !r.Childless() {
		t.Error("there are children after End")
	}
}

// start starts a watched shell in a process group of its own, and returns when it has said
// something.
func start(t *testing.T, r *Reaper, script string) (*Child, chan Change, string) {
	t.Helper()
	outR, outW, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	defer outR.Close()
	changes := make(chan Change, 16)
	c, err := r.Start(func() (int, error) {
		return syscall.ForkExec("/bin/sh", []string{"sh", "-c", script}, &syscall.ProcAttr{
			Env: os.Environ(), Files: []uintptr{0, outW.Fd(), 2}, Sys: &syscall.SysProcAttr{Setpgid: true},
		})
	}, func(c Change) { changes <- c })
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(c.Close)
	outW.Close()
	line, err := bufio.NewReader(outR).ReadString('\n')
	if err != nil {
		t.Fatal(err)
	}
	return c, changes, strings.TrimSpace(line)
}

func alive(pid int) bool { return unix.Kill(pid, 0) == nil }

func TestSetting(t *testing.T) {
	before, err := IsSet()
	if err != nil {
		t.Fatal(err)
	}
	r, err := New(Options{})
	if err != nil {
		t.Fatal(err)
	}
	if set, _ := IsSet(); !set {
		t.Error("New has not made the process a subreaper")
	}
	if err := r.Close(); err != nil {
		t.Fatal(err)
	}
	if after, _ := IsSet(); after != before {
		t.Errorf("after Close the setting is %v, before it was %v", after, before)
	}
	if r.Close() == nil {
		t.Error("a second Close succeeds")
	}
	if _, err := r.Start(nil, nil); !errors.Is(err, errClosed) {
		t.Errorf("Start after Close: %v", err)
	}
}

// An orphan is adopted, and reaped with its status while the leader runs, whatever session it is
// in.
func TestReapsOrphans(t *testing.T) {
	exits := make(chan Exit, 16)
	r := newReaper(t, Options{Reaped: func(e Exit) { exits <- e }})
	fifo := filepath.Join(t.TempDir(), "fifo") // they exit when their parent has: a shell may reap what exits before
	start(t, r, fmt.Sprintf(`mkfifo %[1]s; (setsid sh -c 'read _ <%[1]s; exit 42' & (read _ <%[1]s; exit 41) & :); exec 3<>%[1]s; printf '\n\n' >&3; echo; sleep 60`, fifo))
	got := map[int]int{}
	for range 2 {
		got[(<-exits).Status.ExitStatus()]++
	}
	if got[41] != 1 || got[42] != 1 {
		t.Errorf("orphans ended with %v, want 41 and 42 once each", got)
	}
	if reaped, _ := r.Totals(); reaped != 2 {
		t.Errorf("%d were reaped, want 2", reaped)
	}
}

func TestLeaderAlone(t *testing.T) {
	r := newReaper(t, Options{})
	c, changes, _ := start(t, r, "echo; exit 7")
	change := <-changes
	if !change.Status.Exited() || change.Status.ExitStatus() != 7 || !change.Alone {
		t.Errorf("got %+v, want exit status 7, alone", change)
	}
	if alive(c.PID) {
		t.Error("a leader that was alone has not been reaped")
	}
	if reaped, _ := r.Totals(); reaped != 1 {
		t.Errorf("%d reaped, want 1", reaped)
	}
}

// While others of its tree live, an exited leader stays a zombie, so that its process group's
// number is pinned, until it is released.
func TestLeaderIsHeld(t *testing.T) {
	r := newReaper(t, Options{})
	c, changes, left := start(t, r, "sleep 60 & echo $!; exit 7")
	if change := <-changes; change.Alone || change.Status.ExitStatus() != 7 {
		t.Errorf("got %+v, want exit status 7, not alone", change)
	}
	if !alive(c.PID) {
		t.Error("the leader has been reaped")
	}
	if err := c.SignalGroup(syscall.SIGCONT); err != nil {
		t.Errorf("signal the group of a held leader: %v", err)
	}
	c.Release()
	if alive(c.PID) {
		t.Error("the leader has not been reaped when released")
	}
	if err := c.Signal(syscall.SIGCONT); !errors.Is(err, unix.ESRCH) {
		t.Errorf("signal to a leader that was reaped: %v, want ESRCH", err)
	}
	procs := r.Descendants()
	if len(procs) != 1 || strconv.Itoa(procs[0].PID) != left {
		t.Errorf("descendants %+v, want %s alone", procs, left)
	}
	end(t, r)
}

func TestStopsAndContinues(t *testing.T) {
	r := newReaper(t, Options{})
	c, changes, _ := start(t, r, "echo; exec sleep 60")
	for _, step := range []struct {
		sig  syscall.Signal
		want func(syscall.WaitStatus) bool
	}{
		{unix.SIGSTOP, func(s syscall.WaitStatus) bool { return s.Stopped() && s.StopSignal() == unix.SIGSTOP }},
		{unix.SIGCONT, syscall.WaitStatus.Continued},
		{unix.SIGKILL, func(s syscall.WaitStatus) bool { return s.Signaled() && s.Signal() == unix.SIGKILL }},
	} {
		if err := c.Signal(step.sig); err != nil {
			t.Fatal(err)
		}
		if got := <-changes; !step.want(got.Status) {
			t.Errorf("after %v: %#x", step.sig, got.Status)
		}
	}
}

func TestNoProc(t *testing.T) {
	procDir = t.TempDir()
	defer func() { procDir = "/proc" }()
	r := newReaper(t, Options{})
	if r.Degraded() == nil {
		t.Error("nothing is said to be lost without /proc")
	}
	_, changes, _ := start(t, r, "echo; exit 3")
	if c := <-changes; !c.Alone || c.Status.ExitStatus() != 3 {
		t.Errorf("got %+v, want exit status 3, alone", c)
	}
}

// SignalAll reaches everybody once. Each process writes a line for every signal it gets.
func TestSignalAllOnce(t *testing.T) {
	r := newReaper(t, Options{})
	name := t.TempDir() + "/fifo"
	if err := unix.Mkfifo(name, 0o600); err != nil {
		t.Fatal(err)
	}
	fifo, err := os.OpenFile(name, os.O_RDWR, 0)
	if err != nil {
		t.Fatal(err)
	}
	defer fifo.Close()
	c, changes, _ := start(t, r, fmt.Sprintf(`
		one() { trap 'echo $1 >%[1]s; exit' TERM; echo ready >%[1]s; while :; do sleep 60 & wait $!; done; }
		one a & setsid sh -c 'trap "echo b >%[1]s; exit" TERM; echo ready >%[1]s; while :; do sleep 60 & wait $!; done' &
		(one c & one d & wait) &
		echo; wait`, name))
	lines := bufio.NewReader(fifo)
	got := map[string]int{}
	read := func(n int) {
		for range n {
			line, err := lines.ReadString('\n')
			if err != nil {
				t.Fatal(err)
			}
			got[strings.TrimSpace(line)]++
		}
	}
	read(4)
	procs := r.SignalAll(unix.SIGTERM, unix.SIGCONT)
	if len(procs) < 6 { // the leader, its subshell, and a to d
		t.Errorf("%d were signalled: %+v", len(procs), procs)
	}
	<-changes
	c.Release()
	read(4)
	end(t, r)
	if _, err := fifo.WriteString("end\n"); err != nil {
		t.Fatal(err)
	}
	for got["end"] == 0 { // whatever came after the first four is before it
		read(1)
	}
	if got["ready"] != 4 || got["a"] != 1 || got["b"] != 1 || got["c"] != 1 || got["d"] != 1 {
		t.Errorf("got %v, want one signal for each of a, b, c, d", got)
	}
}

// Beside os/exec: every status arrives, while orphans are reaped all the time, whether the Reaper
// is told of the commands or not.
func TestBesideExec(t *testing.T) {
	for name, wait := range map[string]func(*Reaper, *exec.Cmd) error{
		"StartCommand": func(r *Reaper, cmd *exec.Cmd) error {
			if err := r.StartCommand(cmd); err != nil {
				return err
			}
			return cmd.Wait()
		},
		"Run": func(_ *Reaper, cmd *exec.Cmd) error { return cmd.Run() },
	} {
		t.Run(name, func(t *testing.T) {
			var mu sync.Mutex
			orphans := 0
			r := newReaper(t, Options{Reaped: func(e Exit) {
				if e.Status.ExitStatus() == 9 {
					mu.Lock()
					orphans++
					mu.Unlock()
				}
			}})
			var wg sync.WaitGroup
			const workers, each = 8, 25
			for w := range workers {
				wg.Add(1)
				go func() {
					defer wg.Done()
					for i := range each {
						want := (w*each + i) % 200
						cmd := exec.Command("/bin/sh", "-c",
							fmt.Sprintf("(exit 9 & exit 9 & exit 9 &) ; exit %d", want))
						err := wait(r, cmd)
						if got := cmd.ProcessState.ExitCode(); got != want {
							t.Errorf("status %d, want %d; %v", got, want, err)
						}
					}
				}()
			}
			wg.Wait()
			end(t, r)
			mu.Lock()
			defer mu.Unlock()
			if orphans < workers*each*2 { // three each; the subshell may reap some that are quick
				t.Errorf("%d orphans were reaped of %d", orphans, workers*each*3)
			}
		})
	}
}

// A command's zombie that nobody collects must not keep orphans from being reaped.
func TestUncollectedCommand(t *testing.T) {
	exits := make(chan Exit, 100)
	r := newReaper(t, Options{Reaped: func(e Exit) {
		select {
		case exits <- e:
		default:
		}
	}})
	idle := exec.Command("/bin/true")
	if err := r.StartCommand(idle); err != nil {
		t.Fatal(err)
	}
	for !exited(int32(idle.Process.Pid)) {
		time.Sleep(time.Millisecond)
	}
	start(t, r, "echo; while :; do (exit 9 &) ; done")
	for range 100 {
		if e := <-exits; e.Status.ExitStatus() != 9 {
			t.Errorf("an orphan ended with %v", e.Status)
		}
	}
	if err := idle.Wait(); err != nil {
		t.Errorf("the command's status was lost: %v", err)
	}
}

func TestStartFails(t *testing.T) {
	r := newReaper(t, Options{})
	if _, err := r.Start(func() (int, error) { return 0, unix.ENOENT }, func(Change) {}); !errors.Is(err, unix.ENOENT) {
		t.Errorf("got %v, want ENOENT", err)
	}
}

func TestSignalErrorsAreErrnos(t *testing.T) {
	if err := signalError(1, unix.SIGTERM, unix.EPERM); !errors.Is(err, unix.EPERM) {
		t.Errorf("got %v", err)
	}
}

func TestWaitStatus(t *testing.T) {
	for _, c := range []struct {
		info siginfo
		is   func(syscall.WaitStatus) bool
	}{
		{siginfo{Code: cldExited, Status: 255}, func(s syscall.WaitStatus) bool {
			return s.Exited() &&
				s.ExitStatus() == 255
		}},
		{siginfo{Code: cldKilled, Status: 9}, func(s syscall.WaitStatus) bool {
			return s.Signaled() &&
				s.Signal() == 9 && !s.CoreDump()
		}},
		{siginfo{Code: cldDumped, Status: 11}, func(s syscall.WaitStatus) bool {
			return s.Signaled() &&
				s.Signal() == 11 && s.CoreDump()
		}},
		{siginfo{Code: cldStopped, Status: 20}, func(s syscall.WaitStatus) bool {
			return s.Stopped() &&
				s.StopSignal() == 20
		}},
		{siginfo{Code: cldContinued, Status: 18}, syscall.WaitStatus.Continued},
	} {
		if st := c.info.waitStatus(); !c.is(st) {
			t.Errorf("%+v became %#x", c.info, st)
		}
	}
}
