//go:build linux

package box

import (
	"bufio"
	"fmt"
	"os"
	"os/exec"
	"runtime"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"golang.org/x/sys/unix"
)

// recorder is a testing.TB whose failures are kept, to test checks that must fail.
type recorder struct {
	testing.TB
	failures []string
	fatal    bool
	skipped  string
	cleanups []func()
}

func (r *recorder) Helper()          {}
func (r *recorder) Cleanup(f func()) { r.cleanups = append(r.cleanups, f) }
func (r *recorder) Errorf(f string, args ...any) {
	r.failures = append(r.failures, fmt.Sprintf(f, args...))
}
func (r *recorder) Fatalf(f string, args ...any) {
	r.Errorf(f, args...)
	r.fatal = true
	runtime.Goexit()
}
func (r *recorder) Skipf(f string, args ...any) {
	r.skipped = fmt.Sprintf(f, args...)
	runtime.Goexit()
}
func (r *recorder) Skip(args ...any) { r.skipped = fmt.Sprint(args...); runtime.Goexit() }
func (r *recorder) failedWith(words ...string) bool {
	return slices.ContainsFunc(r.failures, func(f string) bool {
		for _, w := range words {
			if !strings.Contains(f, w) {
				return false
			}
		}
		return true
	})
}

// record runs a test's body and its cleanups against a recorder.
func record(t *testing.T, body func(testing.TB)) *recorder {
	r := &recorder{TB: t}
	done := make(chan struct{})
	go func() {
		defer close(done)
		defer func() {
			for _, f := range slices.Backward(r.cleanups) {
				f()
			}
		}()
		body(r)
	}()
	<-done
	return r
}

// kinds runs a test in each kind of box.
func kinds(t *testing.T, test func(t *testing.T, opts ...Option)) {
	t.Run("best", func(t *testing.T) { test(t) })
	t.Run("marker", func(t *testing.T) { test(t, withoutCgroup()) })
}

// ready starts a shell command in the box and returns what its first line says.
func ready(t testing.TB, b *Box, script string, stdin ...*os.File) (*exec.Cmd, string) {
	t.Helper()
	cmd := b.Command("sh", "-c", script)
	if len(stdin) > 0 {
		cmd.Stdin = stdin[0]
	}
	r, w, err := os.Pipe()
	if err != nil {
		t.Fatalf("%v", err)
	}
	defer r.Close()
	cmd.Stdout = w
	if err := cmd.Start(); err != nil {
		t.Fatalf("%v", err)
	}
	w.Close()
	line, err := bufio.NewReader(r).ReadString('\n')
	if err != nil {
		t.Fatalf("%v", err)
	}
	return cmd, strings.TrimSpace(line)
}

func TestEmptyBoxIsEmpty(t *testing.T) {
	kinds(t, func(t *testing.T, opts ...Option) {
		b := New(t, opts...)
		b.AssertEmpty()
		out := Run(t, b, b.Command("sh", "-c", "echo out; echo err >&2; exit 3"), time.Minute)
		if out.Status != 3 || out.Signal != 0 || out.Stdout != "out\n" || out.Stderr != "err\n" {
			t.Errorf("outcome %+v", out)
		}
		out = Run(t, b, b.Command("sh", "-c", "kill -9 $$"), time.Minute)
		if out.Status != -1 || out.Signal != syscall.SIGKILL {
			t.Errorf("outcome %+v", out)
		}
	})
}

func TestSleeperIsReported(t *testing.T) {
	kinds(t, func(t *testing.T, opts ...Option) {
		var procs []int
		r := record(t, func(t testing.TB) {
			b := New(t, opts...)
			out := Run(t, b, b.Command("sh", "-c", "setsid sleep 4711 & exit 7"), time.Minute)
			if out.Status != 7 {
				t.Errorf("status %d", out.Status)
			}
			procs = b.Procs()
		})
		// As sh, setsid or sleep, or in between, without a command line.
		if len(r.failures) != 1 || !r.failedWith("not empty, 1 left", "pid ", "state", "command line") {
			t.Errorf("the sleeper is not reported once: %q", r.failures)
		}
		assertGone(t, procs, 1)
	})
}

func TestStoppedIsReported(t *testing.T) {
	kinds(t, func(t *testing.T, opts ...Option) {
		var procs []int
		r := record(t, func(t testing.TB) {
			b := New(t, opts...)
			cmd, _ := ready(t, b, "echo up; kill -STOP $$; sleep 60")
			var ws syscall.WaitStatus
			syscall.Wait4(cmd.Process.Pid, &ws, syscall.WUNTRACED, nil)
			b.AssertEmpty()
			procs = b.Procs()
		})
		if !r.failedWith("state T") {
			t.Errorf("the stopped process is not reported: %q", r.failures)
		}
		assertGone(t, procs, 1)
	})
}

func TestZombieIsReported(t *testing.T) {
	if !New(t).Exact() {
		t.Skip("no cgroup can be made here, and a zombie has no environment to be known by")
	}
	r := record(t, func(t testing.TB) {
		b := New(t)
		cmd, _ := ready(t, b, "echo up; exit 0")
		// Dead, and not waited for.
		if err := unix.Waitid(unix.P_PID, cmd.Process.Pid, nil, unix.WEXITED|unix.WNOWAIT, nil); err != nil {
			t.Fatalf("waitid: %v", err)
		}
		b.AssertEmpty()
		if got := b.Procs(); !slices.Equal(got, []int{cmd.Process.Pid}) {
			t.Errorf("Procs() = %v, want the zombie %d", got, cmd.Process.Pid)
		}
		cmd.Wait()
		if got := b.Procs(); len(got) != 0 {
			t.Errorf("Procs() = %v after the zombie was reaped", got)
		}
	})
	if len(r.failures) != 1 || !r.failedWith("state Z") {
		t.Errorf("the zombie is not reported once: %q", r.failures)
	}
}

func TestZombieOfAMemberIsReported(t *testing.T) {
	kinds(t, func(t *testing.T, opts ...Option) {
		r := record(t, func(t testing.TB) {
			b := New(t, opts...)
			// The shell starts cat, becomes sleep, and so never waits for cat,
			// which ends when told: after that, for a shell might.
			stdin, end, err := os.Pipe()
			if err != nil {
				t.Fatalf("%v", err)
			}
			defer stdin.Close()
			cmd, child := ready(t, b, "exec 3<&0; cat <&3 & echo $!; exec sleep 60", stdin)
			var pid int
			fmt.Sscan(child, &pid)
			for p, err := readProc(cmd.Process.Pid); err == nil && p.comm != "sleep"; p,
				err = readProc(cmd.Process.Pid) {
				time.Sleep(time.Millisecond)
			}
			end.Close()
			for alive(pid) {
				time.Sleep(time.Millisecond) // nobody but sleep is told of its end
			}
			if got := b.Procs(); !slices.Contains(got, pid) || !slices.Contains(got, cmd.Process.Pid) {
				t.Errorf("Procs() = %v, want the zombie %d and its parent %d", got, pid, cmd.Process.Pid)
			}
			b.Kill()
			cmd.Wait()
		})
		for _, f := range r.failures {
			if strings.Contains(f, "Procs()") {
				t.Error(f)
			}
		}
	})
}

func TestWhatATestLeavesFailsIt(t *testing.T) {
	kinds(t, func(t *testing.T, opts ...Option) {
		var procs []int
		r := record(t, func(t testing.TB) {
			b := New(t, opts...)
			ready(t, b, "trap '' TERM HUP INT; echo up; sleep 60 & wait")
			procs = b.Procs()
		})
		if !r.failedWith("the test left") {
			t.Errorf("nothing was reported: %q", r.failures)
		}
		assertGone(t, procs, 1)
	})
}

func TestRunIsBounded(t *testing.T) {
	kinds(t, func(t *testing.T, opts ...Option) {
		start := time.Now()
		r := record(t, func(t testing.TB) {
			b := New(t, opts...)
			Run(t, b, b.Command("sh", "-c", "echo begun; setsid sleep 600 & sleep 600"), 300*time.Millisecond)
		})
		if !r.fatal || !r.failedWith("not returned", "begun") {
			t.Errorf("fatal %v, %q", r.fatal, r.failures)
		}
		if elapsed := time.Since(start); elapsed > 2*time.Minute {
			t.Errorf("it took %v", elapsed)
		}
	})
}

// An orphan that holds stdout open must not make Run wait for it.
func TestRunDoesNotWaitForOutput(t *testing.T) {
	r := record(t, func(t testing.TB) {
		b := New(t)
		out := Run(t, b, b.Command("sh", "-c", "sleep 60 & echo done"), 30*time.Second)
		if out.Stdout != "done\n" {
			t.Errorf("stdout %q", out.Stdout)
		}
	})
	if r.fatal || len(r.failures) != 1 || !r.failedWith("not empty") {
		t.Errorf("fatal %v, %q", r.fatal, r.failures)
	}
}

func TestTry(t *testing.T) {
	kinds(t, func(t *testing.T, opts ...Option) {
		for script, want := range map[string]Verdict{
			"exit 0":                   Held,
			"setsid sleep 60 &":        Escaped,
			"setsid cat <&3 &":         Late,    // ends when it has been seen
			"sleep 60 & exec sleep 60": Escaped, // does not return in time
		} {
			b := New(t, opts...)
			cmd := b.Command("sh", "-c", script)
			seen, see, err := os.Pipe()
			if err != nil {
				t.Fatal(err)
			}
			cmd.ExtraFiles = []*os.File{seen}
			returned := make(chan struct{})
			go func() {
				defer see.Close()
				select {
				case <-b.judged:
				case <-returned:
				}
			}()
			if _, got := Try(t, b, cmd, time.Second); got != want {
				t.Errorf("%q: %v, want %v", script, got, want)
			}
			close(returned)
			seen.Close()
		}
	})
}

func TestPidsLimit(t *testing.T) {
	var procs []int
	r := record(t, func(t testing.TB) {
		b := New(t, PidsLimit(20))
		ready(t, b, "i=0; while [ $i -lt 40 ]; do sleep 60 & i=$((i+1)); [ $i != 12 ] || echo twelve; done; wait")
		procs = b.Procs()
		b.Kill()
		procs = append(procs, b.Procs()...)
	})
	if r.skipped != "" {
		t.Skip(r.skipped)
	}
	if len(procs) > 2*20 {
		t.Errorf("%d processes in a box for 20", len(procs))
	}
	assertGone(t, procs, 12)
}

// Where there is no pids controller, a cap is a resource limit, from which root
// is exempt.
func TestPidsCapWithoutCgroup(t *testing.T) {
	b := New(t, withoutCgroup(), PidsCap(20))
	out := Run(t, b, b.Command("sh", "-c", "ulimit -a | grep process"), time.Minute)
	var limit int
	if f := strings.Fields(out.Stdout); len(f) > 0 {
		fmt.Sscan(f[len(f)-1], &limit)
	}
	// The user's other tasks come and go.
	if tasks := tasksOf(os.Getuid()); limit < tasks/2 || limit > 2*tasks+1000 {
		t.Errorf("%q, with %d tasks of the user", out.Stdout, tasks)
	}
}

func TestEnvironmentIsUntouched(t *testing.T) {
	t.Setenv("no-identifier", "kept")
	kinds(t, func(t *testing.T, opts ...Option) {
		b := New(t, opts...)
		cmd := b.Command("env", "-0")
		want := slices.Clone(cmd.Env)
		out := Run(t, b, cmd, time.Minute)
		if got := strings.Split(strings.TrimSuffix(out.Stdout, "\x00"), "\x00"); !slices.Equal(got, want) {
			t.Errorf("environment\n%q\nwant\n%q", got, want)
		}
	})
}

func TestMissingCommand(t *testing.T) {
	b := New(t)
	if err := b.Command("no-such-command-at-all").Start(); err == nil {
		t.Error("a command that does not exist was started")
	}
}

func TestParseStat(t *testing.T) {
	for _, test := range []struct {
		text string
		want proc
	}{
		{"12 (cat) R 3 12 3 0", proc{12, "cat", 'R', 3}},
		{"12 () Z 1 1 1) S 3 12 3 0", proc{12, ") Z 1 1 1", 'S', 3}},
		{"12 (a\nb (c) T 3 12 3 0\n", proc{12, "a\nb (c", 'T', 3}},
	} {
		if got, err := parseStat(test.text); err != nil || got != test.want {
			t.Errorf("parseStat(%q) = %+v, %v", test.text, got, err)
		}
	}
	for _, text := range []string{"", "12", "12 (cat", "12 cat) R 3", "x (cat) R 3", "12 (cat) R",
		"12 (cat) RR 3", "12 (cat) R x"} {
		if got, err := parseStat(text); err == nil {
			t.Errorf("parseStat(%q) = %+v, want an error", text, got)
		}
	}
}

func TestParseMountinfo(t *testing.T) {
	const hybrid = `31 23 0:28 / /sys/fs/cgroup rw,relatime - tmpfs tmpfs rw,mode=755
32 31 0:29 / /sys/fs/cgroup/cpu,cpuacct rw,relatime shared:9 - cgroup cgroup rw,cpu,cpuacct
39 31 0:36 / /sys/fs/cgroup/pids rw,relatime - cgroup cgroup rw,pids
41 31 0:38 / /sys/fs/cgroup/unified rw,relatime - cgroup2 cgroup2 rw
`
	const unified = `29 22 0:26 / /sys/fs/cgroup rw,nosuid,nodev,noexec,relatime shared:4 master:1 - cgroup2 cgroup2 rw,nsdelegate
`
	for text, want := range map[string]hierarchies{
		hybrid:  {v2: "/sys/fs/cgroup/unified", v1pids: "/sys/fs/cgroup/pids"},
		unified: {v2: "/sys/fs/cgroup"},
		"":      {},
	} {
		if got := parseMountinfo(text); got != want {
			t.Errorf("parseMountinfo(%q) = %+v, want %+v", text, got, want)
		}
	}
}

func TestOwnCgroup(t *testing.T) {
	const text = "8:pids:/user\n4:cpu,cpuacct:/other\n0::/system.slice/a:b.service\n"
	for controller, want := range map[string]string{"pids": "/user", "cpuacct": "/other",
		"": "/system.slice/a:b.service", "memory": "/"} {
		if got := ownCgroup(text, controller); got != want {
			t.Errorf("ownCgroup(%q) = %q, want %q", controller, got, want)
		}
	}
}

// assertGone checks that what was in a removed box does not run, and that the
// test had seen at least that many there.
func assertGone(t *testing.T, pids []int, atLeast int) {
	t.Helper()
	if len(pids) < atLeast {
		t.Errorf("saw %v in the box, want %d at least", pids, atLeast)
	}
	for _, pid := range pids {
		if alive(pid) {
			t.Errorf("alive: %s", describe(pid))
		}
	}
}
