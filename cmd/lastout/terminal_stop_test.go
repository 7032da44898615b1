//go:build linux

package main_test

import (
	"regexp"
	"slices"
	"strings"
	"syscall"
	"testing"

	"golang.org/x/sys/unix"

	"lastout/testdata/box"
)

// asWithout plays the same in each shell without lastout and with it: what a user sees of it has to
// be the same.
func asWithout(t *testing.T, play func(s *seat) []string) {
	for _, sh := range shells {
		t.Run(sh.name, func(t *testing.T) { asWithoutIn(t, sh, play) })
	}
}

// asWithoutIn leaves out of the comparison what the terminal echoes of Ctrl-Z, and zsh's mark for a
// line without an end: they come before or after what the shell says, and one after the other.
func asWithoutIn(t *testing.T, sh shell, play func(s *seat) []string) {
	var seen [2][]string
	for i, l := range []string{"", "lastout"} {
		s := sh.begin(t, box.New(t, box.PidsCap(600)), "L="+l)
		text := strings.ReplaceAll(strings.Join(play(s), "\n"), "^Z", "")
		seen[i] = slices.DeleteFunc(lines(text), func(line string) bool { return strings.Trim(line, "#") == "" })
		s.leave()
	}
	if !slices.Equal(seen[0], seen[1]) {
		t.Errorf("without lastout one sees\n\t%s\nand with it\n\t%s", strings.Join(seen[0], "\n\t"),
			strings.Join(seen[1], "\n\t"))
	}
}

// stopped checks that a process is stopped at the moment.
func (s *seat) stopped(pid int) {
	s.t.Helper()
	if state := processState(pid); state != "T" {
		s.t.Errorf("process %d is in state %q, and not stopped; the terminal shows:\n%s", pid, state, s.screen())
	}
}

// TestCtrlZ: the job stops, the shell has the terminal and a prompt; fg continues it at the
// terminal.
func TestCtrlZ(t *testing.T) {
	asWithout(t, func(s *seat) (seen []string) {
		before := s.modes()
		s.line("$L actor ready pause")
		job := s.ready()
		for range 3 {
			s.keys(ctrlZ)
			seen = append(seen, s.prompt(148))
			s.stopped(job.pid)
			s.back(before)
			seen = append(seen, s.run(0, "jobs"))
			s.line("fg")
			s.expect(`actor ready pause`) // which a key, that discards output, might swallow otherwise
			s.inState(job.pid, "S")
			s.until("the job has the terminal", func() bool { return s.foreground() == job.group })
			s.inState(s.pid(), "S")
		}
		s.keys(ctrlC)
		seen = append(seen, s.prompt(130))
		s.back(before)
		return append(seen, s.run(0, "jobs"))
	})
}

// TestCtrlZOfReader: a read that was interrupted goes on.
func TestCtrlZOfReader(t *testing.T) {
	asWithout(t, func(s *seat) (seen []string) {
		before := s.modes()
		s.line("$L actor ready read")
		job := s.ready()
		s.reads(job)
		s.keys(ctrlZ)
		seen = append(seen, s.prompt(148))
		s.back(before)
		s.line("fg")
		s.reads(job)
		s.line("hello")
		seen = append(seen, s.prompt(0))
		s.back(before)
		return seen
	})
}

// TestBg: a job that was stopped goes on in the background, and is ended there by the shell's kill.
func TestBg(t *testing.T) {
	asWithout(t, func(s *seat) (seen []string) {
		before := s.modes()
		s.line("$L actor ready pause")
		job := s.ready()
		s.keys(ctrlZ)
		seen = append(seen, s.prompt(148))
		s.line("bg; echo status:$?:")
		seen = append(seen, s.expect(`[^\n]*actor ready pause[^\n]*\n`)[0])
		s.expect("status:0:")
		s.inState(job.pid, "S")
		s.sync() // when a child continues while zsh draws its prompt, it forgets the text
		s.back(before)
		seen = append(seen, s.run(0, "jobs"))
		child := childOf(s.pid())
		s.line("kill %1")
		s.terminated(child)
		return seen
	})
}

// TestKillStopped: the shell's kill ends a job that is stopped. (What a shell adds to the TERM is
// its own affair: CONT, or not.)
func TestKillStopped(t *testing.T) {
	inShells(t, func(t *testing.T, s *seat) {
		s.line("$L actor ready pause")
		s.ready()
		s.keys(ctrlZ)
		s.prompt(148)
		child := childOf(s.pid())
		s.line("kill %1; kill -CONT %1")
		s.terminated(child)
	})
}

// terminated waits until the shell knows that its child has ended.
func (s *seat) terminated(child int) {
	s.t.Helper()
	s.until("the job has ended", func() bool { state := processState(child); return state == "" || state == "Z" })
	s.until("the shell has reaped it", func() bool {
		s.line("jobs") // dash looks only then
		s.sync()
		return processState(child) == ""
	})
	s.line("jobs")
	s.sync()
	if text := s.run(0, "jobs"); strings.Contains(text, "actor") {
		s.t.Errorf("jobs says %q though there are none", text)
	}
}

var isStopped, isRunning = regexp.MustCompile(`(?i)stopped|suspended`), regexp.MustCompile(`(?i)running`)

// TestStoppedFromOutside: the shell learns that somebody else has stopped the job and continued it.
// (dash and busybox do not ask the kernel who was continued.)
func TestStoppedFromOutside(t *testing.T) {
	inShells(t, func(t *testing.T, s *seat) {
		before := s.modes()
		s.line("$L actor ready pause")
		job := s.ready()
		child := childOf(s.pid())
		s.signal(job.pid, unix.SIGSTOP)
		s.await(prompt) // 147 or, with lastout, 148
		s.sync()
		s.back(before)
		if text := s.run(0, "jobs"); !isStopped.MatchString(text) {
			t.Errorf("jobs says %q of a job that is stopped", text)
		}
		s.signal(job.pid, unix.SIGCONT)
		s.inState(job.pid, "S")
		s.inState(child, "S")
		s.sync()
		if text := s.run(0, "jobs"); (s.shell.name == "bash" || s.shell.name == "zsh") && !isRunning.MatchString(text) {
			t.Errorf("jobs says %q of a job that runs again", text)
		}
		s.line("fg")
		s.until("the job has the terminal", func() bool {
			return s.foreground() == job.group ||
				s.foreground() == child
		})
		s.keys(ctrlC)
		s.prompt(130)
		s.back(before)
	})
}

// TestSuspensionAtTerminal: as TestSuspension, where lastout stops its process group, too. To
// signal that group is to signal itself, by which the kernel may forget the SIGCONT.
func TestSuspensionAtTerminal(t *testing.T) {
	for _, flag := range []string{"--keeper=auto", "--foreground", "--keeper=off"} {
		for _, sig := range []syscall.Signal{unix.SIGTSTP, unix.SIGTTIN, unix.SIGTTOU} {
			t.Run(flag+" "+unix.SignalName(sig), func(t *testing.T) {
				s := sit(t, box.New(t), nil, trap(t, "starts-with"), "leads", "0", "--", box.Lastout(t), flag,
					box.Program(t, "terminal", "actor"), "tell", "ready", "pause")
				s.ready()
				lastout := childOf(s.pid())
				for range *suspensions {
					for _, next := range []syscall.Signal{sig, unix.SIGWINCH, unix.SIGCONT, unix.SIGUSR1} {
						s.signal(lastout, next)
					}
					s.expect("got:USR1")
				}
				s.signal(lastout, unix.SIGALRM)
				s.end(128 + int(unix.SIGALRM))
			})
		}
	}
}

// TestStopsItself: with SIGSTOP, which nobody sees coming.
func TestStopsItself(t *testing.T) {
	inShells(t, func(t *testing.T, s *seat) {
		s.line("$L actor stop ready")
		s.await(prompt)
		s.line("fg")
		s.ready()
		s.prompt(0)
	})
}

// TestTimeoutWhileStopped: the time runs while the job is stopped, and the shell learns of the end.
func TestTimeoutWhileStopped(t *testing.T) {
	underLastout(t, func(t *testing.T, s *seat) {
		s.line("$L -t 3 actor ready pause")
		job := s.ready()
		child := childOf(s.pid())
		s.keys(ctrlZ)
		s.prompt(148)
		s.stopped(job.pid)
		// A shell looks after all its children when one of them has ended. It does not read
		// meanwhile: zsh has been seen to exit when a child ended while it did ("error on TTY
		// read").
		s.line("actor ready read")
		s.reads(s.ready())
		s.until("lastout has ended", func() bool { state := processState(child); return state == "" || state == "Z" })
		s.line("hello")
		s.expect(`\b124\b`)
		s.sync()
	})
}

// allStopped waits until a job has stopped, and lastout if it runs below one. The shell sees
// neither, but a script that stopped.
func (s *seat) allStopped(job player) {
	s.t.Helper()
	s.inState(job.pid, "T")
	if runner := runnerOf(job); runner > 0 && strings.HasPrefix(commandLine(runner), "lastout") {
		s.inState(runner, "T")
	}
}

// TestStopInScript: Ctrl-Z stops a script with the job that it waits for, whether the job has the
// terminal or not, and fg continues both.
func TestStopInScript(t *testing.T) {
	asWithout(t, func(s *seat) (seen []string) {
		before := s.modes()
		s.script("reads", "$L actor ready read\necho after:$?")
		s.script("below", "$L $L actor ready read\necho after:$?")
		s.script("pauses", "$L actor ready pause\necho after:$?")
		for _, name := range []string{"reads", "below", "pauses"} {
			s.line("sh " + name)
			job := s.ready()
			if name != "pauses" {
				s.reads(job)
			}
			for range 2 {
				s.keys(ctrlZ)
				seen = append(seen, s.prompt(148))
				s.allStopped(job)
				s.back(before)
				s.line("fg")
				s.expect("sh " + name) // which a key, that discards output, might swallow otherwise
				s.inState(job.pid, "S")
			}
			if name == "pauses" {
				s.keys(ctrlC)
				seen = append(seen, s.prompt(130))
			} else {
				s.reads(job)
				s.line("hello")
				seen = append(seen, s.prompt(0))
			}
			s.back(before)
		}
		return seen
	})
}
