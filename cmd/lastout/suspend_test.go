//go:build linux

package main_test

import (
	"flag"
	"fmt"
	"math/rand/v2"
	"os/exec"
	"slices"
	"syscall"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"lastout/testdata/box"
)

// TestEarlyStop: a stop signal to the process group that the command shares, at any moment of its
// start, stops lastout, too. A command that is stopped before it has executed its program is seen
// by nobody.
func TestEarlyStop(t *testing.T) {
	const rounds = 60
	for _, flags := range [][]string{{"--foreground"}, {"--keeper=off", "--foreground"}, {}} {
		for range rounds {
			b := box.New(t)
			cmd := b.Command(box.Lastout(t), append(flags, "sleep", "300")...)
			cmd.SysProcAttr.Setpgid = true
			s := play(t, b, cmd)
			// not to wait for something, but to come at every moment
			time.Sleep(time.Duration(rand.IntN(10000)) * time.Microsecond)
			s.signal(-s.pid(), unix.SIGTSTP)
			awaitStop(t, s)
			s.signal(-s.pid(), unix.SIGCONT)
			s.signal(-s.pid(), unix.SIGTERM)
			s.endOf(unix.SIGTERM)
		}
	}
}

// TestEarlyStopAndContinue: both, one right after the other, to the process group that the command
// is about to leave. It goes on.
func TestEarlyStopAndContinue(t *testing.T) {
	const rounds = 200
	underBoth(t, func(t *testing.T, b *box.Box, flag string) {
		for range rounds {
			cmd := b.Command(box.Lastout(t), flag, "sh", "-c", "exit 7")
			cmd.SysProcAttr.Setpgid = true
			s := play(t, b, cmd)
			// not to wait for something, but to come at every moment
			time.Sleep(time.Duration(rand.IntN(5000)) * time.Microsecond)
			_ = unix.Kill(-s.pid(), unix.SIGTSTP)
			_ = unix.Kill(-s.pid(), unix.SIGCONT) // it may have ended
			s.end(7)
		}
	})
}

// TestTwoStops: of two stop signals, one right after the other, the command may be stopped by
// either. lastout stops with it, nobody else does, and a SIGCONT continues both.
func TestTwoStops(t *testing.T) {
	underBoth(t, func(t *testing.T, b *box.Box, flag string) {
		for _, sigs := range [][]syscall.Signal{{unix.SIGTSTP, unix.SIGTTOU}, {unix.SIGTTIN, unix.SIGTSTP},
			{unix.SIGTTOU, unix.SIGTTIN}} {
			for range 10 {
				cmd := b.Command(box.Lastout(t), flag, "sh", "-c", "echo ready $$ $$; read line; exit 7")
				cmd.SysProcAttr.Setpgid = true
				s := play(t, b, cmd)
				s.ready()
				neighbour := exec.Command("sleep", "300")
				neighbour.SysProcAttr = &syscall.SysProcAttr{Setpgid: true, Pgid: s.pid()}
				if err := neighbour.Start(); err != nil {
					t.Fatal(err)
				}
				for _, sig := range sigs {
					s.signal(s.pid(), sig)
				}
				awaitStop(t, s)
				if state := processState(neighbour.Process.Pid); state == "T" {
					t.Errorf("%v: another process of lastout's group was stopped", sigs)
				}
				_ = neighbour.Process.Kill()
				_ = neighbour.Wait()
				s.signal(s.pid(), unix.SIGCONT)
				s.in.Close()
				s.end(7)
			}
		}
	})
}

// awaitStop returns when lastout is stopped.
func awaitStop(t *testing.T, s *scene) {
	t.Helper()
	for end := time.Now().Add(patience); processState(s.pid()) != "T"; time.Sleep(time.Millisecond) {
		if time.Now().After(end) {
			t.Fatalf("lastout is in state %s, and not stopped", processState(s.pid()))
		}
	}
}

// TestContinuedAtOnce: a CONT right after a stop reaches the command, though nothing may have
// stopped yet, and so does one that comes without a stop; each once.
func TestContinuedAtOnce(t *testing.T) {
	for _, flag := range []string{"--keeper=auto", "--keeper=off", "--foreground"} {
		t.Run(flag, func(t *testing.T) {
			b := box.New(t, box.PidsCap(600))
			for i := range 60 {
				cmd := b.Command(box.Lastout(t), flag, "python3", "-c", saysSignals)
				cmd.SysProcAttr.Setpgid = true
				s := play(t, b, cmd)
				s.ready()
				if i%4 > 0 {
					s.signal(s.pid(), []syscall.Signal{unix.SIGTSTP, unix.SIGTTIN, unix.SIGTTOU}[i%4-1])
				}
				s.signal(s.pid(), unix.SIGCONT)
				got := []string{s.lineWithin(patience)}
				s.signal(s.pid(), unix.SIGUSR1)
				got = append(got, s.lineWithin(patience))
				if !slices.Equal(got, []string{"18", "10"}) {
					t.Errorf("round %d: the command got %v", i, got)
				}
				s.end(7)
			}
		})
	}
}

// TestOneContinuation: a command that is stopped, and sent TERM and CONT, gets CONT once.
func TestOneContinuation(t *testing.T) {
	underBoth(t, func(t *testing.T, b *box.Box, flag string) {
		for range 30 {
			cmd := b.Command(box.Lastout(t), flag, "python3", "-c", saysSignals)
			cmd.SysProcAttr.Setpgid = true // or nobody could continue its process group, and nothing would stop
			s := play(t, b, cmd)
			s.ready()
			s.signal(s.pid(), unix.SIGTSTP)
			awaitStop(t, s)
			s.signal(s.pid(), unix.SIGTERM)
			s.signal(s.pid(), unix.SIGCONT)
			got := []string{s.lineWithin(patience), s.lineWithin(patience)}
			s.signal(s.pid(), unix.SIGUSR1)
			got = append(got, s.lineWithin(patience))
			slices.Sort(got)
			if !slices.Equal(got, []string{"10", "15", "18"}) {
				t.Errorf("the command got %v", got)
			}
			s.end(7)
		}
	})
}

var suspensions = flag.Int("suspensions", 100, "how often TestSuspension sends each signal, each way")

// TestSuspension: a stop signal that SIGCONT follows at once, sent to lastout alone, leaves both
// lastout and the command running, whichever comes first to whom.
func TestSuspension(t *testing.T) {
	for _, flags := range [][]string{{}, {"--foreground"}, {"--keeper=off"}} {
		for _, sig := range []syscall.Signal{unix.SIGTSTP, unix.SIGTTIN, unix.SIGTTOU} {
			t.Run(fmt.Sprint(flags, " ", unix.SignalName(sig)), func(t *testing.T) {
				b := box.New(t)
				cmd := b.Command(box.Lastout(t), append(flags, trap(t, "pauses"))...)
				cmd.SysProcAttr.Setpgid = true // in our own it might be orphaned, and not stop
				s := play(t, b, cmd)
				s.ready()
				for range *suspensions {
					for _, next := range []syscall.Signal{sig, unix.SIGWINCH, unix.SIGCONT, unix.SIGUSR1} {
						s.signal(s.pid(), next)
					}
					s.expect("here")
				}
				s.signal(s.pid(), unix.SIGTERM)
				s.endOf(unix.SIGTERM)
			})
		}
	}
}
