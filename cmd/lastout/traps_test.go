//go:build linux

package main_test

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"lastout/testdata/box"
)

// TestJobOutlivesThreads guards that the leader is forked from a thread that lives as long as it
// does. Its parent-death signal fires when that thread ends (https://go.dev/issue/27505), and
// children forked from goroutines that were locked and ended died so.
func TestJobOutlivesThreads(t *testing.T) {
	underBoth(t, func(t *testing.T, b *box.Box, flag string) {
		s := play(t, b, b.Command(box.Lastout(t), flag, trap(t, "makes-orphans")))
		leader, parent := s.ready()
		thread := forkedBy(parent, leader)
		for range 5 { // whatever threads there are have something to do
			if _, err := s.in.Write([]byte{'.'}); err != nil {
				t.Fatal(err)
			}
			s.expect("done")
		}
		if now := forkedBy(parent, leader); now != thread || now == 0 {
			t.Errorf("the leader was forked by thread %d and belongs to thread %d now: the first has ended",
				thread, now)
		}
		s.in.Close()
		s.end(7)
	})
}

// TestDeathSignal: the leader has a parent-death signal, KILL unless told otherwise.
func TestDeathSignal(t *testing.T) {
	underBoth(t, func(t *testing.T, b *box.Box, flag string) {
		for _, c := range []struct {
			flags []string
			want  string
		}{{nil, "9\n"}, {[]string{"--pdeathsig", "TERM"}, "15\n"}} {
			argv := slices.Concat([]string{flag}, c.flags, []string{trap(t, "prints-deathsig")})
			out := box.Run(t, b, b.Command(box.Lastout(t), argv...), patience)
			if out.Stdout != c.want || out.Status != 0 {
				t.Errorf("%q prints %q, want %q; status %d, stderr %q", argv, out.Stdout, c.want, out.Status,
					out.Stderr)
			}
		}
	})
}

// TestNoNewPrivsIsTheJobsAlone guards that no_new_privs, which a thread cannot take back and hands
// to the threads it makes, is set on a thread that does nothing else: in lastout's other threads it
// would reach the next job, and lastout itself.
func TestNoNewPrivsIsTheJobsAlone(t *testing.T) {
	underBoth(t, func(t *testing.T, b *box.Box, flag string) {
		for _, c := range []struct{ flag, want string }{{"--no-new-privs=false", "0"}, {"--no-new-privs", "1"}} {
			s := play(t, b, b.Command(box.Lastout(t), flag, c.flag, trap(t, "tells-signals")))
			leader, parent := s.ready()
			if got := statusField(fmt.Sprintf("/proc/%d/status", leader), "NoNewPrivs"); got != c.want {
				t.Errorf("%s: the job has no_new_privs %s, want %s", c.flag, got, c.want)
			}
			for _, pid := range []int{s.pid(), parent} {
				marked := 0
				tasks, _ := filepath.Glob(fmt.Sprintf("/proc/%d/task/*/status", pid))
				for _, task := range tasks {
					if statusField(task, "NoNewPrivs") == "1" {
						marked++
					}
				}
				if got := statusField(fmt.Sprintf("/proc/%d/status", pid), "NoNewPrivs"); got != "0" || marked > 1 {
					t.Errorf("%s: of lastout's process %d, the main thread has no_new_privs %s and %d of all threads have it", c.flag, pid, got, marked)
				}
			}
			s.in.Close()
			s.end(7)
		}
	})
}

// TestChildrenByExec guards that children which an exec hands to lastout (`server & exec lastout
// job`) are taken for what they are, descendants: reaped while the job runs, and ended with the
// rest. A net under the worker alone would miss them.
func TestChildrenByExec(t *testing.T) {
	underBoth(t, func(t *testing.T, b *box.Box, flag string) {
		script := `exec 3<&0
			sleep 60 & (trap '' TERM; setsid sleep 60 & sleep 60) & 
			sh -c 'read line; exit 3' <&3 & echo $!
			exec "$@"`
		fifo := filepath.Join(t.TempDir(), "end")
		if err := unix.Mkfifo(fifo, 0o600); err != nil {
			t.Fatal(err)
		}
		s := play(t, b, b.Command("sh", "-c", script, "sh", box.Lastout(t), flag, "--grace", "300ms", "sh",
			"-c", "echo up; read line <"+fifo+"; exit 7"))
		pid, err := strconv.Atoi(s.line())
		if err != nil {
			t.Fatal(err)
		}
		s.expect("up")
		if _, err := s.in.WriteString("\n"); err != nil {
			t.Fatal(err)
		}
		for end := time.Now().Add(patience); processState(pid) != ""; time.Sleep(time.Millisecond) {
			if time.Now().After(end) {
				t.Fatalf("a child by exec has exited, and is in state %s: not reaped while the job runs",
					processState(pid))
			}
		}
		if err := os.WriteFile(fifo, []byte("\n"), 0); err != nil {
			t.Fatal(err)
		}
		s.end(7)
	})
}

// TestLastGoodbyes guards what comes after TERM. A process that is stopped handles it only when
// CONT follows; one that is named ") Z 1 (", or whose first thread has exited, is no zombie,
// whatever a hasty look at its state says.
func TestLastGoodbyes(t *testing.T) {
	for _, how := range []string{"stopped", "parenthesis", "first-thread"} {
		t.Run(how, func(t *testing.T) {
			underBoth(t, func(t *testing.T, b *box.Box, flag string) {
				out := box.Run(t, b, b.Command(box.Lastout(t), flag, "--grace", "25s", trap(t, "handles-late"),
					how), patience)
				if out.Status != 7 || out.Stdout != "handled\n" || !strings.Contains(out.Stderr, "ended by TERM") {
					t.Errorf("status %d, stdout %q, stderr %q", out.Status, out.Stdout, out.Stderr)
				}
			})
		})
	}
}

// TestStoppedJobHandlesForwarded guards the same for a TERM that is forwarded: CONT follows it
// where the job is stopped.
func TestStoppedJobHandlesForwarded(t *testing.T) {
	underBoth(t, func(t *testing.T, b *box.Box, flag string) {
		s := play(t, b, b.Command(box.Lastout(t), flag, "sh", "-c",
			"trap 'echo handled; exit 7' TERM; echo ready $$ $PPID; while :; do sleep .1; done"))
		leader, _ := s.ready()
		stop(t, map[string]int{"leader": leader}, "leader")
		s.signal(s.pid(), unix.SIGTERM)
		s.expect("handled")
		s.end(7)
	})
}

// TestClosedPipeForStderr guards against lastout's own SIGPIPE: it must not kill lastout, nor be
// taken for one that somebody has sent and be forwarded to the job. A file of the Go library raises
// it for descriptors 1 and 2, whatever the thread's mask is.
func TestClosedPipeForStderr(t *testing.T) {
	underBoth(t, func(t *testing.T, b *box.Box, flag string) {
		r, w, err := os.Pipe()
		if err != nil {
			t.Fatal(err)
		}
		r.Close()
		cmd := b.Command(box.Lastout(t), flag, "-vv", "--grace", "300ms", trap(t, "tells-signals"))
		cmd.Stderr = w
		s := play(t, b, cmd)
		w.Close()
		s.ready()
		for range 3 { // each is worth a message
			s.signal(s.pid(), unix.SIGUSR1)
			if got := s.line(); got != "10" {
				t.Fatalf("the job was sent %s, want 10", got)
			}
		}
		s.in.Close()
		if rest, _ := s.lines.ReadString(0); rest != "" {
			t.Errorf("the job was sent %q as well", rest)
		}
		s.end(7)
	})
}

// TestReportIntoClosedPipe: the report of leftovers, too, when nobody reads it.
func TestReportIntoClosedPipe(t *testing.T) {
	underBoth(t, func(t *testing.T, b *box.Box, flag string) {
		r, w, err := os.Pipe()
		if err != nil {
			t.Fatal(err)
		}
		r.Close()
		cmd := b.Command(box.Lastout(t), flag, "--grace", "300ms", trap(t, "grove"))
		cmd.Stderr = w
		s := play(t, b, cmd)
		w.Close()
		s.ready()
		s.in.Close()
		s.end(7)
	})
}

// TestIdleCostsNothing (G6): while a job runs and nothing happens, neither runner nor worker is
// scheduled once: no timer, no polling.
func TestIdleCostsNothing(t *testing.T) {
	interval := 3 * time.Second
	if os.Getenv("LASTOUT_LONG") == "1" {
		interval = 150 * time.Second // the Go runtime has periods of one and two minutes
	}
	t.Setenv("HOSTILE_SECONDS", "200")
	underBoth(t, func(t *testing.T, b *box.Box, flag string) {
		s := play(t, b, b.Command(box.Lastout(t), flag, trap(t, "tells-signals")))
		_, parent := s.ready()
		pids := slices.Compact([]int{s.pid(), parent})
		if n := idleSwitches(pids, interval); n > 2 {
			t.Errorf("%d context switches in %v of idleness, want none", n, interval)
		} else {
			t.Logf("%d context switches in %v", n, interval)
		}
		s.in.Close()
		s.end(7)
	})
}

// idleSwitches returns how often processes are scheduled in an interval. Idleness is a duration:
// start-up settles, and then nothing happens for a while.
func idleSwitches(pids []int, interval time.Duration) int {
	settled := switches(pids)
	for end := time.Now().Add(patience); time.Now().Before(end); {
		time.Sleep(500 * time.Millisecond)
		now := switches(pids)
		if now == settled {
			break
		}
		settled = now
	}
	time.Sleep(interval)
	return switches(pids) - settled
}

// switches returns the number of context switches of all threads of some processes.
func switches(pids []int) (n int) {
	for _, pid := range pids {
		tasks, _ := filepath.Glob(fmt.Sprintf("/proc/%d/task/*/status", pid))
		for _, task := range tasks {
			for _, field := range []string{"voluntary_ctxt_switches", "nonvoluntary_ctxt_switches"} {
				v, _ := strconv.Atoi(statusField(task, field))
				n += v
			}
		}
	}
	return n
}

// TestStrangerInTheGroup: a process of the caller's that has joined the command's process group is
// none of the command's descendants.
func TestStrangerInTheGroup(t *testing.T) {
	if _, err := exec.LookPath("perl"); err != nil {
		lacking(t, "%v", err)
	}
	underBoth(t, func(t *testing.T, b *box.Box, flag string) {
		const script = `dir=$(mktemp -d); trap 'rm -r $dir' EXIT
			mkfifo $dir/pid $dir/joined $dir/go
			"$@" -g 0 sh -c 'echo $$ >$0/pid; read x <$0/go; sleep 300 & setsid sleep 300 & exit 7' $dir & lastout=$!
			read leader <$dir/pid
			perl -e 'setpgrp(0, shift) or die "setpgrp: $!"; open(F, ">", shift); print F "\n"; close(F); sleep 300' $leader $dir/joined & stranger=$!
			read x <$dir/joined
			echo >$dir/go
			wait $lastout; echo $?
			kill -TERM $stranger; wait $stranger; echo $?`
		out := box.Run(t, b, noInput(b.Command("bash", "-c", script, "bash", box.Lastout(t), "-q", flag)), patience)
		if out.Stdout != "7\n143\n" {
			t.Errorf("lastout and the stranger ended with %q, want 7 and 143, of TERM; stderr %q", out.Stdout,
				out.Stderr)
		}
	})
}

// TestTrapsAreUsed fails for a program in testdata/traps that no test mentions.
func TestTrapsAreUsed(t *testing.T) {
	var tests strings.Builder
	names, err := filepath.Glob("*_test.go")
	if err != nil || len(names) == 0 {
		t.Fatalf("no tests: %v", err)
	}
	for _, name := range names {
		text, err := os.ReadFile(name)
		if err != nil {
			t.Fatal(err)
		}
		tests.Write(text)
	}
	files, err := filepath.Glob(filepath.Join("..", "..", "testdata", "traps", "*.c"))
	if err != nil || len(files) == 0 {
		t.Fatalf("no programs in testdata/traps: %v", err)
	}
	for _, file := range files {
		if name := strings.TrimSuffix(filepath.Base(file), ".c"); !strings.Contains(tests.String(), strconv.Quote(name)) {
			t.Errorf("no test for %s", file)
		}
	}
}
