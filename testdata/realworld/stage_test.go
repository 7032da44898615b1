//go:build linux

package realworld

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"lastout/testdata/box"
)

// limit is far beyond what any situation takes: a hang fails a test, a slow machine does not.
const limit = 2 * time.Minute

// TestMain makes the tests the parent of what tini leaves behind, so that they can reap it: the
// init of the container that they run in may do that late, or never.
func TestMain(m *testing.M) {
	if err := unix.Prctl(unix.PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0); err != nil {
		fmt.Fprintln(os.Stderr, "prctl:", err)
		os.Exit(1)
	}
	os.Exit(m.Run())
}

// A situation is a program that people really run, and the way in which it leaves processes behind.
type situation struct {
	name string
	// needs are the programs without which it cannot be played.
	needs []string
	// job fills the scratch directory, which is the working directory, and returns the command.
	job func(s *stage) []string
	// outside is what the rest of the world does while the job runs. Nil: nothing.
	outside func(s *stage)
	// check returns what is wrong when nothing is left and yet all is not well. Nil: nothing can
	// be.
	check func(s *stage) []string

	// flags for lastout; none where the defaults are to be good enough.
	flags []string
	// signal or status is how lastout is to end: as the command did. anyStatus asks for neither.
	signal    syscall.Signal
	status    int
	anyStatus bool
	// leftover is a regular expression for a line of the report on stderr, under the first, which
	// names the job. Empty: there must be no report at all.
	leftover string

	// zombies: it is about zombies that exist while the job runs. Such a situation is played a
	// third time, without any init: there it always bites.
	zombies bool
	// biteUnderTini says whether something goes wrong under `tini -s`; why says why.
	biteUnderTini bool
	why           string
}

// A runner is a way to run a command.
type runner struct {
	name   string
	prefix []string
	ours   bool
}

func lastout(t *testing.T, flags []string) runner {
	return runner{name: "lastout", prefix: append([]string{box.Lastout(t)}, flags...), ours: true}
}

func tini(t *testing.T) runner {
	return runner{name: "tini -s", prefix: []string{program(t, "tini"), "-s", "--"}}
}

// noInit is a container whose first process is the program itself.
func noInit(t *testing.T) runner {
	return runner{name: "no init", prefix: []string{here(t, "adopts-orphans.py")}}
}

// play plays the situation under everything that it is to be played under, and judges.
func (c situation) play(t *testing.T) {
	require(t, c.needs...)
	t.Run("lastout", func(t *testing.T) {
		c.parallel(t)
		s := c.perform(t, lastout(t, c.flags))
		for _, fault := range s.faults {
			t.Error(fault)
		}
		c.checkStatus(s)
		c.checkReport(s)
		if t.Failed() {
			t.Logf("stdout:\n%s\nstderr:\n%s", s.read(".stdout"), s.read(".stderr"))
		}
	})
	t.Run("tini", func(t *testing.T) {
		c.parallel(t)
		c.compare(t, tini(t), c.biteUnderTini)
	})
	if c.zombies {
		t.Run("no init", func(t *testing.T) { c.compare(t, noInit(t), true) })
	}
}

// parallel lets a situation share the processors, except where time is measured.
func (c situation) parallel(t *testing.T) {
	if !c.zombies {
		t.Parallel()
	}
}

// compare asserts what is recorded about another runner: that things go wrong, or that they do not.
func (c situation) compare(t *testing.T, r runner, bites bool) {
	if !box.New(t).Exact() {
		// Daemons overwrite their environment with their title, ssh-agent hides it.
		t.Skip("without a cgroup, what is left behind on purpose could not be found again")
	}
	s := c.perform(t, r)
	switch {
	case bites && len(s.faults) == 0:
		t.Errorf("nothing goes wrong under %s, so the situation proves nothing (recorded: %s)", r.name, c.why)
	case !bites && len(s.faults) > 0:
		t.Errorf("it is recorded that all goes well under %s (%s), but:\n\t%s", r.name, c.why,
			strings.Join(s.faults, "\n\t"))
	case bites:
		t.Logf("under %s, %d faults:\n\t%s", r.name, len(s.faults),
			strings.Join(s.faults[:min(len(s.faults), 5)], "\n\t"))
	}
}

func (c situation) checkStatus(s *stage) {
	got := s.cmd.ProcessState.Sys().(syscall.WaitStatus)
	switch {
	case c.anyStatus:
	case c.signal != 0 && (!got.Signaled() || got.Signal() != c.signal):
		s.t.Errorf("ended with %v, want death by %v", s.cmd.ProcessState, c.signal)
	case c.signal == 0 && (!got.Exited() || got.ExitStatus() != c.status):
		s.t.Errorf("ended with %v, want status %d", s.cmd.ProcessState, c.status)
	}
}

func (c situation) checkReport(s *stage) {
	var report []string
	for line := range strings.Lines(s.read(".stderr")) {
		if strings.HasPrefix(line, "lastout: ") {
			report = append(report, line)
		}
	}
	// A process in the middle of execve(2) has no command line: [name] is all that can be said.
	names := regexp.MustCompile(c.leftover + `|\[.+\]`)
	switch {
	case c.leftover == "" && len(report) > 0:
		s.t.Errorf("nothing was left, and yet lastout says:\n%s", strings.Join(report, ""))
	case c.leftover != "" && !slices.ContainsFunc(report[min(len(report), 1):], names.MatchString):
		s.t.Errorf("no line of the report names %s:\n%s", c.leftover, strings.Join(report, ""))
	}
}

// A stage is one performance of a situation.
type stage struct {
	t        *testing.T
	box      *box.Box
	runner   runner
	dir      string   // the scratch and working directory
	env      []string // more environment for the job
	cmd      *exec.Cmd
	stdin    *os.File // the writing end of the job's stdin, after pipeStdin
	jobStdin *os.File
	watch    *zombieWatch
	done     chan struct{} // closed when the command has returned and was judged
	left     []int         // what was in the box at that moment
	faults   []string
}

// perform runs the situation's job under r and collects what is wrong at the end. Whatever
// r leaves behind is gone when it returns.
func (c situation) perform(t *testing.T, r runner) *stage {
	s := &stage{t: t, box: box.New(t), runner: r, dir: scratch(t), done: make(chan struct{})}
	s.start(c.job(s))
	if c.zombies {
		s.watch = watchZombies(s.cmd.Process.Pid, s.done)
	}
	if c.outside != nil {
		c.outside(s)
	}
	select {
	case <-s.done:
	case <-time.After(limit):
		t.Fatalf("%s has not returned after %v; in the box:\n\t%s", r.name, limit,
			strings.Join(describe(s.box.Procs()), "\n\t"))
	}
	for _, line := range describe(s.left) {
		s.fault("left behind: %s", line)
	}
	if s.watch != nil {
		s.faults = append(s.faults, s.watch.faults()...)
	}
	// What is alive would spoil the checks: a data directory cannot be started twice.
	if len(s.left) == 0 && c.check != nil {
		s.faults = append(s.faults, c.check(s)...)
	}
	s.empty()
	return s
}

func (s *stage) fault(format string, args ...any) {
	s.faults = append(s.faults, fmt.Sprintf(format, args...))
}

// start runs argv under the runner, and reads the box the moment that it returns.
func (s *stage) start(argv []string) {
	s.t.Helper()
	argv = slices.Concat(s.runner.prefix, argv)
	s.cmd = s.box.Command(argv[0], argv[1:]...)
	s.cmd.Dir = s.dir
	s.cmd.Env = environ(s.cmd.Env, s.dir, s.env...)
	s.cmd.Stdout, s.cmd.Stderr = s.create(".stdout"), s.create(".stderr")
	if s.jobStdin != nil {
		s.cmd.Stdin = s.jobStdin
		defer s.jobStdin.Close()
	}
	if err := s.cmd.Start(); err != nil {
		s.t.Fatal(err)
	}
	go func() {
		defer close(s.done)
		s.cmd.Wait() // how it ended is in cmd.ProcessState
		if s.runner.ours {
			s.box.AssertEmpty()
		}
		s.left = s.box.Procs()
	}()
	s.t.Cleanup(func() { // also where the test has given up waiting
		s.empty()
		<-s.done
	})
}

// pipeStdin gives the job a pipe for stdin, whose other end is s.stdin. To be called by a job
// function; jobs have no stdin otherwise.
func (s *stage) pipeStdin() {
	read, write, err := os.Pipe()
	if err != nil {
		s.t.Fatal(err)
	}
	s.t.Cleanup(func() { write.Close() })
	s.jobStdin, s.stdin = read, write
}

// environ is a small environment, the same on every machine: Debian's programs, not others that
// come first in somebody's PATH, no home directory's settings, no MAKEFLAGS of the make that runs
// the tests. It keeps what marks the box.
func environ(full []string, dir string, more ...string) []string {
	env := []string{"PATH=" + strings.Join(programDirs, ":"), "HOME=" + dir, "TMPDIR=" + dir, "LANG=C.UTF-8",
		"SHELL=/bin/sh"}
	for _, variable := range full {
		if strings.HasPrefix(variable, "LASTOUT_BOX=") {
			env = append(env, variable)
		}
	}
	return append(env, more...)
}

// empty ends what is in the box. It asks first: what dies of SIGKILL leaves its shared memory
// behind, in /dev/shm or where only ipcs(1) shows it.
func (s *stage) empty() {
	for _, pid := range s.box.Procs() {
		syscall.Kill(pid, syscall.SIGTERM)
	}
	if s.emptyWithin(5 * time.Second) {
		return
	}
	s.box.Kill()
	s.emptyWithin(limit)
}

// emptyWithin waits until the box is empty. What was orphaned in it is our child, see [TestMain].
func (s *stage) emptyWithin(patience time.Duration) bool {
	for end := time.Now().Add(patience); time.Now().Before(end); time.Sleep(time.Millisecond) {
		pids := s.box.Procs()
		if len(pids) == 0 {
			return true
		}
		for _, pid := range pids {
			if pid != s.cmd.Process.Pid { // that one is cmd.Wait's
				syscall.Wait4(pid, nil, syscall.WNOHANG, nil)
			}
		}
	}
	return false
}

// await returns when the file exists that the job creates when it is ready.
func (s *stage) await(name string) {
	s.t.Helper()
	s.until(name+" exists", func() bool {
		_, err := os.Stat(s.path(name))
		return err == nil
	})
}

// until returns when fact has become true. The job may not end before.
func (s *stage) until(what string, fact func() bool) {
	s.t.Helper()
	for end := time.Now().Add(limit); ; time.Sleep(2 * time.Millisecond) {
		if fact() {
			return
		}
		select {
		case <-s.done:
			if fact() {
				return
			}
			s.t.Fatalf("%s returned (%v) before %s; stderr:\n%s", s.runner.name, s.cmd.ProcessState, what,
				s.read(".stderr"))
		default:
		}
		if time.Now().After(end) {
			s.t.Fatalf("not after %v: %s; stderr:\n%s", limit, what, s.read(".stderr"))
		}
	}
}

// signal sends sig to the runner alone, as a service manager or `docker stop` does.
func (s *stage) signal(sig syscall.Signal) {
	s.t.Helper()
	if err := s.cmd.Process.Signal(sig); err != nil {
		s.t.Fatal(err)
	}
}

func (s *stage) path(name string) string { return filepath.Join(s.dir, name) }

func (s *stage) create(name string) *os.File {
	s.t.Helper()
	f, err := os.OpenFile(s.path(name), os.O_CREATE|os.O_RDWR|os.O_APPEND, 0o644)
	if err != nil {
		s.t.Fatal(err)
	}
	s.t.Cleanup(func() { f.Close() })
	return f
}

// read returns what the job wrote into a file; one that does not exist is empty.
func (s *stage) read(name string) string {
	data, err := os.ReadFile(s.path(name))
	if err != nil && !os.IsNotExist(err) {
		s.t.Fatal(err)
	}
	return string(data)
}

func (s *stage) write(name, text string) {
	s.t.Helper()
	if err := os.WriteFile(s.path(name), []byte(text), 0o644); err != nil {
		s.t.Fatal(err)
	}
}

// copyHere copies a file of this directory into the scratch directory.
func (s *stage) copyHere(name string) {
	s.t.Helper()
	data, err := os.ReadFile(here(s.t, name))
	if err != nil {
		s.t.Fatal(err)
	}
	s.write(name, string(data))
}

// run runs a command in the box, directly, to prepare or to check something.
func (s *stage) run(argv ...string) (string, error) {
	cmd := s.box.Command(argv[0], argv[1:]...)
	cmd.Dir = s.dir
	cmd.Env = environ(cmd.Env, s.dir, s.env...)
	// A file, because a daemon would hold a pipe open, and with it CombinedOutput.
	out := s.create(".run")
	from, err := out.Seek(0, 2)
	if err != nil {
		s.t.Fatal(err)
	}
	cmd.Stdout, cmd.Stderr = out, out
	err = cmd.Run()
	return s.read(".run")[from:], err
}

func (s *stage) mustRun(argv ...string) {
	s.t.Helper()
	if out, err := s.run(argv...); err != nil {
		s.t.Fatalf("%q: %v\n%s", argv, err, out)
	}
}

// scratch returns a directory that, unlike t.TempDir, has a name short enough for a unix socket
// in it (unix(7): 108 bytes), and that another user may enter.
func scratch(t *testing.T) string {
	t.Helper()
	dir, err := os.MkdirTemp("", "lastout-")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { os.RemoveAll(dir) })
	if err := os.Chmod(dir, 0o755); err != nil {
		t.Fatal(err)
	}
	return dir
}
