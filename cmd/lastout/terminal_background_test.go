//go:build linux

package main_test

import (
	"strconv"
	"testing"
)

// TestBackground: a job in the background leaves the terminal alone, stops when it reads from it,
// and reads when it is in the foreground.
func TestBackground(t *testing.T) {
	inShells(t, func(t *testing.T, s *seat) {
		before := s.modes()
		s.line("$L actor ready read &")
		job := s.ready()
		child := childOf(s.pid())
		s.inState(job.pid, "T")
		s.inState(child, "T")
		s.line("jobs")
		s.expect(`(?i)stopped|suspended`)
		s.sync()
		s.back(before)
		s.line("fg")
		s.reads(job)
		s.line("hello")
		s.expect("read:hello")
		s.prompt(0)
		s.back(before)
	})
}

// TestBackgroundIsNamed: the shells that say why a job has stopped say it of lastout, too.
func TestBackgroundIsNamed(t *testing.T) {
	for _, sh := range shells {
		if sh.name == "zsh" || sh.name == "dash" {
			asWithoutIn(t, sh, func(s *seat) (seen []string) {
				s.line("$L actor ready read &")
				job := s.ready()
				child := childOf(s.pid())
				s.inState(job.pid, "T")
				s.inState(child, "T")
				s.line("jobs")
				said := s.expect(`\(tty input\)`)
				s.sync()
				s.line("fg")
				s.reads(job)
				s.keys(ctrlC)
				s.prompt(130)
				return said
			})
		}
	}
}

// TestForegroundLater: a job that was begun in the background, and did not stop, is ended by Ctrl-C
// once it is in the foreground.
func TestForegroundLater(t *testing.T) {
	inShells(t, func(t *testing.T, s *seat) {
		before := s.modes()
		s.line("$L actor ready pause &")
		job := s.ready()
		child := childOf(s.pid())
		s.line("fg")
		s.until("the job is in the foreground", func() bool { return s.foreground() == child })
		// it continues the group after it has given the terminal away, which would undo a Ctrl-Z
		s.inState(s.pid(), "S")
		s.keys(ctrlZ)
		s.expect(`@148@ `)
		s.stopped(job.pid)
		s.line("fg")
		s.inState(job.pid, "S")
		s.until("the shell is not in the foreground", func() bool { return s.foreground() != s.pid() })
		s.keys(ctrlC)
		s.prompt(130)
		s.back(before)
	})
}

// TestToStop: with stty tostop output stops a job in the background, and no other; nor does it stop
// lastout.
func TestToStop(t *testing.T) {
	inShells(t, func(t *testing.T, s *seat) {
		s.run(0, "stty tostop")
		s.script("writes", "$L actor write; $L -v true")
		s.line("$L actor write")
		s.expect("written:")
		s.prompt(0)
		s.line("$L actor write | cat; { $L actor write >/dev/tty; } | cat")
		s.expect("written:")
		s.expect("written:")
		s.prompt(0)
		s.line("$L actor write &")
		s.until("the job has begun", func() bool { return childOf(s.pid()) != 0 })
		s.inState(childOf(s.pid()), "T")
		s.sync()
		s.line("fg")
		s.expect("written:")
		s.prompt(0)
		s.run(0, "stty -tostop")
	})
}

// TestToStopOfOurOwn: what lastout has to say comes through from the background.
func TestToStopOfOurOwn(t *testing.T) {
	underLastout(t, func(t *testing.T, s *seat) {
		s.run(0, "stty tostop")
		s.line("$L no-such-command &")
		s.expect("lastout: no-such-command: command not found")
		s.line("wait; stty -tostop")
		s.sync()
	})
}

// TestOrphaned: nobody would continue a job whose shell does not know it: it ends when it reads
// from the terminal in the background.
func TestOrphaned(t *testing.T) {
	inShells(t, func(t *testing.T, s *seat) {
		before := s.modes()
		s.line("($L actor ready yield read pause </dev/tty & ) ; :")
		job := s.ready()
		if s.plain { // the kernel lets the read fail
			s.expect("read:Input/output error")
			s.run(0, "kill "+strconv.Itoa(job.pid))
		}
		s.onlyTheShell()
		s.back(before)
	})
}
