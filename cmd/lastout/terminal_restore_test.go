//go:build linux

package main_test

import (
	"strings"
	"testing"

	"golang.org/x/sys/unix"
)

// TestModesAfterKill: a job that dies in raw mode leaves the terminal as it found it, which a plain
// one does not, and dash does not either.
func TestModesAfterKill(t *testing.T) {
	underLastout(t, func(t *testing.T, s *seat) {
		before := s.modes()
		settings := s.run(0, "stty -a")
		for _, kill := range []func(job player) int{
			func(job player) int { s.signal(job.pid, unix.SIGKILL); return 137 },
			func(job player) int { s.signal(childOf(s.pid()), unix.SIGTERM); return 143 },
			func(job player) int { s.signal(keeperOf(job), unix.SIGKILL); return 125 },
		} {
			s.line("$L actor raw ready pause")
			job := s.ready()
			if s.modes() == before {
				t.Error("the job has not changed the terminal")
			}
			s.prompt(kill(job))
			s.back(before)
			if now := s.run(0, "stty -a"); now != settings {
				t.Errorf("stty -a prints %q, and before that %q", now, settings)
			}
		}
	})
}

// TestModesAfterTimeout: likewise.
func TestModesAfterTimeout(t *testing.T) {
	underLastout(t, func(t *testing.T, s *seat) {
		before := s.modes()
		s.line("$L -t 1 actor raw ready pause")
		s.prompt(124)
		s.back(before)
	})
}

// TestModesAreTheJobs: what a job that exits by itself has changed stays changed.
func TestModesAreTheJobs(t *testing.T) {
	inShells(t, func(t *testing.T, s *seat) {
		for _, c := range []struct{ change, want string }{{"-echoctl", " -echoctl"}, {"echoctl", " echoctl"},
			{"-echo", " -echo "}, {"echo", " echo "}} {
			if s.shell.name == "zsh" && strings.HasSuffix(c.change, "echo") {
				continue // it insists on it
			}
			s.run(0, "$L stty "+c.change)
			s.line("stty -a")
			if text := s.prompt(0); !strings.Contains(text, c.want) {
				t.Errorf("after stty %s: %q", c.change, text)
			}
		}
	})
}

// TestRunnerKilled: the shell has its terminal when lastout was killed, and the worker ends the
// job.
func TestRunnerKilled(t *testing.T) {
	underLastout(t, func(t *testing.T, s *seat) {
		adoptOrphans(t)
		before := s.modes()
		s.line("$L -g 0.2 actor orphan ready read")
		job := s.ready()
		s.reads(job)
		s.signal(childOf(s.pid()), unix.SIGKILL)
		s.prompt(137)
		s.onlyTheShell()
		s.back(before)
		s.line("actor owner")
		s.expect("owner:yes")
		s.prompt(0)
	})
}

// onlyTheShell waits until everything else in the box has ended, and reaps what is ours of it.
func (s *seat) onlyTheShell() {
	s.t.Helper()
	s.until("nothing is left but the shell", func() bool {
		reapAdopted(s.b, s.pid())
		return len(s.b.Procs()) == 1
	})
}

// TestRunnerKilledInScript: the script goes on, and gets the terminal that its job had, with the
// modes from before.
func TestRunnerKilledInScript(t *testing.T) {
	underLastout(t, func(t *testing.T, s *seat) {
		adoptOrphans(t)
		before := s.modes()
		s.script("goes-on", `stty -a >was
lastout -g 0.2 actor raw orphan ready read
echo after:$?
until actor owner | grep -q yes; do :; done
stty -a | cmp - was && actor ready read`)
		s.line("sh goes-on")
		job := s.ready()
		s.reads(job)
		s.signal(runnerOf(job), unix.SIGKILL)
		s.expect("after:137")
		s.reads(s.ready())
		s.line("hello")
		s.expect("read:hello")
		s.prompt(0)
		s.onlyTheShell()
		s.back(before)
	})
}

// TestKeeperKilledInScript: likewise, but it is lastout that gives the terminal back then.
func TestKeeperKilledInScript(t *testing.T) {
	underLastout(t, func(t *testing.T, s *seat) {
		before := s.modes()
		s.script("goes-on", `stty -a >was
lastout -g 0.2 actor raw orphan ready read
echo after:$?
stty -a | cmp - was && actor ready read`)
		s.line("sh goes-on")
		job := s.ready()
		s.reads(job)
		s.signal(keeperOf(job), unix.SIGKILL)
		s.expect("after:125")
		s.reads(s.ready())
		s.line("hello")
		s.expect("read:hello")
		s.prompt(0)
		s.back(before)
	})
}
