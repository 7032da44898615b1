package subreaper

import (
	"context"
	"errors"
	"os"
	"os/exec"
	"strconv"
	"sync"
	"testing"

	"lastout/subreaper/internal/proc"

	"golang.org/x/sys/unix"
)

// Every way of listing finds and ends the same tree.
func TestEnd(t *testing.T) {
	const tree = `for i in 1 2 3; do setsid sh -c 'trap "" TERM; sleep 60 & (setsid sleep 60 &); wait' & done; sleep 60 & echo $!; wait`
	for name, prepare := range map[string]func(*testing.T, *Reaper){
		"children files": func(*testing.T, *Reaper) {},
		"parent column":  func(_ *testing.T, r *Reaper) { r.fs.WithoutChildrenFiles() },
		"no proc": func(_ *testing.T, r *Reaper) {
			r.fs.Close()
			r.fs = nil
		},
		"no proc, far numbers": func(_ *testing.T, r *Reaper) {
			r.fs.Close()
			r.fs = nil
			r.walk.search.init((r.walk.self + numbers/2) % numbers)
		},
	} {
		t.Run(name, func(t *testing.T) {
			r := newReaper(t, Options{})
			prepare(t, r)
			_, changes, left := start(t, r, tree)
			var mu sync.Mutex
			killed := 0
			err := r.End(context.Background(), EndOptions{Killed: func(int) { mu.Lock(); killed++; mu.Unlock() }})
			if err != nil {
				t.Fatal(err)
			}
			if change := <-changes; change.Status.Signal() != unix.SIGKILL {
				t.Errorf("the leader ended with %v", change.Status)
			}
			pid, _ := strconv.Atoi(left)
			if alive(pid) || !childless() {
				t.Error("something lives")
			}
			if killed < 2 {
				t.Errorf("%d were killed", killed)
			}
		})
	}
}

// TestEndOfACrowd: where very many are killed at once it is first waited for them; that loses
// nobody below them, and all are told of.
func TestEndOfACrowd(t *testing.T) {
	const members = 100
	const tree = `for i in $(seq 100); do setsid sh -c 'setsid sleep 60 & (setsid sleep 60 &); echo; wait' & done | head -n 100 >/dev/null; echo`
	for name, prepare := range map[string]func(*Reaper) func(){
		"one by one":             func(*Reaper) func() { return nil },
		"at once":                func(*Reaper) func() { return killAllBelow },
		"at once, in vain":       func(*Reaper) func() { return func() {} },
		"without children files": func(r *Reaper) func() { r.fs.WithoutChildrenFiles(); return nil },
	} {
		t.Run(name, func(t *testing.T) {
			r := newReaper(t, Options{})
			atOnce := prepare(r)
			_, changes, _ := start(t, r, tree)
			<-changes
			var mu sync.Mutex
			found := make(map[int]bool)
			err := r.End(context.Background(), EndOptions{AtOnce: atOnce,
				Found: func(p Process) { mu.Lock(); found[p.PID] = true; mu.Unlock() }})
			if err != nil {
				t.Fatal(err)
			}
			if !childless() {
				t.Error("something lives")
			}
			if len(found) != 3*members {
				t.Errorf("it was told of %d processes, not %d", len(found), 3*members)
			}
		})
	}
}

// killAllBelow kills every descendant in one go, as cgroup.kill would.
func killAllBelow() {
	fs, err := proc.Open("/proc")
	if err != nil {
		return
	}
	defer fs.Close()
	var below func(pid int32)
	below = func(pid int32) {
		for _, child := range fs.Children(nil, pid, 0) {
			below(child)
			_ = kill(child, unix.SIGKILL)
		}
	}
	below(int32(os.Getpid()))
}

// End spares commands that their owner has not waited for, and ends their orphans.
func TestEndSparesCommands(t *testing.T) {
	r := newReaper(t, Options{})
	cmd := exec.Command("/bin/cat")
	in, err := cmd.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := r.StartCommand(cmd); err != nil {
		t.Fatal(err)
	}
	start(t, r, "setsid sleep 60 & echo")
	end(t, r)
	_ = in.Close()
	if err := cmd.Wait(); err != nil {
		t.Errorf("the command ended with %v", err)
	}
}

// A context that has ended makes End return as soon as it would have to wait.
func TestEndGivesUp(t *testing.T) {
	r := newReaper(t, Options{})
	start(t, r, "echo; sleep 60")
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	err := r.End(ctx, EndOptions{})
	var survivors *SurvivorError
	if err != nil && (!errors.As(err, &survivors) || !errors.Is(err, context.Canceled)) {
		t.Errorf("got %v, want a SurvivorError for the context, or success", err)
	}
}
