package jobs_test

import (
	"bytes"
	"context"
	"os"
	"strings"
	"testing"
	"time"

	"lastout/jobs"
)

// filtered is a script whose output goes through a reader that nobody waits for, and that takes its
// time.
func filtered(script string) []string {
	return sh(`while read -r line; do sleep 0.02; echo "<$line>"; done <"$fifo" & exec >"$fifo"; ` + script)
}

// TestSettles: a reader may finish, and is no leftover.
func TestSettles(t *testing.T) {
	both(t, func(t *testing.T, r *jobs.Runner) {
		var out bytes.Buffer
		job := jobs.Job{Args: filtered("seq 5"), Env: append(os.Environ(), "fifo="+fifo(t)), Stdout: &out,
			Stdin: strings.NewReader("x")}
		if res := run(t, r, job); res.LeftoverCount != 0 || out.String() != "<1>\n<2>\n<3>\n<4>\n<5>\n" {
			t.Errorf("%d leftovers, output %q", res.LeftoverCount, out.String())
		}
		job.Args = filtered("sleep 300 & seq 5")
		out.Reset()
		res := run(t, r, job)
		if res.LeftoverCount != 1 || res.Leftovers[0].End != jobs.ByStopSignal ||
			out.String() != "<1>\n<2>\n<3>\n<4>\n<5>\n" {
			t.Errorf("leftovers %+v, want the writer alone; output %q", res.Leftovers, out.String())
		}
	})
}

// Without time to settle everybody is stopped at once.
func TestDoesNotSettle(t *testing.T) {
	both(t, func(t *testing.T, r *jobs.Runner) {
		job := jobs.Job{Args: sh(`sleep 300 <"$fifo" & exec 9>"$fifo"; echo x >&9`),
			Env: append(os.Environ(), "fifo="+fifo(t)), Settle: -1}
		if res := run(t, r, job); res.LeftoverCount != 1 || res.Leftovers[0].End != jobs.ByStopSignal {
			t.Errorf("leftovers %+v", res.Leftovers)
		}
	})
}

// What the leader writes when it is stopped arrives.
func TestLastWords(t *testing.T) {
	both(t, func(t *testing.T, r *jobs.Runner) {
		ctx, cancel := context.WithCancel(context.Background())
		defer cancel()
		var out bytes.Buffer
		job := jobs.Job{Args: filtered(`trap 'echo last words; exit' TERM; echo ready; sleep 300 & wait`),
			Env: append(os.Environ(), "fifo="+fifo(t))}
		job.Stdout = writer(func(b []byte) (int, error) {
			if out.Write(b); strings.HasPrefix(out.String(), "<ready>") {
				cancel()
			}
			return len(b), nil
		})
		res, err := r.Run(ctx, job)
		if err != nil {
			t.Fatal(err)
		}
		if out.String() != "<ready>\n<last words>\n" || !res.Stopped {
			t.Errorf("output %q, stopped %v", out.String(), res.Stopped)
		}
	})
}

type writer func([]byte) (int, error)

func (w writer) Write(b []byte) (int, error) { return w(b) }

// With a time limit for the leader alone, the others live until it is gone, and are asked then.
func TestLeaderAlone(t *testing.T) {
	both(t, func(t *testing.T, r *jobs.Runner) {
		var out bytes.Buffer
		job := jobs.Job{
			Args:   sh(`(trap 'echo child; exit' TERM; while :; do sleep 0.01; done) & trap 'kill -0 $! && echo leader; exit' TERM; while :; do sleep 0.01; done`),
			Stdout: &out, Timeout: 500 * time.Millisecond, Forward: jobs.Leader,
		}
		if res := run(t, r, job); out.String() != "leader\nchild\n" || !res.TimedOut || res.Killed {
			t.Errorf("output %q, %+v", out.String(), res)
		}
		// The others have forked before TERM is ignored, which they would inherit.
		out.Reset()
		job.Args = sh(`(trap 'echo child; exit' TERM; while :; do sleep 0.01; done) & trap '' TERM; while :; do sleep 0.01; done`)
		job.KillAfter = 50 * time.Millisecond
		if res := run(t, r, job); out.String() != "child\n" || !res.TimedOut || !res.Killed {
			t.Errorf("output %q, %+v", out.String(), res)
		}
	})
}
