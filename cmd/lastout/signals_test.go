//go:build linux

package main_test

import (
	"fmt"
	"maps"
	"math/rand/v2"
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

// signalSets runs a command that prints what its signals are, as it is and below lastout, after the
// same preparation.
func signalSets(t *testing.T, b *box.Box, field string, preparation []string, flags ...string) (bare, below string) {
	t.Helper()
	print := []string{"grep", "^" + field + ":", "/proc/self/status"}
	with := slices.Concat(preparation, []string{"--"})
	out := box.Run(t, b, b.Command(trap(t, "starts-with"), slices.Concat(with, print)...), patience)
	bare = out.Stdout
	out = box.Run(t, b, b.Command(trap(t, "starts-with"),
		slices.Concat(with, []string{box.Lastout(t)}, flags, print)...), patience)
	if out.Status != 0 || out.Stderr != "" || bare == "" {
		t.Errorf("after %q, with %q: status %d, signal %d, stderr %q", preparation, flags, out.Status,
			out.Signal, out.Stderr)
	}
	return bare, out.Stdout
}

// TestIgnoredSignalsAreInherited: each, and all at once, as the kernel has them. The Go runtime
// leaves some of them ignored, and takes others.
func TestIgnoredSignalsAreInherited(t *testing.T) {
	underBoth(t, func(t *testing.T, b *box.Box, flag string) {
		lists := []string{"", "all", "13,15,1"}
		for sig := 1; sig <= 64; sig++ {
			lists = append(lists, strconv.Itoa(sig))
		}
		for _, list := range lists {
			bare, below := signalSets(t, b, "SigIgn", []string{"ignore", list}, flag)
			if bare != below {
				t.Errorf("with %q ignored the job has %q, bare it has %q", list, below, bare)
			}
		}
	})
}

// TestIgnoreFlag guards the way for dispositions that the Go runtime resets before main runs
// (systemd starts services with PIPE ignored, for one): --ignore makes the job start with them
// ignored.
func TestIgnoreFlag(t *testing.T) {
	underBoth(t, func(t *testing.T, b *box.Box, flag string) {
		for sig := syscall.Signal(1); sig <= 64; sig++ {
			switch sig {
			case unix.SIGKILL, unix.SIGSTOP, 32, 33: // cannot be, or are not for programs to ignore
			case unix.SIGCHLD, 4, 5, 7, 8, 16, 27, 31, 34: // refused: see TestIgnoreIsRefused
			default:
				bare, below := signalSets(t, b, "SigIgn", []string{"ignore", strconv.Itoa(int(sig))}, flag,
					"--ignore", strconv.Itoa(int(sig)))
				if bare != below {
					t.Errorf("--ignore %d: the job has %q, want %q", sig, below, bare)
				}
			}
		}
		bare, below := signalSets(t, b, "SigIgn", []string{"ignore", "13,15,3,10"}, flag, "--ignore",
			"PIPE,TERM", "--ignore", "sigquit", "--ignore", "USR1")
		if bare != below {
			t.Errorf("--ignore by name: the job has %q, want %q", below, bare)
		}
	})
}

// TestIgnoredChildSignal guards that an inherited ignored SIGCHLD is undone before anything is
// started: the kernel would reap the job unseen, and wait would know no status.
func TestIgnoredChildSignal(t *testing.T) {
	underBoth(t, func(t *testing.T, b *box.Box, flag string) {
		for _, list := range []string{"17", "all"} {
			argv := []string{"ignore", list, "--", box.Lastout(t), flag, "--grace", "300ms", "sh", "-c",
				"sleep 60 & setsid sleep 60 & exit 3"}
			out := box.Run(t, b, b.Command(trap(t, "starts-with"), argv...), patience)
			if out.Status != 3 || !strings.Contains(out.Stderr, "left 2 processes behind") {
				t.Errorf("%q: status %d, signal %d, stderr %q", argv, out.Status, out.Signal, out.Stderr)
			}
		}
	})
}

// TestIgnoreIsRefused: what --ignore CHLD does to the job would be done to those that wait for it;
// and the Go runtime does not let go of its own signals.
func TestIgnoreIsRefused(t *testing.T) {
	underBoth(t, func(t *testing.T, b *box.Box, flag string) {
		for _, sig := range []string{"CHLD", "BUS", "FPE", "ILL", "TRAP", "SYS", "PROF", "STKFLT", "KILL",
			"STOP", "34"} {
			started := filepath.Join(t.TempDir(), "started")
			out := box.Run(t, b, b.Command(box.Lastout(t), flag, "--ignore", sig, "touch", started), patience)
			if out.Status != 125 || strings.Count(out.Stderr, "\n") != 1 ||
				!strings.Contains(out.Stderr, "cannot be ignored") {
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

// TestMaskIsInherited: the mask that lastout was started with, though the Go runtime unblocks a
// part of it in all of its threads.
func TestMaskIsInherited(t *testing.T) {
	checkMasks(t, "", "all", "1,2,3,15", "10,12", "13", "14,18", "17,23,27", "20,21,22", "24,25,26,28,29,30",
		"32,33,34", "35,40,64")
}

// TestPendingSignals: what was blocked and pending when lastout was executed is pending for the
// command, as it is across execve(2).
func TestPendingSignals(t *testing.T) {
	underBoth(t, func(t *testing.T, b *box.Box, flag string) {
		sent := []string{"10", "15", "20", "40", "64"}
		argv := []string{"block", "all", "raise", strings.Join(sent, ","), "--", box.Lastout(t), flag,
			trap(t, "tells-signals")}
		s := play(t, b, b.Command(trap(t, "starts-with"), argv...))
		s.ready()
		var got []string
		for range sent {
			got = append(got, s.lineWithin(patience))
		}
		slices.Sort(got)
		if !slices.Equal(got, sent) {
			t.Errorf("the command got %v, want %v", got, sent)
		}
		s.in.Close()
		s.end(7)
	})
}

// TestIgnoredSignalsReachTheCommand: what was ignored when lastout was started is passed on. The
// command may have decided otherwise: node and Python catch INT in the background of a shell, which
// has it ignored.
func TestIgnoredSignalsReachTheCommand(t *testing.T) {
	underBoth(t, func(t *testing.T, b *box.Box, flag string) {
		s := play(t, b, b.Command(trap(t, "starts-with"), "ignore", "all", "--", box.Lastout(t), flag,
			trap(t, "tells-signals")))
		s.ready()
		for _, sig := range []syscall.Signal{unix.SIGINT, unix.SIGHUP, unix.SIGQUIT, unix.SIGTERM, unix.SIGPIPE,
			unix.SIGUSR1, 50} {
			s.signal(s.pid(), sig)
			s.expect(strconv.Itoa(int(sig)))
		}
		s.in.Close()
		s.end(7)
	})
}

// TestEarlySignals: real-time signals, which the kernel queues, sent at random moments of the first
// 20 ms. None is lost, and none comes twice.
func TestEarlySignals(t *testing.T) {
	const rounds, each = 25, 40
	underBoth(t, func(t *testing.T, b *box.Box, flag string) {
		for round := range rounds {
			s := play(t, b, b.Command(trap(t, "starts-with"), "block", "all", "--", box.Lastout(t), flag,
				trap(t, "tells-signals")))
			// until then it is what executes it
			for statusField(fmt.Sprintf("/proc/%d/status", s.pid()), "Name") != filepath.Base(box.Lastout(t)) {
			}
			sent, got := map[int]int{}, map[int]int{}
			for range each {
				// not to wait for something, but to come at every moment
				time.Sleep(time.Duration(rand.IntN(1000)) * time.Microsecond)
				sig := 35 + rand.IntN(29)
				s.signal(s.pid(), syscall.Signal(sig))
				sent[sig]++
			}
			s.ready()
			s.signal(s.pid(), 64) // the last one
			for {
				n, err := strconv.Atoi(s.lineWithin(patience))
				if err != nil {
					t.Fatal(err)
				}
				if n == 64 {
					break
				}
				got[n]++
			}
			s.in.Close()
			if rest, _ := s.lines.ReadString(0); rest != "" {
				t.Errorf("round %d: after the last one came %q", round, rest)
			}
			if !maps.Equal(sent, got) {
				t.Errorf("round %d: sent %v, and the command got %v", round, sent, got)
			}
			s.end(7)
		}
	})
}

// TestEarlySignalsToTheGroup: what ends the command ends lastout in the same way, though the worker
// may not have a process group of its own yet.
func TestEarlySignalsToTheGroup(t *testing.T) {
	const rounds = 150
	for _, sig := range []syscall.Signal{unix.SIGTERM, unix.SIGHUP} {
		for range rounds {
			b := box.New(t)
			cmd := b.Command(box.Lastout(t), "sleep", "300")
			cmd.SysProcAttr.Setpgid = true
			s := play(t, b, cmd)
			// not to wait for something, but to come at every moment
			time.Sleep(time.Duration(rand.IntN(3000)) * time.Microsecond)
			s.signal(-s.pid(), sig)
			s.endOf(sig)
		}
	}
}

// saysSignals is a program that says the number of each TERM, CONT and USR1 that it gets; the last
// ends it.
const saysSignals = `
import os, signal, sys
r, w = os.pipe()
os.set_blocking(w, False)
signal.set_wakeup_fd(w)
for sig in signal.SIGTERM, signal.SIGCONT, signal.SIGUSR1:
    signal.signal(sig, lambda *_: None)
print("ready", os.getpid(), os.getppid(), flush=True)
while True:
    for sig in os.read(r, 99):
        print(sig, flush=True)
        if sig == signal.SIGUSR1:
            sys.exit(7)
`

// TestDeathBySignal: lastout dies of what the command has died of, always: where it has several
// threads, one of them may receive signals meanwhile.
func TestDeathBySignal(t *testing.T) {
	const rounds = 40
	underBoth(t, func(t *testing.T, b *box.Box, flag string) {
		for _, sig := range []syscall.Signal{unix.SIGUSR1, unix.SIGVTALRM, unix.SIGIO, unix.SIGPIPE, unix.SIGTERM, 40} {
			for range rounds {
				s := play(t, b, b.Command(box.Lastout(t), flag, "sh", "-c", fmt.Sprintf("kill -%d $$", int(sig))))
				s.endOf(sig)
			}
		}
	})
}

// TestSignalsToTheParent: what a command sends to its parent counts as sent to lastout.
func TestSignalsToTheParent(t *testing.T) {
	underBoth(t, func(t *testing.T, b *box.Box, flag string) {
		s := play(t, b, b.Command(box.Lastout(t), flag, trap(t, "tells-signals")))
		_, parent := s.ready()
		for _, sig := range []syscall.Signal{unix.SIGUSR1, unix.SIGTERM, unix.SIGINT, 34, 64} {
			s.signal(parent, sig)
			s.expect(strconv.Itoa(int(sig)))
		}
		s.in.Close()
		s.end(7)
	})
}

// TestForwardsThoughAllIsBlocked guards that lastout unblocks what it forwards: a caller may start
// it with all signals blocked.
func TestForwardsThoughAllIsBlocked(t *testing.T) {
	underBoth(t, func(t *testing.T, b *box.Box, flag string) {
		s := play(t, b, b.Command(trap(t, "starts-with"), "block", "all", "--", box.Lastout(t), flag,
			trap(t, "tells-signals")))
		s.ready()
		for _, sig := range []syscall.Signal{unix.SIGTERM, unix.SIGINT, unix.SIGHUP, 40} {
			s.signal(s.pid(), sig)
			s.expect(strconv.Itoa(int(sig)))
		}
		s.in.Close()
		s.end(7)
	})
}

// TestEverySignalIsForwardedOnce guards a list of signals that leaves none out, and one way for
// each: no signal is doubled by reaching the job twice (process group and runner), none is taken
// for the Go runtime's own.
func TestEverySignalIsForwardedOnce(t *testing.T) {
	underBoth(t, func(t *testing.T, b *box.Box, flag string) {
		for sig := syscall.Signal(1); sig <= 64; sig++ {
			switch sig {
			case unix.SIGKILL, unix.SIGSTOP, unix.SIGCHLD, 32, 33: // nobody's, the one that tells of children, and two that no C program can block
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

// TestBothAreSignalled is `pkill lastout`: whoever signals all processes of that name means the job
// once. It guards that the worker neither dies of the signal nor passes it on.
func TestBothAreSignalled(t *testing.T) {
	for _, sig := range []syscall.Signal{unix.SIGTERM, unix.SIGINT, unix.SIGHUP, unix.SIGQUIT, unix.SIGUSR1,
		unix.SIGUSR2} {
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

// TestSignalWhileStarting: a TERM that comes while lastout starts ends it, before the job is there
// or through it. It guards that no request is dropped between the first moment in which signals are
// taken and the one in which there is a job to take them.
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
