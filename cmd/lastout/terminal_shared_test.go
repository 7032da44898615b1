//go:build linux

package main_test

import (
	"testing"

	"golang.org/x/sys/unix"

	"lastout/testdata/box"
)

// TestOrphanedTogether: in a process group that nobody could continue, Ctrl-Z stops neither the
// command, nor its children, nor the script that they share the group with. For the kernel the
// group is not orphaned, because of the worker.
func TestOrphanedTogether(t *testing.T) {
	const job = "lastout $FLAGS sh -c 'actor ready read; exit 7'"
	for name, script := range map[string]string{"leader": "exec " + job, "script": job + "; exit $?"} {
		for _, flags := range []string{"", "--foreground"} {
			t.Run(name+flags, func(t *testing.T) {
				heedSignals(t)
				s := sit(t, box.New(t, box.PidsCap(600)), []string{"FLAGS=" + flags}, "/bin/sh", "-c", script)
				s.reads(s.ready())
				s.keys(ctrlZ)
				s.line("hello")
				s.expect("read:hello")
				s.end(7)
			})
		}
	}
}

// TestNestedInSession: a lastout that is in a session without a terminal does not leave its job
// stopped when it is sent TSTP.
func TestNestedInSession(t *testing.T) {
	underLastout(t, func(t *testing.T, s *seat) {
		s.line("$L --setsid $L actor tell ready pause")
		job := s.ready()
		s.keys(ctrlZ)
		s.signal(childOf(s.pid()), unix.SIGUSR1)
		s.expect("got:USR1")
		s.signal(job.pid, unix.SIGKILL)
		s.prompt(137)
	})
}

// TestPipelineOfReaders: one member of a pipeline reads the terminal after the other.
func TestPipelineOfReaders(t *testing.T) {
	inShells(t, func(t *testing.T, s *seat) {
		before := s.modes()
		s.script("first", `$L sh -c 'echo go; read x </dev/tty; echo one:$x >&2; echo go; exec actor pause'`)
		s.script("second", "read go; actor ready; read go; read y </dev/tty; echo two:$y; read end")
		s.line("sh first | sh second")
		s.ready()
		s.line("hello")
		s.expect("one:hello")
		s.line("world")
		s.expect("two:world")
		s.keys(ctrlC)
		s.prompt(130)
		s.back(before)
	})
}
