//go:build linux

package main_test

import (
	"os"
	"strings"
	"testing"

	"lastout/testdata/box"
)

// TestVim writes a file with it, stops it on the way and goes on.
func TestVim(t *testing.T) {
	needProgram(t, "vim")
	inShells(t, func(t *testing.T, s *seat) {
		before := s.modes()
		s.line("$L vim -u NONE -N -i NONE written")
		s.expect(`"written" \[New\]`)
		s.keys("ifirst\x1b")
		s.keys(ctrlZ)
		s.prompt(148)
		s.back(before)
		s.line("fg")
		s.expect(`first`)
		s.keys("osecond\x1b:wq\r")
		s.expect(`2L, 13B written`)
		s.prompt(0)
		s.back(before)
		if text, err := os.ReadFile(s.cmd.Dir + "/written"); err != nil || string(text) != "first\nsecond\n" {
			t.Errorf("the file has %q, %v", text, err)
		}
	})
}

// TestPython is its interactive interpreter.
func TestPython(t *testing.T) {
	needProgram(t, "/usr/bin/python3")
	inShells(t, func(t *testing.T, s *seat) {
		before := s.modes()
		s.line("$L /usr/bin/python3 -I -q")
		s.expect(">>> ")
		s.line("6*7")
		s.expect(`\b42\r\n`)
		s.expect(">>> ")
		s.asleep("/usr/bin/python3")
		s.keys(ctrlC)
		s.expect("KeyboardInterrupt")
		s.expect(">>> ")
		s.asleep("/usr/bin/python3")
		s.keys(ctrlZ)
		s.prompt(148)
		s.line("fg")
		s.asleep("/usr/bin/python3")
		s.line("input('name? ')")
		s.expect(`name\? $`)
		s.line("nobody")
		s.expect("'nobody'")
		s.expect(">>> ")
		s.keys(ctrlD)
		s.prompt(0)
		s.back(before)
	})
}

// TestPassword is asked for at /dev/tty, where neither input nor output are the terminal.
func TestPassword(t *testing.T) {
	needProgram(t, "/usr/bin/python3")
	inShells(t, func(t *testing.T, s *seat) {
		s.script("ask.py", "import getpass\nprint(getpass.getpass('secret: '))\n")
		before := s.modes()
		for _, redirections := range []string{"", "</dev/null >out 2>err", "<ask.py | cat >out"} {
			s.line("$L /usr/bin/python3 -I ask.py " + redirections)
			s.expect("secret: ")
			s.line("hidden")
			s.prompt(0)
			s.back(before)
			if redirections == "" {
				continue
			}
			if text, err := os.ReadFile(s.cmd.Dir + "/out"); err != nil || string(text) != "hidden\n" {
				t.Errorf("%s: the program was told %q, %v", redirections, text, err)
			}
		}
	})
}

// TestSudo asks a user for a password, and lastout may not signal it.
func TestSudo(t *testing.T) {
	needRoot(t)
	needProgram(t, "sudo")
	for _, l := range []string{"", box.Lastout(t)} {
		t.Run("below "+l, func(t *testing.T) {
			s := shells[0].begin(t, box.New(t, box.PidsCap(600)), "L="+l)
			before := s.modes()
			for _, redirections := range []string{"", "</dev/null >out 2>err"} {
				s.line("setpriv --reuid 65534 --regid 65534 --clear-groups $L sudo -k true " + redirections)
				s.expect(`password for nobody: `)
				s.asleep("sudo")
				s.keys(ctrlC)
				s.prompt(1)
				s.back(before)
			}
			s.leave()
		})
	}
}

// TestShellBelow: an interactive shell as the job, and one below two lastouts, with jobs of its
// own.
func TestShellBelow(t *testing.T) {
	for _, sh := range shells {
		for _, l := range []string{"lastout", "lastout lastout", "lastout --keeper=off"} {
			t.Run(sh.name+" below "+l, func(t *testing.T) {
				s := shells[0].begin(t, box.New(t, box.PidsCap(600)))
				outer := s.modes()
				s.line("PS1='" + sh.prompt + "' " + l)
				s.prompt(125) // no command
				s.line("PS1='in" + sh.prompt + "' " + l + " " + strings.Join(sh.argv, " "))
				s.expect("in@0@ ")
				before := s.modes()
				s.line("actor ready pause")
				job := s.ready()
				s.keys(ctrlZ)
				s.expect("in@148@ ")
				s.stopped(job.pid)
				if s.modes() != before {
					t.Error("the inner shell has other modes than before")
				}
				s.line("fg")
				s.inState(job.pid, "S")
				s.until("the job has the terminal", func() bool { return s.foreground() == job.group })
				s.keys(ctrlC)
				s.expect("in@130@ ")
				s.line("actor ready pause &")
				s.ready()
				s.line("exec true")
				s.expect("left 1 process behind")
				s.prompt(0)
				s.back(outer)
				s.leave()
			})
		}
	}
}
