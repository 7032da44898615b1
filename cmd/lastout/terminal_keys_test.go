//go:build linux

package main_test

import (
	"regexp"
	"strings"
	"testing"

	"github.com/creack/pty"
	"golang.org/x/sys/unix"
)

// TestCtrlC: a shell's loop ends at the first Ctrl-C, with the status that says so, and the shell
// has its terminal back.
func TestCtrlC(t *testing.T) {
	inShells(t, func(t *testing.T, s *seat) {
		before := s.modes()
		s.line("$L actor ready pause")
		s.ready()
		s.keys(ctrlC)
		s.prompt(130)
		s.back(before)
		s.line("for i in 1 2 3; do $L actor ready pause; done")
		s.ready()
		s.keys(ctrlC)
		if text := s.prompt(130); strings.Contains(text, "ready:") {
			t.Errorf("the loop has gone on: %q", text)
		}
		s.back(before)
	})
}

// TestCtrlBackslash: likewise. What the shell says of it differs: lastout exits with 131, as it
// would dump a core of its own.
func TestCtrlBackslash(t *testing.T) {
	inShells(t, func(t *testing.T, s *seat) {
		s.run(0, "ulimit -c 0")
		before := s.modes()
		s.line("$L actor ready pause")
		s.ready()
		s.keys(ctrlBackslash)
		s.prompt(131)
		s.back(before)
	})
}

var usr1 = regexp.MustCompile("got:USR1")

// once waits for a signal that the job was sent, and checks that there comes no second one: USR1 is
// sent by the way of what is forwarded, and so comes after that.
func (s *seat) once(signal string) {
	s.t.Helper()
	s.expect("got:" + signal)
	s.signal(childOf(s.pid()), unix.SIGUSR1)
	if text, _ := s.await(usr1); strings.Contains(text, "got:") {
		s.t.Errorf("the job has got %q besides one %s", text, signal)
	}
}

// TestSignalsComeOnce: a job gets one signal for one key, also in the moment before lastout has
// lent it the terminal; and one for a change of the window's size.
func TestSignalsComeOnce(t *testing.T) {
	inShells(t, func(t *testing.T, s *seat) {
		for range 5 {
			s.line("$L actor tell ready pause")
			job := s.ready()
			s.keys(ctrlC)
			s.once("INT")
			s.keys(ctrlBackslash)
			s.once("QUIT")
			for _, rows := range []uint16{50, 40} {
				if err := pty.Setsize(s.master, &pty.Winsize{Rows: rows, Cols: 200}); err != nil {
					t.Fatal(err)
				}
				s.once("WINCH")
			}
			s.signal(job.pid, unix.SIGKILL)
			s.prompt(137)
		}
		s.line("$L actor size")
		s.expect("size:40:200")
		s.prompt(0)
	})
}

// script writes a shell script, which runs its commands with $L.
func (s *seat) script(name, text string) {
	s.t.Helper()
	s.scripts = true
	writeFile(s.t, s.cmd.Dir+"/"+name, text)
}

// reads waits until a job reads from the terminal, which it has to have for that.
func (s *seat) reads(job player) {
	s.t.Helper()
	s.until("the job reads", func() bool { return s.foreground() == job.group && processState(job.pid) == "S" })
}

// TestCtrlCInScript: a script that waits for the job ends with it, whether the job has the terminal
// in the place of the script or not.
func TestCtrlCInScript(t *testing.T) {
	inShells(t, func(t *testing.T, s *seat) {
		s.script("reads", "$L actor ready read\necho after:")
		s.script("pauses", "$L actor ready pause\necho after:")
		before := s.modes()
		for _, interpreter := range []string{"dash", "bash"} {
			for _, name := range []string{"reads", "pauses"} {
				s.line(interpreter + " " + name)
				job := s.ready()
				if name == "reads" {
					s.reads(job)
				}
				s.keys(ctrlC)
				if text := s.prompt(130); strings.Contains(text, "after:") {
					t.Errorf("the script has gone on: %q", text)
				}
				s.back(before)
			}
		}
	})
}

// TestScriptGoesOn: it has the terminal again after a job that was lent it.
func TestScriptGoesOn(t *testing.T) {
	inShells(t, func(t *testing.T, s *seat) {
		s.script("reads", "$L actor ready read\nactor owner ready read\n$L actor ready ask\nactor owner")
		before := s.modes()
		s.line("sh reads")
		for _, line := range []string{"one", "two"} {
			s.reads(s.ready())
			s.line(line)
			s.expect("read:" + line)
		}
		s.ready()
		s.expect("secret: ")
		s.line("hidden")
		s.expect("read:hidden")
		s.expect("owner:yes")
		if text := s.prompt(0); strings.Contains(text, "no") {
			t.Errorf("the script has not the terminal: %q", text)
		}
		s.back(before)
	})
}
