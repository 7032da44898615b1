//go:build linux

package main_test

import (
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/creack/pty"
	"golang.org/x/sys/unix"

	"lastout/testdata/box"
)

// seat is a program in a box that leads a session at a pseudo-terminal of its own, and whoever sits
// there: types, and reads.
type seat struct {
	t       testing.TB
	b       *box.Box
	cmd     *exec.Cmd
	master  *os.File
	shell   shell
	scripts bool // it has run scripts
	plain   bool // $L is nothing, and no lastout is involved

	out   []byte // all that was written so far
	syncs int

	mu   sync.Mutex
	seen int           // how much of it has been waited for
	more chan struct{} // capacity 1: there is more, or no more
	done chan struct{} // closed when the program has exited
}

// shell is an interactive shell that people have.
type shell struct {
	name   string
	argv   []string
	prompt string // shows the last status
}

var shells = []shell{
	{"bash", []string{"/bin/bash", "--norc", "--noprofile", "-i"}, "@$?@ "},
	{"dash", []string{"/bin/dash", "-i"}, "@$?@ "},
	{"zsh", []string{"/bin/zsh", "-f", "-i"}, "@%?@ "},
	{"busybox", []string{"/bin/busybox", "sh", "-i"}, "@$?@ "},
}

// attention is how long anything at a terminal is waited for that comes at once on an idle machine.
const attention = 20 * time.Second

var prompt = regexp.MustCompile(`@(\d+)@ `)

// sit starts a program at a new terminal. In its environment PATH finds lastout and actor, of
// testdata/terminal.
func sit(t testing.TB, b *box.Box, env []string, argv ...string) *seat {
	t.Helper()
	ptmx, tty, err := pty.Open()
	if err != nil {
		t.Fatal(err)
	}
	defer ptmx.Close()
	defer tty.Close()
	master := pollable(t, ptmx)
	if err := pty.Setsize(master, &pty.Winsize{Rows: 40, Cols: 200}); err != nil {
		t.Fatal(err)
	}
	s := &seat{t: t, b: b, master: master, more: make(chan struct{}, 1), done: make(chan struct{})}
	s.cmd = b.Command(argv[0], argv[1:]...)
	s.cmd.Stdin, s.cmd.Stdout, s.cmd.Stderr = tty, tty, tty
	s.cmd.SysProcAttr.Setsid, s.cmd.SysProcAttr.Setctty = true, true
	s.cmd.Dir = t.TempDir()
	s.cmd.Env = append(s.cmd.Env, "PATH="+stageDir(t)+":"+os.Getenv("PATH"), "HOME="+s.cmd.Dir, "TERM=xterm",
		"HISTFILE=/dev/null", "ENV=")
	s.cmd.Env = append(s.cmd.Env, env...)
	if err := s.cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { master.Close() })
	go s.read()
	go func() {
		_ = s.cmd.Wait() // how it ended is in ProcessState
		close(s.done)
	}()
	return s
}

// pollable returns a copy that can be closed while it is read from: only then is a close a hang-up.
func pollable(t testing.TB, f *os.File) *os.File {
	t.Helper()
	fd, err1 := unix.FcntlInt(f.Fd(), unix.F_DUPFD_CLOEXEC, 3)
	if err := errors.Join(err1, unix.SetNonblock(fd, true)); err != nil {
		t.Fatal(err)
	}
	return os.NewFile(uintptr(fd), f.Name())
}

// stageDir returns a directory with the programs under test.
func stageDir(t testing.TB) string {
	t.Helper()
	dir := t.TempDir()
	for name, path := range map[string]string{"lastout": box.Lastout(t), "actor": box.Program(t, "terminal", "actor")} {
		if err := os.Symlink(path, filepath.Join(dir, name)); err != nil {
			t.Fatal(err)
		}
	}
	return dir
}

// begin starts a shell and waits for its first prompt.
func (sh shell) begin(t *testing.T, b *box.Box, env ...string) *seat {
	t.Helper()
	if _, err := os.Stat(sh.argv[0]); err != nil {
		lacking(t, "%v: it is in Debian's package %s", err, sh.name)
	}
	heedSignals(t)
	adoptOrphans(t)
	s := sit(t, b, append([]string{"PS1=" + sh.prompt}, env...), sh.argv...)
	s.shell = sh
	s.prompt(0)
	return s
}

// inShells runs a test in each shell, twice: first the commands that begin with $L run as they are,
// to show that the test knows how a plain command behaves, and then below lastout.
func inShells(t *testing.T, test func(t *testing.T, s *seat)) {
	for _, sh := range shells {
		for _, l := range []string{"", "lastout"} {
			t.Run(strings.TrimSpace(sh.name+" "+l), func(t *testing.T) {
				s := sh.begin(t, box.New(t, box.PidsCap(600)), "L="+l)
				s.plain = l == ""
				test(t, s)
				s.leave()
			})
		}
	}
}

// underLastout runs a test in each shell with L=lastout only.
func underLastout(t *testing.T, test func(t *testing.T, s *seat)) {
	for _, sh := range shells {
		t.Run(sh.name, func(t *testing.T) {
			s := sh.begin(t, box.New(t, box.PidsCap(600)), "L=lastout")
			test(t, s)
			s.leave()
		})
	}
}

func (s *seat) read() {
	buf := make([]byte, 4096)
	for {
		n, err := s.master.Read(buf)
		s.mu.Lock()
		s.out = append(s.out, buf[:n]...)
		s.mu.Unlock()
		select {
		case s.more <- struct{}{}:
		default:
		}
		if err != nil { // EIO: nobody has the terminal open any more (pty(7))
			return
		}
	}
}

// keys types.
func (s *seat) keys(text string) {
	s.t.Helper()
	if _, err := s.master.WriteString(text); err != nil {
		s.t.Fatalf("type %q: %v; the terminal shows:\n%s", text, err, s.screen())
	}
}

// line types a line.
func (s *seat) line(text string) {
	s.t.Helper()
	s.keys(text + "\r")
}

// Keys of control characters, see termios(3).
const (
	ctrlC         = "\x03"
	ctrlD         = "\x04"
	ctrlZ         = "\x1a"
	ctrlBackslash = "\x1c"
)

// await waits until the output after what was waited for last matches, and returns what comes
// before that, and the submatches.
func (s *seat) await(pattern *regexp.Regexp) (before string, match []string) {
	s.t.Helper()
	limit := time.NewTimer(attention)
	defer limit.Stop()
	for {
		if before, match, ok := s.find(pattern); ok {
			return before, match
		}
		select {
		case <-s.more:
		case <-limit.C:
			s.t.Fatalf("no %q; %s; the terminal shows:\n%s%s", pattern, s.condition(), s.screen(),
				describe(s.b.Procs()))
		}
	}
}

// condition is whether the program runs, and who has the terminal.
func (s *seat) condition() string {
	select {
	case <-s.done:
		return "the program has " + ended(s.cmd.ProcessState.Sys().(syscall.WaitStatus))
	default:
		return fmt.Sprintf("group %d is in the foreground", s.foreground())
	}
}

func (s *seat) find(pattern *regexp.Regexp) (before string, match []string, ok bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	fresh := s.out[s.seen:]
	at := pattern.FindSubmatchIndex(fresh)
	if at == nil {
		return "", nil, false
	}
	for i := 0; i < len(at); i += 2 {
		match = append(match, string(fresh[max(at[i], 0):max(at[i+1], 0)]))
	}
	s.seen += at[1]
	return string(fresh[:at[0]]), match, true
}

// expect waits for a pattern and returns its submatches.
func (s *seat) expect(pattern string) []string {
	s.t.Helper()
	_, match := s.await(regexp.MustCompile(pattern))
	return match
}

// sync waits until everything that was typed before has been done, and what a shell says of its own
// accord has been said with a prompt after it: zsh tells of jobs at any time.
func (s *seat) sync() {
	s.t.Helper()
	s.syncs++
	s.line(fmt.Sprintf("echo sync:$((%d + 1)):", s.syncs))
	s.expect(fmt.Sprintf("sync:%d:", s.syncs+1))
	s.prompt(0)
}

// prompt waits for the shell's prompt, which has to show a status, and returns what came before it.
func (s *seat) prompt(status int) string {
	s.t.Helper()
	before, match := s.await(prompt)
	if got := match[1]; got != strconv.Itoa(status) {
		s.t.Fatalf("the prompt shows status %s, want %d; the terminal shows:\n%s", got, status, s.screen())
	}
	return before
}

// run types a line and returns what was written before the next prompt.
func (s *seat) run(status int, text string) string {
	s.t.Helper()
	s.line(text)
	return s.prompt(status)
}

// screen is all that was written.
func (s *seat) screen() string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return strings.ReplaceAll(string(s.out), "\r\n", "\n")
}

// player is a process that has said that it is ready.
type player struct{ pid, group, session int }

func (s *seat) ready() player {
	s.t.Helper()
	m := s.expect(`ready:(\d+):(\d+):(\d+)`)
	number := func(i int) int { n, _ := strconv.Atoi(m[i]); return n }
	return player{number(1), number(2), number(3)}
}

// readies waits until n jobs are ready. What else they write meanwhile can be waited for after
// that: they do it in any order.
func (s *seat) readies(n int) (jobs []player) {
	s.t.Helper()
	s.mu.Lock()
	from := s.seen
	s.mu.Unlock()
	for range n {
		jobs = append(jobs, s.ready())
	}
	s.mu.Lock()
	s.seen = from
	s.mu.Unlock()
	return jobs
}

func (s *seat) pid() int { return s.cmd.Process.Pid }

// foreground is the process group in the foreground of the terminal. The master tells that of its
// other side (TIOCGPGRP, tty_ioctl(4)).
func (s *seat) foreground() int {
	s.t.Helper()
	var group int
	s.control(func(fd int) (err error) {
		group, err = unix.IoctlGetInt(fd, unix.TIOCGPGRP)
		return err
	})
	return group
}

// modes are the settings of the terminal, as stty -a prints them.
func (s *seat) modes() unix.Termios {
	s.t.Helper()
	var modes *unix.Termios
	s.control(func(fd int) (err error) {
		modes, err = unix.IoctlGetTermios(fd, unix.TCGETS)
		return err
	})
	return *modes
}

func (s *seat) control(f func(fd int) error) {
	s.t.Helper()
	raw, err := s.master.SyscallConn()
	if err == nil {
		var failed error
		err = raw.Control(func(fd uintptr) { failed = f(int(fd)) })
		err = errors.Join(err, failed)
	}
	if err != nil {
		s.t.Fatalf("the terminal: %v", err)
	}
}

// until waits for something that nobody tells: it looks again and again, each time after a
// millisecond.
func (s *seat) until(what string, holds func() bool) {
	s.t.Helper()
	limit := time.NewTimer(attention)
	defer limit.Stop()
	look := time.NewTicker(time.Millisecond)
	defer look.Stop()
	for !holds() {
		select {
		case <-look.C:
		case <-limit.C:
			s.t.Fatalf("never: %s; the terminal shows:\n%s%s", what, s.screen(), describe(s.b.Procs()))
		}
	}
}

// inState waits until a process is in a state of proc_pid_stat(5), with all of its threads: before
// that its parent is not told that it has stopped.
func (s *seat) inState(pid int, state string) {
	s.t.Helper()
	s.until(fmt.Sprintf("process %d in state %s", pid, state), func() bool {
		tasks, _ := filepath.Glob(fmt.Sprintf("/proc/%d/task/*/status", pid))
		return len(tasks) > 0 && !slices.ContainsFunc(tasks,
			func(task string) bool { return !strings.HasPrefix(statusField(task, "State"), state) })
	})
}

// asleep waits until a program that has asked for something sleeps: a key that sends a signal,
// between the question and the read, would be lost to many a program.
func (s *seat) asleep(program string) {
	s.t.Helper()
	s.until(program+" waits for input", func() bool {
		return slices.ContainsFunc(s.b.Procs(), func(pid int) bool {
			return strings.HasPrefix(commandLine(pid), program+" ") && processState(pid) == "S"
		})
	})
}

func (s *seat) signal(pid int, sig syscall.Signal) {
	s.t.Helper()
	if err := unix.Kill(pid, sig); err != nil {
		s.t.Fatalf("kill %d %d: %v", pid, sig, err)
	}
}

// back checks that the shell has the terminal again, at a prompt.
func (s *seat) back(before unix.Termios) {
	s.t.Helper()
	if got := s.foreground(); got != s.pid() {
		s.t.Errorf("process group %d is in the foreground, and not the shell, %d; the terminal shows:\n%s", got,
			s.pid(), s.screen())
	}
	if got := s.modes(); got != before {
		s.t.Errorf("the terminal's modes are %+v, they were %+v; the terminal shows:\n%s", got, before, s.screen())
	}
}

// leave ends a shell that has no jobs. Then nothing may be in its box.
func (s *seat) leave() {
	s.t.Helper()
	if s.t.Failed() {
		return
	}
	if s.plain || s.scripts { // who waits for a script that is killed does not wait for what it has started
		s.onlyTheShell()
	}
	s.line("exit 9")
	s.end(9)
}

// wait returns how the program ended.
func (s *seat) wait() syscall.WaitStatus {
	s.t.Helper()
	select {
	case <-s.done:
	case <-time.After(attention):
		s.t.Fatalf("%q does not end; the terminal shows:\n%s%s", s.cmd.Args, s.screen(), describe(s.b.Procs()))
	}
	return s.cmd.ProcessState.Sys().(syscall.WaitStatus)
}

// end waits for the end of the program, whose box has to be empty then.
func (s *seat) end(status int) {
	s.t.Helper()
	st := s.wait()
	s.b.AssertEmpty()
	if !st.Exited() || st.ExitStatus() != status {
		s.t.Errorf("%s, want status %d; the terminal shows:\n%s", ended(st), status, s.screen())
	}
	checkNoTrace(s.t, s.screen())
}

// hangUp closes the terminal's other side, as a terminal emulator does that is closed.
func (s *seat) hangUp() {
	s.t.Helper()
	if err := s.master.Close(); err != nil && !errors.Is(err, os.ErrClosed) {
		s.t.Fatal(err)
	}
}

// keeperOf returns the parent of a job, which is a worker where it runs below lastout.
func keeperOf(job player) int { return parentOf(job.pid) }

// runnerOf returns that one's parent: the process that the caller knows as lastout.
func runnerOf(job player) int { return parentOf(parentOf(job.pid)) }

func parentOf(pid int) int {
	parent, _ := strconv.Atoi(statusField(fmt.Sprintf("/proc/%d/status", pid), "PPid"))
	return parent
}

// needProgram skips a test whose program is not installed; it is in Debian's package of that name,
// unless another is named.
func needProgram(t testing.TB, name string) {
	t.Helper()
	if _, err := exec.LookPath(name); err != nil {
		lacking(t, "%v: testdata/realworld/packages has Debian's package of it", err)
	}
}

func commandLine(pid int) string {
	line, _ := os.ReadFile(fmt.Sprintf("/proc/%d/cmdline", pid))
	return strings.ReplaceAll(string(line), "\x00", " ")
}

// lines are what was written, without what only drives a terminal and without process ids.
func lines(text string) []string {
	text = controls.ReplaceAllString(strings.ReplaceAll(text, "\r", ""), "")
	text = numbers.ReplaceAllString(text, "$1#")
	all := strings.Split(text, "\n")
	for i, line := range all {
		all[i] = strings.TrimSpace(line)
	}
	return slices.DeleteFunc(all, func(line string) bool { return line == "" })
}

var (
	controls = regexp.MustCompile("\x1b\\[[0-9;?]*[a-zA-Z]|\x1b[=>]|\x07")
	numbers  = regexp.MustCompile(`(ready:|\[\d+\] [+-]? *)[\d:]+`)
)

func writeFile(t testing.TB, path, text string) {
	t.Helper()
	if err := os.WriteFile(path, []byte(text), 0o644); err != nil {
		t.Fatal(err)
	}
}
