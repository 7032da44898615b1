//go:build linux

package main_test

import (
	"fmt"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"lastout/testdata/box"
)

// TestStoppedTimesOut: a job that stops lastout does not keep it, and its lock, beyond the time
// limit.
func TestStoppedTimesOut(t *testing.T) {
	lock := filepath.Join(t.TempDir(), "lock")
	b := box.New(t, box.PidsCap(600))
	s := play(t, b, b.Command(box.Lastout(t), "-t", "500ms", "-k", "100ms", "--lock", lock, "sh", "-c",
		`echo ready $$ $PPID; exec sleep 50`))
	s.ready()
	s.signal(s.pid(), unix.SIGSTOP)
	s.end(124)
}

// TestStoppedAtTheEnd: the same for a job that stops lastout, and ends at once. A SIGCONT before
// the time limit lets lastout go on.
func TestStoppedAtTheEnd(t *testing.T) {
	for _, limit := range []string{"700ms", "1h"} {
		b := box.New(t, box.PidsCap(600))
		s := play(t, b, b.Command(box.Lastout(t), "-t", limit, "sh", "-c", `echo ready $$ $PPID; read line; exit 3`))
		s.ready()
		s.signal(s.pid(), unix.SIGSTOP)
		s.in.Close()
		if limit == "1h" {
			s.signal(s.pid(), unix.SIGCONT)
		}
		s.end(3)
	}
}

// TestKilledWithoutDescriptors: what is killed of lastout while it can open no file, be it that the
// job has seen to that (prlimit(2)), or that it never could open many: the other half ends the job.
func TestKilledWithoutDescriptors(t *testing.T) {
	adoptOrphans(t)
	const job = `setsid sleep 50 & (trap '' TERM; exec sleep 50) & echo ready $$ $PPID; exec sleep 50`
	check := func(t *testing.T, s *scene, victim int) {
		s.signal(victim, unix.SIGKILL)
		if victim == s.pid() {
			s.wait()
			emptyWithin(t, s.b, 10*time.Second, s.pid())
		} else {
			s.end(125)
		}
		s.noTrace()
	}
	for _, limit := range []uint64{0, 1} {
		for _, whose := range []string{"worker", "guardian", "both"} {
			for _, whom := range []string{"worker", "guardian"} {
				t.Run(fmt.Sprintf("%d for the %s, and the %s is killed", limit, whose, whom), func(t *testing.T) {
					b := box.New(t, box.PidsCap(600))
					s := play(t, b, b.Command(box.Lastout(t), "--grace", "300ms", "sh", "-c", job))
					_, worker := s.ready()
					for name, pid := range map[string]int{"worker": worker, "guardian": s.pid()} {
						if whose != name && whose != "both" {
							continue
						}
						if err := unix.Prlimit(pid, unix.RLIMIT_NOFILE, &unix.Rlimit{Cur: limit, Max: limit},
							nil); err != nil {
							t.Fatal(err)
						}
					}
					check(t, s, map[string]int{"worker": worker, "guardian": s.pid()}[whom])
				})
			}
		}
	}
	for limit := 19; limit <= 23; limit++ {
		t.Run(fmt.Sprintf("%d from the start", limit), func(t *testing.T) {
			b := box.New(t, box.PidsCap(600))
			argv := []string{"nofile", strconv.Itoa(limit), "--", box.Lastout(t), "--grace", "300ms",
				"--report", "/dev/null", "--lock", filepath.Join(t.TempDir(), "lock"), "sh", "-c", job}
			s := play(t, b, b.Command(trap(t, "starts-with"), argv...))
			_, worker := s.ready()
			check(t, s, worker)
		})
	}
}

// TestLimitsFromOutside: a job that takes lastout's processes their resources does not hide by that
// what it leaves behind.
func TestLimitsFromOutside(t *testing.T) {
	adoptOrphans(t)
	resources := map[string]int{
		"as": unix.RLIMIT_AS, "core": unix.RLIMIT_CORE, "data": unix.RLIMIT_DATA, "fsize": unix.RLIMIT_FSIZE,
		"memlock": unix.RLIMIT_MEMLOCK,
		"nofile":  unix.RLIMIT_NOFILE, "nproc": unix.RLIMIT_NPROC, "rttime": unix.RLIMIT_RTTIME,
		"sigpending": unix.RLIMIT_SIGPENDING, "stack": unix.RLIMIT_STACK,
	}
	underBoth(t, func(t *testing.T, b *box.Box, flag string) {
		for name, resource := range resources {
			if name == "rttime" && flag == "--keeper=off" { // the kernel kills the one process that there is
				continue
			}
			b, mayLeave := b, flag == "--keeper=off" && (name == "as" || name == "data")
			if mayLeave { // the Go runtime may end the one process that there is, before the job
				b = box.New(t, box.PidsCap(600))
			}
			s := play(t, b, b.Command(box.Lastout(t), flag, "--grace", "300ms", "--fail-on-leak", "sh", "-c",
				`sleep 50 <&- >&- & echo ready $$ $PPID; read line; exit 0`))
			_, worker := s.ready()
			victims := []int{worker, s.pid()}
			if name == "rttime" { // the kernel would kill both at once
				victims = victims[:1]
			}
			for _, pid := range victims {
				if err := unix.Prlimit(pid, resource, &unix.Rlimit{}, nil); err != nil {
					t.Fatalf("%s: %v", name, err)
				}
			}
			s.in.Close()
			st := s.wait()
			if mayLeave {
				b.Kill()
				emptyWithin(t, b, 10*time.Second, s.pid())
			} else {
				b.AssertEmpty()
			}
			if st.ExitStatus() != 123 && st.ExitStatus() != 125 {
				t.Errorf("%s: %s, with something left behind", name, ended(st))
			}
			s.noTrace()
			if name == "nofile" && !strings.Contains(s.said(), "left 1 process behind") {
				t.Errorf("with %s of %d at 0 it says %q", name, s.pid(), s.said())
			}
		}
	})
}
