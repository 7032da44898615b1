//go:build linux

package main_test

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"lastout/testdata/box"
)

// Jobs of a CI step that is cancelled. Each has something in its process group, and something in a
// session of its own; says which signals it gets; and ends of the others. The shell is dash: an INT
// that comes just as bash begins to wait has bash send itself INT for ever (5.2.15, with lastout
// and without).
const (
	heedsAll  = `sleep 300 & setsid sleep 300 & s=$!; echo ready $$ $PPID; ` + untilGone
	heedsTERM = `trap "echo INT" INT; ` + heedsAll
	heedsNone = `trap "echo TERM" TERM; ` + heedsTERM
	untilGone = `while kill -0 $s 2>/dev/null; do wait $s; done`
)

// cancelStep is one step of an agent's: a signal, and what the job says of it before the agent goes
// on. Agents wait for seconds; what matters is the order.
type cancelStep struct {
	sig  unix.Signal
	said string
}

var (
	// GitHub's runner sends INT to the process that it has started, TERM 7.5 s and KILL 2.5 s later
	// (ProcessInvoker.cs in actions/runner).
	gitHub = []cancelStep{{unix.SIGINT, "INT"}, {unix.SIGTERM, "TERM"}, {unix.SIGKILL, ""}}
	// GitLab's runner and Buildkite's agent send TERM to the process group, and KILL after a grace
	// period.
	gitLab = []cancelStep{{unix.SIGTERM, "TERM"}, {unix.SIGKILL, ""}}
	atOnce = []cancelStep{{unix.SIGKILL, ""}}
)

// TestCancelled: an agent cancels a step. Whoever the agent's signals reach, and whichever of them
// the job heeds, nothing is left when lastout has returned or, where the agent has killed it, a
// moment after its grace period.
func TestCancelled(t *testing.T) {
	for _, c := range []struct {
		name  string
		job   string
		steps []cancelStep
		group bool // the signals go to the process group
		shell bool // the agent has started a shell, which runs lastout
	}{
		{"GitHub, ends of INT", heedsAll, gitHub[:1], false, false},
		{"GitHub, ends of TERM", heedsTERM, gitHub[:2], false, false},
		{"GitHub, ends of KILL", heedsNone, gitHub, false, false},
		{"GitHub, a shell, ends of TERM", heedsTERM, gitHub[1:2], false, true},
		{"GitHub, a shell, ends of KILL", heedsNone, atOnce, false, true},
		{"GitLab, ends of TERM", heedsTERM, gitLab[:1], true, true},
		{"GitLab, ends of KILL", heedsNone, gitLab, true, true},
		{"GitLab, no shell, ends of KILL", heedsNone, gitLab, true, false},
		{"killed at once", heedsNone, atOnce, false, false},
		{"killed at once, the group", heedsNone, atOnce, true, true},
	} {
		t.Run(c.name, func(t *testing.T) {
			adoptOrphans(t)
			b := box.New(t, box.PidsCap(600))
			argv := []string{box.Lastout(t), "--die-with-parent", "--grace", "300ms", "dash", "-c", c.job}
			if c.shell {
				argv = append([]string{"bash", "-c", `"$@"; echo after`, "bash"}, argv...)
			}
			cmd := b.Command(argv[0], argv[1:]...)
			cmd.SysProcAttr.Setpgid = true
			s := play(t, b, cmd)
			s.ready()
			cancel(s, c.steps, c.group)
			first, last := c.steps[0].sig, c.steps[len(c.steps)-1].sig
			if last != unix.SIGKILL && !c.shell {
				s.endOf(last)
				return
			}
			emptyWithin(t, b, 1300*time.Millisecond, s.pid())
			want := last
			if c.shell { // which waits for lastout, and heeds the first
				want = first
			}
			if st := s.wait(); !st.Signaled() || st.Signal() != want {
				t.Errorf("%s, want signal %d", ended(st), want)
			}
			emptyWithin(t, b, time.Second, s.pid()) // whom lastout's death has left to us
		})
	}
}

// cancel does what an agent does. The last signal is not answered.
func cancel(s *scene, steps []cancelStep, group bool) {
	s.t.Helper()
	to := s.pid()
	if group {
		to = -to
	}
	for i, step := range steps {
		s.signal(to, step.sig)
		if i < len(steps)-1 {
			s.expect(step.said)
		}
	}
}

// TestHungUp: who reads the output of a step goes away. A job that writes gets SIGPIPE, as it would
// without lastout; one that does not ends when it likes; lastout, which has something to say then,
// neither waits nor fails, and a report is written all the same.
func TestHungUp(t *testing.T) {
	underBoth(t, func(t *testing.T, b *box.Box, flag string) {
		for job, sig := range map[string]unix.Signal{
			`sleep 300 & setsid sleep 300 & echo ready; read line; exec yes`:     unix.SIGPIPE,
			`sleep 300 & setsid sleep 300 & echo ready; read line; echo 1; exit`: unix.SIGPIPE,
			`sleep 300 & setsid sleep 300 & echo ready; read line; exit 3`:       0,
		} {
			path := filepath.Join(t.TempDir(), "report.json")
			s := play(t, b, b.Command("sh", "-c", `exec "$@" 2>&1`, "sh", box.Lastout(t), flag, "--usage",
				"--report", path, "sh", "-c", job))
			s.expect("ready")
			s.out.Close()
			s.in.Close() // the job goes on when nobody reads any more
			if sig != 0 {
				s.endOf(sig)
			} else {
				s.end(3)
			}
			data, err := os.ReadFile(path)
			if err != nil || !strings.Contains(string(data), `"leftover_count":2,`) {
				t.Errorf("%s: the report is %q, %v", job, data, err)
			}
		}
	})
}
