//go:build linux

package jobs_test

import (
	"context"
	"os"
	"syscall"
	"testing"

	"lastout/jobs"

	"golang.org/x/sys/unix"
)

// TestSentContinue: a SIGCONT that the whole process group has got is sent again to a leader that
// has stayed stopped, and not to one that has gone on and was stopped once more. That is told
// again.
func TestSentContinue(t *testing.T) {
	for name, again := range map[string]bool{"stays": false, "stops again": true} {
		t.Run(name, func(t *testing.T) {
			pids, stops, goesOn := make(chan int, 1), make(chan syscall.Signal, 8), make(chan struct{}, 8)
			r, err := jobs.NewRunner(jobs.Options{InProcess: true, Events: jobs.Events{
				Started: func(pid int) { pids <- pid },
				Stopped: func(sig syscall.Signal, _ bool, _ func() bool) bool { stops <- sig; return true },
				Resumed: func() { goesOn <- struct{}{} },
			}})
			if err != nil {
				t.Fatal(err)
			}
			defer r.Close()
			ended := make(chan error, 1)
			go func() {
				_, err := r.Run(context.Background(), jobs.Job{Args: []string{"sleep", "100"}, Env: os.Environ()})
				ended <- err
			}()
			leader := <-pids
			stop := func() {
				unix.Kill(leader, unix.SIGSTOP)
				if sig := <-stops; sig != unix.SIGSTOP {
					t.Errorf("it was stopped by %v", sig)
				}
			}
			stop()
			if again {
				unix.Kill(leader, unix.SIGCONT)
				<-goesOn
				stop()
			}
			r.Sent(unix.SIGCONT)
			if again {
				<-stops
			} else {
				<-goesOn
			}
			unix.Kill(leader, unix.SIGKILL)
			<-ended
			if again && len(goesOn) > 1 { // one is that it has ended
				t.Error("it was continued")
			}
		})
	}
}
