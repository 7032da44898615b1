//go:build linux

package main_test

import (
	"strings"
	"testing"

	"golang.org/x/sys/unix"
)

// TestPipeline: with lastout at either end, Ctrl-Z stops all, fg continues all, and Ctrl-C ends
// all.
func TestPipeline(t *testing.T) {
	inShells(t, func(t *testing.T, s *seat) {
		before := s.modes()
		for _, line := range []string{
			"$L actor ready pause | actor ready pause",
			"actor ready pause | $L actor ready pause",
			"$L actor ready pause | $L actor ready pause",
			"$L actor ready pause | $L actor ready pause | $L actor ready pause",
		} {
			s.line(line)
			jobs := s.readies(strings.Count(line, "actor"))
			for range 2 {
				s.stopAndGoOn(jobs, before)
			}
			s.keys(ctrlC)
			s.prompt(130)
			s.back(before)
		}
	})
}

// stopAndGoOn stops all that are in the foreground by Ctrl-Z, and has the shell continue them.
func (s *seat) stopAndGoOn(jobs []player, before unix.Termios) {
	s.t.Helper()
	s.keys(ctrlZ)
	s.prompt(148)
	for _, job := range jobs {
		s.allStopped(job)
	}
	s.back(before)
	s.line("fg")
	for _, job := range jobs {
		s.inState(job.pid, "S")
	}
}

// TestPipelineWithReader: the same where one of them asks at the terminal: what the keys send then
// reaches the others all the same.
func TestPipelineWithReader(t *testing.T) {
	inShells(t, func(t *testing.T, s *seat) {
		before := s.modes()
		for _, line := range []string{
			"$L actor ready pause | $L actor ready ask pause",
			"actor ready pause | $L actor ready ask pause",
			"$L actor ready pause | actor ready ask pause",
		} {
			s.line(line)
			jobs := s.readies(2)
			s.expect("secret: ")
			s.line("hidden")
			s.expect("read:hidden")
			s.stopAndGoOn(jobs, before)
			s.keys(ctrlC)
			s.prompt(130)
			s.back(before)
		}
	})
}

// TestPager: less has the terminal, be it lastout's job or beside one.
func TestPager(t *testing.T) {
	inShells(t, func(t *testing.T, s *seat) {
		needProgram(t, "less")
		s.run(0, "LESS=-Pnextpage; export LESS")
		before := s.modes()
		for _, line := range []string{
			"$L seq 1 5000 | less",
			"seq 1 5000 | $L less",
			"$L seq 1 5000 | $L less",
			"seq 1 5000 >numbers; $L less numbers",
		} {
			s.line(line)
			s.expect("nextpage")
			s.keys(" ")
			s.expect(`\b70\b`)
			s.expect("nextpage")
			s.asleep("less")
			s.keys(ctrlZ)
			s.await(prompt) // with whatever status: the other end of the pipeline may have ended
			s.back(before)
			s.line("fg")
			s.expect("nextpage")
			s.keys(" ")
			s.expect(`\b100\b`)
			s.expect("nextpage")
			s.keys("q")
			s.prompt(0)
			s.back(before)
		}
	})
}
