//go:build linux

package main_test

import (
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"lastout/testdata/box"
)

// signalSets runs a command that prints what its signals are, as it is and below lastout, after the same preparation.
func signalSets(t *testing.T, b *box.Box, field string, preparation []string, flags ...string) (bare, below string) {
	t.Helper()
	print := []string{"grep", "^" + field + ":", "/proc/self/status"}
	with := slices.Concat(preparation, []string{"--"})
	out := box.Run(t, b, b.Command(trap(t, "starts-with"), slices.Concat(with, print)...), patience)
	bare = out.Stdout
	out = box.Run(t, b, b.Command(trap(t, "starts-with"), slices.Concat(with, []string{box.Lastout(t)}, flags, print)...), patience)
	if out.Status != 0 || out.Stderr != "" || bare == "" {
		t.Errorf("after %q, with %q: status %d, signal %d, stderr %q", preparation, flags, out.Status, out.Signal, out.Stderr)
	}
	return bare, out.Stdout
}

// kept are the signals that the Go runtime leaves ignored where they were when the program started.
var kept = []syscall.Signal{unix.SIGHUP, unix.SIGINT, unix.SIGTSTP, unix.SIGTTIN, unix.SIGTTOU, unix.SIGCONT}

// TestIgnoredSignalsAreInherited guards that lastout does not ask for signals which were ignored when it started: signal.Notify ends
// the ignoring, for the job too (nohup's HUP would end a job that bare nohup protects).
func TestIgnoredSignalsAreInherited(t *testing.T) {
	underBoth(t, func(t *testing.T, b *box.Box, flag string) {
		lists := [][]syscall.Signal{kept}
		for _, sig := range kept {
			lists = append(lists, []syscall.Signal{sig})
		}
		for _, list := range lists {
			bare, below := signalSets(t, b, "SigIgn", []string{"ignore", joinedSignals(list)}, flag)
			if bare != below {
				t.Errorf("with %v ignored the job has %q, bare it has %q", list, below, bare)
			}
		}
	})
}

func joinedSignals(list []syscall.Signal) string {
	numbers := make([]int, len(list))
	for i, sig := range list {
		numbers[i] = int(sig)
	}
	return joined(numbers)
}

// TestIgnoreFlag guards the way for dispositions that the Go runtime resets before main runs (systemd starts services with PIPE
// ignored, for one): --ignore makes the job start with them ignored.
func TestIgnoreFlag(t *testing.T) {
	underBoth(t, func(t *testing.T, b *box.Box, flag string) {
		for sig := syscall.Signal(1); sig <= 64; sig++ {
			switch sig {
			case unix.SIGKILL, unix.SIGSTOP, 32, 33: // cannot be, or are not for programs to ignore
			case unix.SIGCHLD, 4, 5, 7, 8, 16, 27, 31, 34: // refused: see TestIgnoreIsRefused
			default:
				bare, below := signalSets(t, b, "SigIgn", []string{"ignore", strconv.Itoa(int(sig))}, flag, "--ignore", strconv.Itoa(int(sig)))
				if bare != below {
					t.Errorf("--ignore %d: the job has %q, want %q", sig, below, bare)
				}
			}
		}
		bare, below := signalSets(t, b, "SigIgn", []string{"ignore", "13,15,3,10"}, flag, "--ignore", "PIPE,TERM", "--ignore", "sigquit", "--ignore", "USR1")
		if bare != below {
			t.Errorf("--ignore by name: the job has %q, want %q", below, bare)
		}
	})
}

// TestIgnoredChildSignal guards that an inherited ignored SIGCHLD is undone before anything is started: the kernel would reap the job
// unseen, and wait would know no status.
func TestIgnoredChildSignal(t *testing.T) {
	underBoth(t, func(t *testing.T, b *box.Box, flag string) {
		for _, list := range []string{"17", "all"} {
			argv := []string{"ignore", list, "--", box.Lastout(t), flag, "--grace", "300ms", "sh", "-c", "sleep 60 & setsid sleep 60 & exit 3"}
			out := box.Run(t, b, b.Command(trap(t, "starts-with"), argv...), patience)
			if out.Status != 3 || !strings.Contains(out.Stderr, "left 2 processes behind") {
				t.Errorf("%q: status %d, signal %d, stderr %q", argv, out.Status, out.Signal, out.Stderr)
			}
		}
	})
}

// TestIgnoreIsRefused: what --ignore CHLD does to the job would be done to those that wait for it; and the Go runtime does not let
// go of its own signals.
func TestIgnoreIsRefused(t *testing.T) {
	underBoth(t, func(t *testing.T, b *box.Box, flag string) {
		for _, sig := range []string{"CHLD", "BUS", "FPE", "ILL", "TRAP", "SYS", "PROF", "STKFLT", "KILL", "STOP", "34"} {
			started := filepath.Join(t.TempDir(), "started")
			out := box.Run(t, b, b.Command(box.Lastout(t), flag, "--ignore", sig, "touch", started), patience)
			if out.Status != 125 || strings.Count(out.Stderr, "\n") != 1 || !strings.Contains(out.Stderr, "cannot be ignored") {
				t.Errorf("--ignore %s: status %d, stderr %q", sig, out.Status, out.Stderr)
			}
			if _, err := os.Stat(started); err == nil {
				t.Errorf("--ignore %s: the command was started", sig)
			}
		}
	})
}

// checkMasks compares the mask of a job with that of the same program without lastout.
func checkMasks(t *testing.T, lists ...string) {
	underBoth(t, func(t *testing.T, b *box.Box, flag string) {
		for _, list := range lists {
			bare, below := signalSets(t, b, "SigBlk", []string{"block", list}, flag)
			if bare != below {
				t.Errorf("with %q blocked the job has %q, bare it has %q", list, below, bare)
			}
		}
	})
}

// TestMaskIsInherited guards that the job is forked from a thread with the signal mask that lastout was started with. os/signal
// unblocks what it is asked for, in a thread of its own.
func TestMaskIsInherited(t *testing.T) {
	checkMasks(t, "", "10,12", "13", "14,18", "20,21,22", "24,25,26,28,29,30", "35,40,64")
}

// TestMaskOfTheRuntimesSignals: the Go runtime unblocks those that it must not miss (blockableSig in runtime/signal_unix.go) in every
// thread, before main runs, and the job does not get them back. All others reach it blocked.
func TestMaskOfTheRuntimesSignals(t *testing.T) {
	const unblocked = 1<<0 | 1<<1 | 1<<2 | 1<<3 | 1<<4 | 1<<5 | 1<<6 | 1<<7 | 1<<10 | 1<<14 | 1<<15 | 1<<16 | 1<<22 | 1<<26 | 1<<30 | 7<<31
	underBoth(t, func(t *testing.T, b *box.Box, flag string) {
		bare, below := signalSets(t, b, "SigBlk", []string{"block", "all"}, flag)
		var want, got uint64
		if _, err := fmt.Sscanf(bare, "SigBlk: %x", &want); err != nil {
			t.Fatal(err)
		}
		if _, err := fmt.Sscanf(below, "SigBlk: %x", &got); err != nil {
			t.Fatal(err)
		}
		if got&^uint64(unblocked) != want&^uint64(unblocked) {
			t.Errorf("with all blocked the job has %#x, bare it has %#x", got, want)
		}
	})
}

// TestForwardsThoughAllIsBlocked guards that lastout unblocks what it forwards: a caller may start it with all signals blocked.
func TestForwardsThoughAllIsBlocked(t *testing.T) {
	underBoth(t, func(t *testing.T, b *box.Box, flag string) {
		s := play(t, b, b.Command(trap(t, "starts-with"), "block", "all", "--", box.Lastout(t), flag, trap(t, "tells-signals")))
		s.ready()
		for _, sig := range []syscall.Signal{unix.SIGTERM, unix.SIGINT, unix.SIGHUP, 40} {
			s.signal(s.pid(), sig)
			s.expect(strconv.Itoa(int(sig)))
		}
		s.in.Close()
		s.end(7)
	})
}

// TestEverySignalIsForwardedOnce guards a list of signals that leaves none out, and one way for each: no signal is doubled by
// reaching the job twice (process group and runner), none is taken for the Go runtime's own.
func TestEverySignalIsForwardedOnce(t *testing.T) {
	underBoth(t, func(t *testing.T, b *box.Box, flag string) {
		for sig := syscall.Signal(1); sig <= 64; sig++ {
			switch sig {
			case unix.SIGKILL, unix.SIGSTOP, unix.SIGCHLD, unix.SIGURG, unix.SIGPROF, 32, 33, 34: // the Go runtime's and the C library's own
				continue
			}
			t.Run(strconv.Itoa(int(sig)), func(t *testing.T) { forwardOnce(t, box.New(t), flag, sig) })
		}
	})
}

func forwardOnce(t *testing.T, b *box.Box, flag string, sig syscall.Signal) {
	s := play(t, b, b.Command(box.Lastout(t), flag, trap(t, "tells-signals")))
	s.ready()
	s.signal(s.pid(), sig)
	want := []string{strconv.Itoa(int(sig))}
	// A second signal, which comes after whatever the first has caused.
	last := unix.SIGUSR1
	if sig == last {
		last = unix.SIGUSR2
	}
	got := []string{s.lineWithin(soon)}
	s.signal(s.pid(), last)
	for text := ""; text != strconv.Itoa(int(last)); {
		text = s.lineWithin(soon)
		got = append(got, text)
	}
	s.in.Close()
	rest, _ := s.lines.ReadString(0)
	got = append(got, strings.Fields(rest)...)
	if want = append(want, strconv.Itoa(int(last))); !slices.Equal(got, want) {
		t.Errorf("the job was sent %v, want %v", got, want)
	}
	s.end(7)
}

// TestBothAreSignalled is `pkill lastout`: whoever signals all processes of that name means the job once. It guards
// that the worker neither dies of the signal nor passes it on.
func TestBothAreSignalled(t *testing.T) {
	for _, sig := range []syscall.Signal{unix.SIGTERM, unix.SIGINT, unix.SIGHUP, unix.SIGQUIT, unix.SIGUSR1, unix.SIGUSR2} {
		t.Run(unix.SignalName(sig), func(t *testing.T) {
			b := box.New(t)
			s := play(t, b, b.Command(box.Lastout(t), trap(t, "tells-signals")))
			_, worker := s.ready()
			s.signal(worker, sig)
			s.signal(s.pid(), sig)
			s.expect(strconv.Itoa(int(sig)))
			s.in.Close()
			if rest, _ := s.lines.ReadString(0); rest != "" {
				t.Errorf("the job was sent %q more", rest)
			}
			s.end(7)
		})
	}
}

// TestSignalWhileStarting: a TERM that comes while lastout starts ends it, before the job is there or through it. It guards that no
// request is dropped between the first moment in which signals are taken and the one in which there is a job to take them.
func TestSignalWhileStarting(t *testing.T) {
	underBoth(t, func(t *testing.T, b *box.Box, flag string) {
		for i := range 100 {
			cmd := b.Command(box.Lastout(t), flag, "--grace", "300ms", "sleep", "20")
			if err := cmd.Start(); err != nil {
				t.Fatal(err)
			}
			// Not to wait for something, but to come at every moment of the first milliseconds.
			time.Sleep(time.Duration(i%50) * 200 * time.Microsecond)
			if err := cmd.Process.Signal(unix.SIGTERM); err != nil {
				t.Fatal(err)
			}
			late := time.AfterFunc(10*time.Second, b.Kill)
			_ = cmd.Wait() // how it ended is in ProcessState
			if !late.Stop() {
				t.Fatalf("TERM %v after the start was lost", time.Duration(i%50)*200*time.Microsecond)
			}
			b.AssertEmpty()
			if st := cmd.ProcessState.Sys().(syscall.WaitStatus); st.Signal() != unix.SIGTERM {
				t.Fatalf("%s, want signal 15", ended(st))
			}
		}
	})
}
