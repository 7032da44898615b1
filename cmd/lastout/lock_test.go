//go:build linux

package main_test

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"lastout/testdata/box"
)

// alone is a job that fails if another one of its kind runs, and counts itself.
const alone = `mkdir busy || exit 9; echo $$ >>count; rmdir busy`

// contend runs many lastouts at once that want one lock, and returns how many ended with which
// status.
func contend(t *testing.T, b *box.Box, dir string, flags ...string) map[int]int {
	t.Helper()
	const runs = 200
	var mu sync.Mutex
	var all sync.WaitGroup
	ends := map[int]int{}
	for range runs {
		cmd := noInput(b.Command(box.Lastout(t), append(append([]string{"-q", "--lock", "lock"}, flags...),
			"sh", "-c", alone)...))
		cmd.Dir = dir
		if err := cmd.Start(); err != nil {
			t.Fatal(err)
		}
		all.Go(func() {
			_ = cmd.Wait() // how it ended is in ProcessState
			mu.Lock()
			defer mu.Unlock()
			ends[cmd.ProcessState.ExitCode()]++
		})
	}
	late := time.AfterFunc(5*patience, b.Kill)
	all.Wait()
	if !late.Stop() {
		t.Errorf("not all have returned after %v", 5*patience)
	}
	b.AssertEmpty()
	return ends
}

func count(t *testing.T, dir string) int {
	t.Helper()
	data, err := os.ReadFile(filepath.Join(dir, "count"))
	if err != nil {
		t.Fatal(err)
	}
	return strings.Count(string(data), "\n")
}

// TestLockContended: of two hundred, one runs at a time, and all of those that wait do.
func TestLockContended(t *testing.T) {
	b, dir := box.New(t), t.TempDir()
	if ends := contend(t, b, dir, "--lock-wait", "forever"); ends[0] != 200 || count(t, dir) != 200 {
		t.Errorf("ended with %v, and %d have run: want 200, one at a time", ends, count(t, dir))
	}
}

// TestLockRefused: without waiting those that do not run say so by their status, and one at least
// does run.
func TestLockRefused(t *testing.T) {
	b, dir := box.New(t), t.TempDir()
	ends := contend(t, b, dir)
	if n := count(t, dir); n == 0 || ends[0] != n || ends[75] != 200-n {
		t.Errorf("ended with %v, and %d have run", ends, n)
	}
}

// TestLockHeldByBoth: whichever process of lastout is killed, the other holds the lock until the
// tree is gone, and no longer.
func TestLockHeldByBoth(t *testing.T) {
	for _, victim := range []string{"runner", "worker"} {
		t.Run(victim, func(t *testing.T) {
			adoptOrphans(t)
			b, lock := box.New(t, box.PidsCap(600)), filepath.Join(t.TempDir(), "lock")
			s := play(t, b, b.Command(box.Lastout(t), "--grace", "1h", "--pdeathsig", "TERM", "--lock", lock,
				trap(t, "tells-signals")))
			leader, worker := s.ready()
			s.signal(map[string]int{"runner": s.pid(), "worker": worker}[victim], unix.SIGKILL)
			if victim == "runner" {
				s.expect("15") // it has been told to end, and takes its time
				other := box.New(t)
				out := box.Run(t, other, noInput(other.Command(box.Lastout(t), "--lock", lock, "true")), patience)
				if out.Status != 75 || !strings.Contains(out.Stderr, fmt.Sprintf("held by lastout %d since", s.pid())) {
					t.Errorf("while the tree lives: status %d, stderr %q", out.Status, out.Stderr)
				}
				s.in.Close()
			}
			awaitLock(t, lock)
			if state := processState(leader); state != "" {
				t.Errorf("the lock is free, and the job is there, in state %s", state)
			}
			s.wait()
			emptyWithin(t, b, time.Second, s.pid())
		})
	}
}

// awaitLock returns when nobody holds the lock.
func awaitLock(t *testing.T, path string) {
	t.Helper()
	if out, err := exec.Command("flock", "--wait", "30", path, "true").CombinedOutput(); err != nil {
		t.Fatalf("flock: %v: %s", err, out)
	}
}

// TestLockHeldWithoutKeeper: in-process, the lock is free when lastout has returned, and its
// leftovers do not have it.
func TestLockHeldWithoutKeeper(t *testing.T) {
	lock := filepath.Join(t.TempDir(), "lock")
	for range 2 {
		b := box.New(t)
		out := box.Run(t, b, noInput(b.Command(box.Lastout(t), "-q", "--keeper", "off", "--lock", lock, "sh",
			"-c", "setsid sleep 300 & exit 7")), patience)
		if out.Status != 7 {
			t.Errorf("status %d, stderr %q", out.Status, out.Stderr)
		}
	}
}

// TestLockWaitEnds: whatever would end another program ends who waits for a lock, at once and by
// that signal; and nothing was started.
func TestLockWaitEnds(t *testing.T) {
	heedSignals(t)
	lock := filepath.Join(t.TempDir(), "lock")
	holder := box.New(t)
	h := play(t, holder, holder.Command(box.Lastout(t), "--lock", lock, trap(t, "tells-signals")))
	h.ready()
	for _, sig := range []unix.Signal{unix.SIGTERM, unix.SIGINT, unix.SIGHUP, unix.SIGUSR1, unix.SIGALRM,
		unix.Signal(40)} {
		underBoth(t, func(t *testing.T, b *box.Box, flag string) {
			s := play(t, b, b.Command(box.Lastout(t), flag, "-v", "--lock", lock, "--lock-wait", "forever",
				"--on-start", "echo started", "echo", "started"))
			s.awaitSaid("waiting", lock)
			s.signal(s.pid(), unix.SIGWINCH) // ends nothing
			s.signal(s.pid(), sig)
			s.endOf(sig)
			if strings.Contains(s.said(), "started") {
				t.Errorf("something was started: %q", s.said())
			}
		})
	}
	h.in.Close()
	h.end(7)
}

// TestLockWaitCostsNothing (G6): waiting for a lock is no polling.
func TestLockWaitCostsNothing(t *testing.T) {
	lock := filepath.Join(t.TempDir(), "lock")
	holder, b := box.New(t), box.New(t)
	h := play(t, holder, holder.Command(box.Lastout(t), "--lock", lock, trap(t, "tells-signals")))
	h.ready()
	s := play(t, b, b.Command(box.Lastout(t), "-v", "--lock", lock, "--lock-wait", "forever", "true"))
	s.awaitSaid("waiting", lock)
	if n := idleSwitches([]int{s.pid()}, time.Second); n > 2 {
		t.Errorf("%d context switches in a second of waiting, want none", n)
	}
	h.in.Close()
	h.end(7)
	s.end(0)
}
