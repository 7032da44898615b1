//go:build linux

package main_test

import (
	"path/filepath"
	"strings"
	"testing"

	"golang.org/x/sys/unix"

	"lastout/testdata/box"
)

// TestStoppedTimesOut: a job that stops lastout does not keep it, and its lock, beyond the time
// limit.
func TestStoppedTimesOut(t *testing.T) {
	lock := filepath.Join(t.TempDir(), "lock")
	b := box.New(t, box.PidsCap(600))
	s := play(t, b, b.Command(box.Lastout(t), "-t", "500ms", "-k", "100ms", "--lock", lock, "sh", "-c", `echo ready $$ $PPID; exec sleep 50`))
	s.ready()
	s.signal(s.pid(), unix.SIGSTOP)
	s.end(124)
}

// TestStoppedAtTheEnd: the same for a job that stops lastout, and ends at once. A SIGCONT before the
// time limit lets lastout go on.
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

// TestLimitsFromOutside: a job that takes lastout's processes their resources does not hide by that
// what it leaves behind.
func TestLimitsFromOutside(t *testing.T) {
	resources := map[string]int{
		"as": unix.RLIMIT_AS, "core": unix.RLIMIT_CORE, "data": unix.RLIMIT_DATA, "fsize": unix.RLIMIT_FSIZE, "memlock": unix.RLIMIT_MEMLOCK,
		"nofile": unix.RLIMIT_NOFILE, "nproc": unix.RLIMIT_NPROC, "rttime": unix.RLIMIT_RTTIME, "sigpending": unix.RLIMIT_SIGPENDING, "stack": unix.RLIMIT_STACK,
	}
	underBoth(t, func(t *testing.T, b *box.Box, flag string) {
		for name, resource := range resources {
			if name == "rttime" && flag == "--keeper=off" { // the kernel kills the one process that there is
				continue
			}
			s := play(t, b, b.Command(box.Lastout(t), flag, "--grace", "300ms", "--fail-on-leak", "sh", "-c", `sleep 50 <&- >&- & echo ready $$ $PPID; read line; exit 0`))
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
			b.AssertEmpty()
			if name == "as" || name == "data" { // without memory the Go runtime ends lastout in its own way
				if st.ExitStatus() == 0 {
					t.Errorf("%s: it succeeds with something left behind", name)
				}
				continue
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
