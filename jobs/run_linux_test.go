package jobs_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"lastout/jobs"
	"lastout/subreaper"

	"golang.org/x/sys/unix"
)

func TestMain(m *testing.M) {
	jobs.KeeperMain()
	os.Exit(m.Run())
}

// both runs a test with a keeper and in-process. Whatever it runs, nothing may be left of it.
func both(t *testing.T, test func(t *testing.T, r *jobs.Runner)) {
	t.Helper()
	for name, opts := range map[string]jobs.Options{"keeper": {}, "in-process": {InProcess: true}} {
		t.Run(name, func(t *testing.T) { test(t, runner(t, opts)) })
	}
}

func runner(t *testing.T, opts jobs.Options) *jobs.Runner {
	t.Helper()
	r, err := jobs.NewRunner(opts)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := r.Close(); err != nil {
			t.Error(err)
		}
		var info unix.Siginfo
		if err := unix.Waitid(unix.P_ALL, 0, &info, unix.WEXITED|unix.WNOHANG|unix.WNOWAIT|unix.WALL, nil); err != unix.ECHILD {
			t.Errorf("there are children after Close: %v", err)
		}
	})
	return r
}

func run(t *testing.T, r *jobs.Runner, job jobs.Job) *jobs.Result {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	defer cancel()
	if job.Stderr == nil {
		job.Stderr = os.Stderr
	}
	res, err := r.Run(ctx, job)
	if err != nil {
		t.Fatal(err)
	}
	for _, l := range res.Leftovers {
		if unix.Kill(l.PID, 0) == nil {
			t.Errorf("leftover %d (%s) lives", l.PID, l.Cmdline)
		}
	}
	return res
}

func sh(script string) []string { return []string{"sh", "-c", script} }

func TestLeftovers(t *testing.T) {
	both(t, func(t *testing.T, r *jobs.Runner) {
		var out bytes.Buffer
		res := run(t, r, jobs.Job{Args: sh("sleep 300 & setsid sleep 300 & echo built; exit 3"), Stdout: &out})
		if out.String() != "built\n" || res.Status.ExitStatus() != 3 || res.Success() {
			t.Errorf("output %q, status %v", &out, res.Status)
		}
		if res.LeftoverCount != 2 || len(res.Leftovers) != 2 {
			t.Fatalf("leftovers %+v", res.Leftovers)
		}
		for _, l := range res.Leftovers {
			if l.End != jobs.ByStopSignal || !l.Reaped || l.Status.Signal() != syscall.SIGTERM {
				t.Errorf("%+v", l)
			}
		}
		if res.Reaped != 3 || res.PID == 0 || res.Settled.Before(res.Exited) || res.Exited.Before(res.Started) {
			t.Errorf("%+v", res)
		}
	})
}

// A stubborn leftover costs the grace period and SIGKILL; one that ends while lingering ends by
// itself.
func TestEnds(t *testing.T) {
	both(t, func(t *testing.T, r *jobs.Runner) {
		res := run(t, r, jobs.Job{Args: sh(`trap "" TERM; sleep 300 & :`), Grace: 50 * time.Millisecond})
		if len(res.Leftovers) != 1 || res.Leftovers[0].End != jobs.ByKill {
			t.Errorf("leftovers %+v, want one, killed", res.Leftovers)
		}
		fifo := filepath.Join(t.TempDir(), "fifo")
		if err := unix.Mkfifo(fifo, 0o600); err != nil {
			t.Fatal(err)
		}
		go func() { // the leader is gone when the fifo is opened for writing: it waits for its end
			f, err := os.OpenFile(fifo, os.O_WRONLY, 0)
			if err == nil {
				f.Close()
			}
		}()
		res = run(t, r, jobs.Job{Args: sh(`(trap "" TERM; sleep 0.2; read x <` + fifo + `; exit 0) & :`),
			Linger: jobs.Forever})
		if res.LeftoverCount != 0 || len(res.Lingered) == 0 || res.Lingered[0].End != jobs.ByItself {
			t.Errorf("leftovers %+v, lingered %+v, want one of these that ended by itself", res.Leftovers, res.Lingered)
		}
		if res.Killed || res.TimedOut || res.Stopped {
			t.Errorf("%+v", res)
		}
	})
}

func TestTimeout(t *testing.T) {
	both(t, func(t *testing.T, r *jobs.Runner) {
		res := run(t, r, jobs.Job{Args: []string{"sleep", "300"}, Timeout: 20 * time.Millisecond})
		if !res.TimedOut || res.Killed || res.Status.Signal() != syscall.SIGTERM {
			t.Errorf("%+v", res)
		}
		res = run(t, r, jobs.Job{Args: []string{"sleep", "300"}, Timeout: 20 * time.Millisecond, KillAfter: 20 * time.Millisecond, StopSignal: syscall.SIGWINCH}) // which sleep ignores
		if !res.TimedOut || !res.Killed || res.Status.Signal() != syscall.SIGKILL {
			t.Errorf("%+v", res)
		}
	})
}

// cue is a writer that closes a channel at its first byte.
type cue struct {
	seen chan struct{}
	lockedBuffer
}

func newCue() *cue { return &cue{seen: make(chan struct{})} }

func (c *cue) Write(b []byte) (int, error) {
	if c.String() == "" {
		defer close(c.seen)
	}
	return c.lockedBuffer.Write(b)
}

func TestCancel(t *testing.T) {
	both(t, func(t *testing.T, r *jobs.Runner) {
		ctx, cancel := context.WithCancel(context.Background())
		ready := newCue()
		go func() {
			<-ready.seen
			cancel()
		}()
		res, err := r.Run(ctx, jobs.Job{Args: sh(`trap "echo bye; exit 4" TERM; setsid sleep 300 & echo ready; while :; do wait; done`), Stdout: ready})
		if err != nil {
			t.Fatal(err)
		}
		if !res.Stopped || res.Status.ExitStatus() != 4 || ready.String() != "ready\nbye\n" {
			t.Errorf("%+v, output %q", res, ready)
		}
	})
}

func TestSignal(t *testing.T) {
	both(t, func(t *testing.T, r *jobs.Runner) {
		for _, target := range []jobs.Target{jobs.Group, jobs.Leader, jobs.Tree} {
			ready := newCue()
			go func() {
				<-ready.seen
				r.Signal(syscall.SIGUSR1)
			}()
			res := run(t, r, jobs.Job{Args: sh(`trap "exit 5" USR1; echo; while :; do sleep 1; done`),
				Stdout: ready, Forward: target})
			if res.Status.ExitStatus() != 5 {
				t.Errorf("target %d: %v", target, res.Status)
			}
		}
	})
}

func TestKillAfterAForwardedSignal(t *testing.T) {
	both(t, func(t *testing.T, r *jobs.Runner) {
		ready := newCue()
		go func() {
			<-ready.seen
			r.Signal(syscall.SIGTERM)
		}()
		res := run(t, r, jobs.Job{Args: sh(`trap "" TERM; echo; while :; do sleep 1; done`), Stdout: ready,
			KillAfter: 10 * time.Millisecond})
		if !res.Killed || res.TimedOut {
			t.Errorf("%+v", res)
		}
	})
}

func TestStdio(t *testing.T) {
	both(t, func(t *testing.T, r *jobs.Runner) {
		big := strings.Repeat("0123456789abcdef", 1<<16)
		var out, errs bytes.Buffer
		extra, w, err := os.Pipe()
		if err != nil {
			t.Fatal(err)
		}
		defer extra.Close()
		res := run(t, r, jobs.Job{
			Args: sh("cat; echo oops >&2; echo three >&3"), Stdin: strings.NewReader(big), Stdout: &out,
			Stderr: &errs, ExtraFiles: []*os.File{w},
		})
		w.Close()
		three, err := io.ReadAll(extra) // ends: the job is gone, and so is every copy of its descriptors
		if err != nil || !res.Success() || out.String() != big || errs.String() != "oops\n" ||
			string(three) != "three\n" {
			t.Errorf("%v, %d bytes of output, stderr %q, extra %q, %v", res.Status, out.Len(), &errs, three, err)
		}
		var both bytes.Buffer
		run(t, r, jobs.Job{Args: sh("for i in 1 2 3; do echo out; echo err >&2; done"), Stdout: &both, Stderr: &both})
		if both.String() != strings.Repeat("out\nerr\n", 3) {
			t.Errorf("one writer for both got %q", &both)
		}
		run(t, r, jobs.Job{Args: sh("test $(readlink /proc/self/fd/0) = /dev/null && ! echo 2>/dev/null >&4")})
	})
}

// An orphan that is ended late and holds the output open delays nobody, and what the job has
// written is all there.
func TestOutputOfLeftovers(t *testing.T) {
	both(t, func(t *testing.T, r *jobs.Runner) {
		var out bytes.Buffer
		run(t, r, jobs.Job{Args: sh(`(trap 'echo bye; exit' TERM; echo ready; while :; do sleep 300 & wait $!; done) & read x <&0 || sleep 0.1; echo end`), Stdout: &out})
		if !strings.Contains(out.String(), "end\n") {
			t.Errorf("output %q", &out)
		}
	})
}

func TestEnvironmentAndDirectory(t *testing.T) {
	both(t, func(t *testing.T, r *jobs.Runner) {
		dir := t.TempDir()
		var out bytes.Buffer
		run(t, r, jobs.Job{Args: sh(`pwd -P; echo "$A"; env | wc -l`), Dir: dir,
			Env: []string{"A=b c", "PATH=/usr/bin:/bin"}, Stdout: &out})
		want, _ := filepath.EvalSymlinks(dir)
		// and PWD
		if lines := strings.Split(out.String(), "\n"); lines[0] != want || lines[1] != "b c" || lines[2] != "3" {
			t.Errorf("output %q", &out)
		}
	})
}

func TestStartErrors(t *testing.T) {
	dir := t.TempDir()
	script := filepath.Join(dir, "script")
	write := func(name, text string, mode os.FileMode) string {
		path := filepath.Join(dir, name)
		if err := os.WriteFile(path, []byte(text), mode); err != nil {
			t.Fatal(err)
		}
		return path
	}
	write("script", "echo $0 $1", 0o755)
	both(t, func(t *testing.T, r *jobs.Runner) {
		for _, c := range []struct {
			job      jobs.Job
			notFound bool
			errno    error
			text     string
		}{
			{jobs.Job{Args: []string{"no-such-command"}}, true, unix.ENOENT, "command not found"},
			{jobs.Job{Args: []string{"/no/such/file"}}, true, unix.ENOENT, "command not found"},
			{jobs.Job{Args: []string{""}}, true, unix.ENOENT, `""`},
			{jobs.Job{Args: []string{dir}}, false, unix.EACCES, "a directory"},
			{jobs.Job{Args: []string{write("plain", "", 0o644)}}, false, unix.EACCES, "permission denied"},
			{jobs.Job{Args: []string{write("lost", "#!/no/such/interpreter -x\n", 0o755)}}, false, unix.ENOENT,
				"/no/such/interpreter is missing"},
			{jobs.Job{Args: []string{"true"}, Dir: dir + "/none"}, false, unix.ENOENT, "working directory"},
			{jobs.Job{Args: []string{"true", strings.Repeat("x", 1<<18)}}, false, unix.E2BIG, "argument list too long"},
		} {
			res, err := r.Run(context.Background(), c.job)
			var start *jobs.StartError
			if res != nil || !errors.As(err, &start) || start.NotFound != c.notFound ||
				!errors.Is(err, c.errno) || !strings.Contains(err.Error(), c.text) {
				t.Errorf("%.60q: %v, %v; want %v and %q", c.job.Args, res, err, c.errno, c.text)
			}
		}
		var out bytes.Buffer
		run(t, r, jobs.Job{Args: []string{script, "arg"}, Stdout: &out}) // no #!: by /bin/sh, as execvp does
		if out.String() != script+" arg\n" {
			t.Errorf("a script without #!: %q", &out)
		}
	})
}

func TestBadJobs(t *testing.T) {
	both(t, func(t *testing.T, r *jobs.Runner) {
		for _, job := range []jobs.Job{
			{},
			{Args: []string{"true"}, Linger: -1},
			{Args: []string{"true"}, Timeout: -1},
			{Args: []string{"true"}, StopSignal: 99},
			{Args: []string{"true"}, Forward: 9},
		} {
			if res, err := r.Run(context.Background(), job); res != nil || err == nil {
				t.Errorf("%+v: %v, %v", job, res, err)
			}
		}
	})
}

func TestNoNewPrivs(t *testing.T) {
	both(t, func(t *testing.T, r *jobs.Runner) {
		for _, want := range []bool{false, true, false} { // the third: a thread cannot take it back
			var out bytes.Buffer
			run(t, r, jobs.Job{Args: []string{"grep", "NoNewPrivs", "/proc/self/status"}, Stdout: &out,
				NoNewPrivs: want})
			if got := strings.HasSuffix(out.String(), "1\n"); got != want {
				t.Errorf("%q, want %v", &out, want)
			}
		}
	})
}

func TestLeaderHasItsDeathSignalAndGroup(t *testing.T) {
	both(t, func(t *testing.T, r *jobs.Runner) {
		var out bytes.Buffer
		res := run(t, r, jobs.Job{Args: sh("cut -d' ' -f5 /proc/$$/stat"), Stdout: &out})
		if got := strings.TrimSpace(out.String()); got != strconv.Itoa(res.PID) {
			t.Errorf("process group %s, want the leader's %d", got, res.PID)
		}
	})
}

// A keeper runs one job after another.
func TestOneKeeperForManyJobs(t *testing.T) {
	r := runner(t, jobs.Options{})
	parents := map[string]bool{}
	for range 20 {
		var out bytes.Buffer
		res := run(t, r, jobs.Job{Args: sh("echo $PPID; sleep 300 &"), Stdout: &out})
		if res.LeftoverCount != 1 {
			t.Errorf("%d leftovers", res.LeftoverCount)
		}
		parents[out.String()] = true
	}
	if len(parents) != 1 {
		t.Errorf("the jobs had %d keepers", len(parents))
	}
}

// SIGKILL to the keeper leaves nothing behind, and the Runner goes on with another one.
func TestKeeperKilled(t *testing.T) {
	lost := make(chan struct{}, 1)
	r := runner(t, jobs.Options{Events: jobs.Events{KeeperLost: func() { lost <- struct{}{} }}})
	job := jobs.Job{Args: sh(`setsid sh -c 'trap "" TERM; sleep 300' & echo; kill -9 $PPID; sleep 300`),
		Grace: 50 * time.Millisecond, Stdout: io.Discard}
	res, err := r.Run(context.Background(), job)
	if !errors.Is(err, jobs.ErrKeeperLost) || res == nil {
		t.Fatalf("%+v, %v; want ErrKeeperLost", res, err)
	}
	<-lost
	for _, l := range res.Leftovers {
		if unix.Kill(l.PID, 0) == nil {
			t.Errorf("%d (%s) lives", l.PID, l.Cmdline)
		}
	}
	if res := run(t, r, jobs.Job{Args: sh("exit 6")}); res.Status.ExitStatus() != 6 {
		t.Errorf("the next job ended with %v", res.Status)
	}
}

func TestClosed(t *testing.T) {
	r, err := jobs.NewRunner(jobs.Options{InProcess: true})
	if err != nil {
		t.Fatal(err)
	}
	if err := r.Close(); err != nil {
		t.Fatal(err)
	}
	if _, err := r.Run(context.Background(), jobs.Job{Args: []string{"true"}}); !errors.Is(err, jobs.ErrClosed) {
		t.Errorf("got %v", err)
	}
	if err := r.Close(); !errors.Is(err, jobs.ErrClosed) {
		t.Errorf("got %v", err)
	}
}

func TestLogger(t *testing.T) {
	both(t, func(t *testing.T, _ *jobs.Runner) {})
	for _, inProcess := range []bool{true, false} {
		var log lockedBuffer
		r, err := jobs.NewRunner(jobs.Options{InProcess: inProcess,
			Logger: slog.New(slog.NewTextHandler(&log, &slog.HandlerOptions{Level: slog.LevelDebug}))})
		if err != nil {
			t.Fatal(err)
		}
		if _, err := r.Run(context.Background(), jobs.Job{Args: sh("sleep 300 & :")}); err != nil {
			t.Fatal(err)
		}
		if err := r.Close(); err != nil {
			t.Error(err)
		}
		for _, want := range []string{"msg=started", "SIGTERM", "reaped an adopted orphan", "comm="} {
			if !strings.Contains(log.String(), want) {
				t.Errorf("in-process %v: no %q in %s", inProcess, want, &log)
			}
		}
	}
}

// The program's own commands go on beside a job, whichever way it runs, and keep their statuses.
func TestBesideExec(t *testing.T) {
	both(t, func(t *testing.T, r *jobs.Runner) {
		done := make(chan error)
		go func() {
			for i := range 30 {
				err := exec.Command("sh", "-c", fmt.Sprintf("exit %d", i+1)).Run()
				var exit *exec.ExitError
				if !errors.As(err, &exit) || exit.ExitCode() != i+1 {
					done <- fmt.Errorf("command %d: %w", i+1, err)
					return
				}
			}
			done <- nil
		}()
		for range 10 {
			run(t, r, jobs.Job{Args: sh("(:&) ; (:&) ; sleep 300 &")})
		}
		if err := <-done; err != nil {
			t.Error(err)
		}
	})
}

func TestSurvivorErrorNamesThem(t *testing.T) {
	err := &subreaper.SurvivorError{Procs: []subreaper.Survivor{{Process: subreaper.Process{PID: 7,
		Cmdline: "su"}, Err: unix.EPERM}}, Err: context.DeadlineExceeded}
	if !strings.Contains(err.Error(), "7 (su): operation not permitted") || !errors.Is(err, context.DeadlineExceeded) {
		t.Error(err)
	}
}

// lockedBuffer is a writer for a logger that several goroutines use.
type lockedBuffer struct {
	mu sync.Mutex
	b  bytes.Buffer
}

func (l *lockedBuffer) Write(b []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.Write(b)
}

func (l *lockedBuffer) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.String()
}
