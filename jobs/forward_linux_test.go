package jobs_test

import (
	"syscall"
	"testing"
	"time"

	"lastout/jobs"
)

// TestSentTogether: a TERM or INT that the leader was sent, too, and that is heard of after its end
// makes no leftovers of those that end because of it. Another one does.
func TestSentTogether(t *testing.T) {
	const counts = `(i=0; while [ $i -lt 20000 ]; do i=$((i+1)); done) & exit 3`
	const stays = `(while :; do :; done) & exit 3`
	for _, c := range []struct {
		name, script string
		linger       time.Duration
		times, want  int
	}{
		{"once", counts, 0, 1, 0}, {"twice", stays, 0, 2, 1},
		{"once, lingering", counts, jobs.Forever, 1, 0}, {"twice, lingering", stays, jobs.Forever, 2, 1},
	} {
		t.Run(c.name, func(t *testing.T) {
			var r *jobs.Runner
			exited := func(syscall.WaitStatus) {
				for range c.times {
					r.Sent(syscall.SIGINT)
				}
			}
			r = runner(t, jobs.Options{InProcess: true, Events: jobs.Events{Exited: exited}})
			res := run(t, r, jobs.Job{Args: sh(c.script), Linger: c.linger, Settle: time.Hour})
			if res.LeftoverCount != c.want || res.Status.ExitStatus() != 3 {
				t.Errorf("%d left over, status %#x", res.LeftoverCount, res.Status)
			}
		})
	}
}

// TestStorm: signals that keep coming do not keep a job from its time limit.
func TestStorm(t *testing.T) {
	both(t, func(t *testing.T, r *jobs.Runner) {
		over := make(chan struct{})
		done := make(chan struct{})
		go func() {
			defer close(done)
			for {
				select {
				case <-over:
					return
				default:
					r.Signal(syscall.SIGURG)
				}
			}
		}()
		res := run(t, r, jobs.Job{Args: sh("sleep 300"), Timeout: 50 * time.Millisecond, Forward: jobs.Tree})
		close(over)
		<-done
		if !res.TimedOut {
			t.Errorf("%+v", res)
		}
	})
}
