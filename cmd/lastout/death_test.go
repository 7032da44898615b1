//go:build linux

package main_test

import (
	"bytes"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"lastout/testdata/box"
)

// leeway is what a busy machine may add to the second that G2 allows. Where nobody ends the tree it
// lives for a minute.
const leeway = 3 * time.Second

var adopting struct {
	sync.Mutex
	tests int
}

// moment is when somebody dies.
type moment struct {
	name  string
	flags []string
	grace time.Duration
	// come waits for the moment; the grove stands.
	come func(s *scene, leader int)
}

var moments = []moment{
	{"running", []string{"--grace", "500ms"}, 500 * time.Millisecond, func(*scene, int) {}},
	{"lingering", []string{"--grace", "500ms", "--linger", "forever"}, 500 * time.Millisecond, leaderExits},
	{"in the grace period", []string{"--grace", "2s"}, 2 * time.Second, func(s *scene, leader int) {
		leaderExits(s, leader)
		s.expect("term")
	}},
}

func leaderExits(s *scene, leader int) {
	s.in.Close()
	awaitExit(leader, patience)
}

// TestKilled (G2): SIGKILL to any one process of lastout, or to the caller's process group, while
// there is a tree with one of everything: nothing of it is left a second after the grace period.
func TestKilled(t *testing.T) {
	for _, m := range moments {
		for _, victim := range []string{"runner", "worker", "group", "leader"} {
			if victim == "leader" && m.name != "running" {
				continue
			}
			t.Run(victim+", "+m.name, func(t *testing.T) { killed(t, m, victim) })
		}
	}
}

func killed(t *testing.T, m moment, victim string) {
	adoptOrphans(t)
	b := box.New(t, box.PidsCap(600))
	argv := slices.Concat([]string{box.Lastout(t)}, m.flags, []string{trap(t, "grove")})
	if victim == "group" { // the caller's, whom lastout shares it with
		// A shell gives what it starts with & no input.
		argv = slices.Concat([]string{trap(t, "starts-with"), "dup", "3", "--", "sh", "-c",
			`"$@" <&3 3<&- & exec 3<&-; wait`, "sh"}, argv)
	}
	cmd := b.Command(argv[0], argv[1:]...)
	cmd.SysProcAttr.Setpgid = true
	s := play(t, b, cmd)
	leader, worker := s.ready()
	m.come(s, leader)
	s.signal(map[string]int{"runner": s.pid(), "worker": worker, "group": -s.pid(), "leader": leader}[victim],
		unix.SIGKILL)
	switch {
	case victim == "worker" && m.name == "running":
		s.end(125)
		if lineWith(s.said(), "lastout: ", "worker") == "" {
			t.Errorf("stderr %q does not say that the worker died", s.said())
		}
	case victim == "worker":
		s.end(7) // the leader had exited by itself
	case victim == "leader":
		s.endOf(unix.SIGKILL)
	default:
		emptyWithin(t, b, m.grace+time.Second, s.pid())
		if st := s.wait(); !st.Signaled() || st.Signal() != unix.SIGKILL {
			t.Errorf("%s, want signal 9", ended(st))
		}
	}
	emptyWithin(t, b, m.grace+time.Second, s.pid())
}

// TestKilledWhileStarting (G2): SIGKILL at every moment of the first milliseconds. Who is told of
// whose death only once it has asked must have recorded the other before: a worker whose guardian
// is dead by then must not wait for it.
func TestKilledWhileStarting(t *testing.T) {
	for _, victim := range []string{"runner", "worker", "group"} {
		t.Run(victim, func(t *testing.T) {
			adoptOrphans(t)
			b := box.New(t, box.PidsCap(600))
			for i := range 50 {
				killStarting(t, b, victim, time.Duration(i)*150*time.Microsecond)
				if t.Failed() {
					t.Fatalf("in round %d", i)
				}
			}
		})
	}
}

func killStarting(t *testing.T, b *box.Box, victim string, delay time.Duration) {
	stderr, err := os.CreateTemp(t.TempDir(), "")
	if err != nil {
		t.Fatal(err)
	}
	defer stderr.Close()
	cmd := b.Command(box.Lastout(t), "--grace", "100ms", trap(t, "grove"))
	cmd.SysProcAttr.Setpgid = true
	cmd.Stderr = stderr
	in, err := cmd.StdinPipe() // the leader stays
	if err != nil {
		t.Fatal(err)
	}
	defer in.Close()
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	victims := map[string]int{"runner": cmd.Process.Pid, "group": -cmd.Process.Pid}
	if victim == "worker" {
		victims[victim] = awaitChild(t, cmd.Process.Pid)
	}
	time.Sleep(delay) // not to wait for something, but to come at every moment
	if err := unix.Kill(victims[victim], unix.SIGKILL); err != nil {
		t.Errorf("kill the %s: %v", victim, err)
	}
	late := time.AfterFunc(patience, b.Kill)
	_ = cmd.Wait() // how it ended is in ProcessState
	if !late.Stop() {
		t.Fatalf("lastout has not returned")
	}
	if victim == "worker" {
		b.AssertEmpty()
		said, _ := os.ReadFile(stderr.Name())
		checkNoTrace(t, string(said))
		if st := cmd.ProcessState.Sys().(syscall.WaitStatus); st.ExitStatus() != 125 ||
			lineWith(string(said), "lastout: ") == "" {
			t.Errorf("%s, want status 125; stderr %q", ended(st), said)
		}
	}
	emptyWithin(t, b, 1100*time.Millisecond, 0)
}

// TestSignalledWithoutWorker (G2): SIGKILL to the worker, and then a signal to the guardian, while
// that starts its runtime.
func TestSignalledWithoutWorker(t *testing.T) {
	adoptOrphans(t)
	b := box.New(t, box.PidsCap(600))
	for _, sig := range []syscall.Signal{unix.SIGTERM, unix.SIGHUP, unix.SIGINT, unix.SIGQUIT, unix.SIGABRT} {
		for range 30 {
			s := play(t, b, b.Command(box.Lastout(t), "--grace", "100ms", trap(t, "grove")))
			_, worker := s.ready()
			s.signal(worker, unix.SIGKILL)
			// not to wait for something, but to come at every moment
			time.Sleep(time.Duration(rand.IntN(5000)) * time.Microsecond)
			s.signal(s.pid(), sig)
			s.end(125)
		}
	}
}

// TestKilledBesideABomb (G2): SIGKILL to the worker beside a bomb at its pids limit. What the
// guardian needs to go on, the bomb does not leave it for long.
func TestKilledBesideABomb(t *testing.T) {
	for _, helper := range []string{"fork-bomb", "setsid-bomb", "exec-bomb", "thread-bomb"} {
		for _, limit := range []int{60, 250} {
			h := hostile{helper: helper, pidsLimit: limit}
			t.Run(h.name(), func(t *testing.T) {
				adoptOrphans(t)
				for i := range 10 {
					killBesideABomb(t, h, time.Duration(i)*200*time.Microsecond)
					if t.Failed() {
						t.Fatalf("in round %d", i)
					}
				}
			})
		}
	}
}

func killBesideABomb(t *testing.T, h hostile, delay time.Duration) {
	b := h.box(t)
	stands := filepath.Join(t.TempDir(), "stands") // whose reader the bomb's leader waits for
	if err := unix.Mkfifo(stands, 0o600); err != nil {
		t.Fatal(err)
	}
	cmd := h.command(t, b, h.runner(t)...)
	cmd.Env = append(cmd.Env, "HOSTILE_STANDS="+stands)
	var stderr bytes.Buffer
	cmd.Stderr = &stderr
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	told := make(chan error, 1)
	go func() {
		reader, err := os.Open(stands)
		reader.Close()
		told <- err
	}()
	late := time.AfterFunc(50*time.Second, func() {
		b.Kill()
		unblock, _ := os.OpenFile(stands, os.O_WRONLY|unix.O_NONBLOCK, 0)
		unblock.Close()
	})
	if err := <-told; err != nil {
		t.Fatal(err)
	}
	time.Sleep(delay) // not to wait for something, but to come at every moment
	if worker := childOf(cmd.Process.Pid); worker != 0 {
		_ = unix.Kill(worker, unix.SIGKILL) // it may be a zombie by now
	}
	_ = cmd.Wait()
	if !late.Stop() {
		t.Fatal("lastout has not returned")
	}
	b.AssertEmpty()
	checkNoTrace(t, stderr.String())
	if st := cmd.ProcessState.Sys().(syscall.WaitStatus); st.ExitStatus() != 125 && st.ExitStatus() != trickStands {
		t.Errorf("%s, want status 125, or the leader's %d; stderr %q", ended(st), trickStands, stderr.String())
	}
}

// stop stops processes, in order, and waits until they are. A worker is not waited for while its
// runner is not stopped, which may continue it.
func stop(t testing.TB, pids map[string]int, names ...string) {
	t.Helper()
	for _, name := range names {
		if err := unix.Kill(pids[name], unix.SIGSTOP); err != nil {
			t.Fatalf("stop the %s: %v", name, err)
		}
		if name == "worker" && !slices.Contains(names, "runner") {
			continue
		}
		for end := time.Now().Add(patience); processState(pids[name]) != "T"; time.Sleep(time.Millisecond) {
			if time.Now().After(end) {
				t.Fatalf("the %s is in state %q, want it stopped", name, processState(pids[name]))
			}
		}
	}
}

// TestKilledWhileStopped (G2): who is stopped by a signal learns of nothing. What SIGKILL to
// another leaves behind must be ended all the same: a worker is continued by its runner, or by the
// kernel when that dies (its parent-death signal is CONT); a runner by whoever has stopped it, as
// any command.
func TestKilledWhileStopped(t *testing.T) {
	for _, c := range []struct {
		stopped []string
		killed  string
		resumed bool // the runner, by somebody, later
		setsid  bool // lastout leads a session, so that its worker's process group becomes orphaned
	}{
		{stopped: []string{"runner", "worker"}, killed: "runner", setsid: true},
		{stopped: []string{"runner", "worker"}, killed: "runner"},
		{stopped: []string{"worker"}, killed: "runner"},
		{stopped: []string{"leader"}, killed: "runner"},
		{stopped: []string{"leader"}, killed: "worker"},
		{stopped: []string{"worker"}, killed: "leader"},
		{stopped: []string{"runner"}, killed: "worker", resumed: true},
		{stopped: []string{"runner"}, killed: "leader", resumed: true},
		{stopped: []string{"runner", "worker"}, killed: "leader", resumed: true},
		{stopped: []string{"runner", "worker"}, killed: "worker", resumed: true},
	} {
		t.Run(fmt.Sprintf("%s stopped, %s killed, session %v", strings.Join(c.stopped, " and "), c.killed,
			c.setsid), func(t *testing.T) {
			adoptOrphans(t)
			b := box.New(t, box.PidsCap(600))
			cmd := b.Command(box.Lastout(t), "--grace", "500ms", trap(t, "grove"))
			cmd.SysProcAttr.Setsid = c.setsid
			s := play(t, b, cmd)
			leader, worker := s.ready()
			pids := map[string]int{"runner": s.pid(), "worker": worker, "leader": leader}
			stop(t, pids, c.stopped...)
			s.signal(pids[c.killed], unix.SIGKILL)
			if c.resumed {
				awaitExit(pids[c.killed], patience)
				s.signal(s.pid(), unix.SIGCONT)
			}
			emptyWithin(t, b, 1500*time.Millisecond, s.pid())
			s.wait()
		})
	}
}

// TestKilledBelowAnother (G2): lastout in a job of lastout, in one session. The inner worker, when
// its runner is killed, is adopted by the outer one, and no process group becomes orphaned: if it
// was stopped, nobody but a parent-death signal wakes it.
func TestKilledBelowAnother(t *testing.T) {
	for _, stopped := range []bool{false, true} {
		t.Run(fmt.Sprintf("worker stopped %v", stopped), func(t *testing.T) {
			b := box.New(t, box.PidsCap(600))
			script := `"$@" <&3 3<&- & exec 3<&-; echo $!; wait; exec sleep 60`
			argv := []string{"dup", "3", "--", box.Lastout(t), "--grace", "500ms", "sh", "-c", script, "sh",
				box.Lastout(t), "--grace", "500ms", trap(t, "grove")}
			s := play(t, b, b.Command(trap(t, "starts-with"), argv...))
			runner, err := strconv.Atoi(s.line())
			if err != nil {
				t.Fatal(err)
			}
			leader, worker := s.ready()
			inner := []int{worker, leader}
			for _, pid := range b.Procs() {
				if parent, _ := strconv.Atoi(statusField(fmt.Sprintf("/proc/%d/status", pid), "PPid")); parent == worker || parent == leader {
					inner = append(inner, pid)
				}
			}
			if stopped {
				// the runner would continue it
				stop(t, map[string]int{"runner": runner, "worker": worker}, "runner", "worker")
			}
			s.signal(runner, unix.SIGKILL)
			end := time.Now().Add(1500*time.Millisecond + leeway)
			for _, pid := range inner {
				for processState(pid) != "" && time.Now().Before(end) {
					awaitExit(pid, time.Until(end))
				}
				if state := processState(pid); state != "" {
					t.Errorf("of the inner lastout, this lives:%s", describe([]int{pid}))
				}
			}
			s.signal(s.pid(), unix.SIGTERM) // the outer job is sleep by now
			s.endOf(unix.SIGTERM)
		})
	}
}

// TestKilledWhileWaiting (G2): lastout waits for a process that does not die. Whoever is left of
// lastout goes on with that.
func TestKilledWhileWaiting(t *testing.T) {
	t.Parallel()
	needRoot(t)
	for _, victim := range []string{"runner", "worker"} {
		t.Run(victim, func(t *testing.T) {
			adoptOrphans(t)
			b := box.New(t, box.PidsCap(600))
			s := play(t, b, b.Command(box.Lastout(t), "--grace", "300ms", "sh", "-c",
				"sleep 50 & echo ready $! $PPID; read line; exit 3"))
			pid, worker := s.ready()
			thaw := freeze(t, pid)
			s.in.Close()
			s.awaitSaid("lastout: ", strconv.Itoa(pid), "sleep")
			if victim == "runner" {
				s.signal(s.pid(), unix.SIGKILL)
				s.wait()
			} else {
				s.signal(worker, unix.SIGKILL)
				awaitExit(worker, patience)
			}
			if processState(pid) == "" {
				t.Fatal("a frozen process is gone")
			}
			thaw()
			if victim == "worker" {
				s.end(3)
			}
			emptyWithin(t, b, 1300*time.Millisecond, s.pid())
		})
	}
}

// TestManyRuns: run after run ends alike, leaves nothing, and takes as long as the first.
// LASTOUT_LONG=1 makes it 10,000 runs of true and 1,000 with leftovers, and prints what the first
// and the last thousand took.
func TestManyRuns(t *testing.T) {
	small, large := 300, 50
	if os.Getenv("LASTOUT_LONG") == "1" {
		small, large = 10000, 1000
	}
	t.Run("true", func(t *testing.T) { manyRuns(t, small, 0, "true") })
	t.Run("leftovers", func(t *testing.T) {
		manyRuns(t, large, 3, "sh", "-c", "sleep 60 & setsid sleep 60 & (sleep 60 & ) & wait $!; exit 3")
	})
}

func manyRuns(t *testing.T, runs, status int, job ...string) {
	const batch = 100
	var times []time.Duration
	for done := 0; done < runs && !t.Failed(); done += batch {
		// A box holds descriptors for as long as its test runs.
		t.Run(strconv.Itoa(done), func(t *testing.T) {
			b := box.New(t, box.PidsCap(600))
			start := time.Now()
			for range min(batch, runs-done) {
				runOnce(t, b, status, job)
			}
			times = append(times, time.Since(start))
		})
	}
	ten := min(10, len(times))
	t.Logf("%d runs: the first %d took %v, the last %v", runs, ten*min(batch, runs), sum(times[:ten]),
		sum(times[len(times)-ten:]))
}

func runOnce(t *testing.T, b *box.Box, status int, job []string) {
	cmd := b.Command(box.Lastout(t), slices.Concat([]string{"-q"}, job)...)
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	late := time.AfterFunc(patience, b.Kill)
	_ = cmd.Wait() // how it ended is in ProcessState
	b.AssertEmpty()
	if !late.Stop() {
		t.Fatal("lastout has not returned")
	}
	if st := cmd.ProcessState.Sys().(syscall.WaitStatus); !st.Exited() || st.ExitStatus() != status {
		t.Fatalf("%s, want status %d", ended(st), status)
	}
}

func sum(times []time.Duration) (total time.Duration) {
	for _, d := range times {
		total += d
	}
	return total
}

// TestWorkerStoppedWhileHandedAreSettled: a worker that is stopped while the guardian ends children
// that an exec has handed to it is continued, as it is at any other time.
func TestWorkerStoppedWhileHandedAreSettled(t *testing.T) {
	b := box.New(t)
	s := play(t, b, b.Command("sh", "-c", `(trap "" TERM; echo ready $$ 0; exec sleep 300) & exec "$@"`, "sh",
		box.Lastout(t), "-q", "-g", "500ms", "sh", "-c", "read line; exit 3"))
	s.ready()
	worker := 0
	for worker == 0 {
		for _, child := range childrenOf(s.pid()) {
			if statusField(fmt.Sprintf("/proc/%d/status", child), "Name") == "lastout: worker" {
				worker = child
			}
		}
	}
	s.in.Close()
	for { // until the guardian has threads: its runtime has started, to settle them
		if tasks, _ := os.ReadDir(fmt.Sprintf("/proc/%d/task", s.pid())); len(tasks) > 1 {
			break
		}
	}
	s.signal(worker, unix.SIGSTOP)
	s.end(3)
}
