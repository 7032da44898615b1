//go:build linux

package main_test

import (
	"strings"
	"testing"

	"golang.org/x/sys/unix"

	"lastout/testdata/box"
)

// lead starts lastout as the leader of the session at a terminal, as a container or ssh -t does.
func lead(t *testing.T, env []string, argv ...string) *seat {
	t.Helper()
	heedSignals(t)
	return sit(t, box.New(t, box.PidsCap(600)), env, append([]string{box.Lastout(t)}, argv...)...)
}

// TestLeadsSession: a job of a lastout that leads the session has the terminal. Nobody could
// continue it: Ctrl-Z does not stop it, as it does not stop a program that leads the session
// itself.
func TestLeadsSession(t *testing.T) {
	for _, keeper := range keepers {
		t.Run("keeper="+keeper, func(t *testing.T) {
			s := lead(t, nil, "--keeper="+keeper, "sh", "-c", "actor ready read; actor ready tell read; exit 7")
			for _, key := range []string{ctrlZ, ctrlZ + ctrlZ} {
				s.reads(s.ready())
				s.keys(key)
				s.line("hello")
				s.expect("read:hello")
			}
			s.end(7)
		})
	}
}

// TestLeadsSessionDiesOfKey: as for any program there.
func TestLeadsSessionDiesOfKey(t *testing.T) {
	s := lead(t, nil, "actor", "ready", "pause")
	s.ready()
	s.keys(ctrlC)
	if st := s.wait(); !st.Signaled() || st.Signal() != unix.SIGINT {
		t.Errorf("%s, want signal 2", ended(st))
	}
	s.b.AssertEmpty()
}

// TestShellOfFirstProcess: an interactive shell below lastout that is the first process of a PID
// namespace, where the caller's group has no number.
func TestShellOfFirstProcess(t *testing.T) {
	needRoot(t)
	for _, sh := range shells {
		t.Run(sh.name, func(t *testing.T) {
			argv := append([]string{"/usr/bin/unshare", "--pid", "--fork", "--kill-child", "--mount-proc",
				box.Lastout(t)}, sh.argv...)
			s := shell{sh.name, argv, sh.prompt}.begin(t, box.New(t, box.PidsCap(600)), "L=")
			s.line("actor ready pause")
			s.ready()
			s.keys(ctrlZ)
			s.prompt(148)
			s.line("fg")
			s.until("the job has the terminal", func() bool {
				return s.foreground() != 0 &&
					strings.Contains(commandLine(s.foreground()), "actor")
			})
			s.keys(ctrlC)
			s.prompt(130)
			s.leave()
		})
	}
}

// TestSetsid: a job in a session of its own has no terminal; the keys reach it by way of lastout.
func TestSetsid(t *testing.T) {
	underLastout(t, func(t *testing.T, s *seat) {
		before := s.modes()
		s.line("$L --setsid actor tell ready owner pause")
		job := s.ready()
		if job.session != job.pid || job.group != job.pid {
			t.Errorf("the job is %+v, and does not lead a session", job)
		}
		s.expect("tty:No such device or address")
		s.keys(ctrlC)
		s.once("INT")
		s.signal(job.pid, unix.SIGKILL)
		s.prompt(137)
		s.back(before)
	})
}

// TestSetsidOfLeader: if it is lastout's to give, the terminal is the job's: for all that a
// controlling terminal is for.
func TestSetsidOfLeader(t *testing.T) {
	for _, keeper := range keepers {
		t.Run("keeper="+keeper, func(t *testing.T) {
			s := lead(t, nil, "--keeper="+keeper, "--setsid", "actor", "tell", "ready", "owner", "read", "ask")
			job := s.ready()
			if job.session != job.pid || job.group != job.pid {
				t.Errorf("the job is %+v, and does not lead a session", job)
			}
			s.expect("owner:yes")
			s.keys(ctrlC)
			s.expect("got:INT")
			s.line("hello")
			s.expect("read:hello")
			s.expect("secret: ")
			s.line("hidden")
			s.expect("read:hidden")
			s.end(0)
		})
	}
}

// TestForeground: the job is in the process group of lastout, and gets what the keys send once.
func TestForeground(t *testing.T) {
	underLastout(t, func(t *testing.T, s *seat) {
		before := s.modes()
		s.line("$L --foreground actor tell ready owner pause")
		job := s.ready()
		child := childOf(s.pid())
		if job.group != child || job.session != s.pid() {
			t.Errorf("the job is %+v, and not in the group of lastout, %d", job, child)
		}
		s.expect("owner:yes")
		s.keys(ctrlC)
		s.once("INT")
		s.keys(ctrlBackslash)
		s.once("QUIT")
		s.signal(child, unix.SIGTERM)
		s.once("TERM")
		s.keys(ctrlZ)
		s.prompt(148)
		s.allStopped(job)
		s.line("fg")
		s.inState(job.pid, "S")
		s.signal(job.pid, unix.SIGKILL)
		s.prompt(137)
		s.back(before)
	})
}

// TestForegroundLingers: Ctrl-C ends lingering, though the command has nothing to do with it any
// more.
func TestForegroundLingers(t *testing.T) {
	for _, flag := range []string{"--foreground=false", "--foreground"} {
		t.Run(flag, func(t *testing.T) {
			s := shells[0].begin(t, box.New(t, box.PidsCap(600)))
			s.line("lastout -q -g 0.1 --linger forever " + flag + " actor orphan ready")
			job := s.ready()
			s.until("the command has been reaped", func() bool { return processState(job.pid) == "" })
			s.keys(ctrlC)
			s.prompt(0)
			s.leave()
		})
	}
}

// TestForegroundPromise: in lastout's own process group, too, nothing is left: of a tree that
// ignores what it can, and when lastout is killed.
func TestForegroundPromise(t *testing.T) {
	s := shells[0].begin(t, box.New(t, box.PidsCap(600)))
	adoptOrphans(t)
	s.line("lastout -q -g 0.1 --foreground actor orphan orphan ready")
	s.ready()
	s.prompt(0)
	s.onlyTheShell()
	for _, victim := range []func(job player) int{runnerOf, keeperOf} {
		s.line("lastout -q -g 0.1 --foreground actor orphan orphan ready pause")
		job := s.ready()
		s.signal(victim(job), unix.SIGKILL)
		s.await(prompt)
		s.onlyTheShell()
	}
	s.leave()
}

// TestHangUp: when the terminal goes, so does the tree, wherever the job is and whatever it has
// left behind.
func TestHangUp(t *testing.T) {
	for _, flag := range []string{"--foreground=false", "--foreground", "--setsid"} {
		for _, sh := range shells {
			t.Run(sh.name+" "+flag, func(t *testing.T) {
				adoptOrphans(t)
				s := sh.begin(t, box.New(t, box.PidsCap(600)))
				s.line("lastout -q -g 0.1 " + flag + " actor orphan ready pause")
				s.ready()
				s.hangUp()
				s.wait()
				s.nothing()
			})
		}
		t.Run("leader "+flag, func(t *testing.T) {
			s := lead(t, nil, "-q", "-g", "0.1", flag, "actor", "orphan", "ready", "pause")
			s.ready()
			s.hangUp()
			s.wait()
			s.b.AssertEmpty()
		})
	}
}

// nothing waits until the box is empty, and reaps what is ours of it.
func (s *seat) nothing() {
	s.t.Helper()
	s.until("nothing is left", func() bool {
		reapAdopted(s.b, s.pid())
		return len(s.b.Procs()) == 0
	})
}
