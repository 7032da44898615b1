//go:build linux

package main_test

import (
	"bufio"
	"crypto/sha256"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"lastout/testdata/box"
)

// soon is for what may well never happen.
const soon = 5 * time.Second

// patience is for what happens at once on an idle machine. Nothing that is right takes as long.
const patience = 30 * time.Second

// lacking skips a test that the machine has no means for, or fails it where LASTOUT_REQUIRE_PEERS=1
// says that it has them.
func lacking(t testing.TB, format string, args ...any) {
	t.Helper()
	if os.Getenv("LASTOUT_REQUIRE_PEERS") == "1" {
		t.Fatalf(format, args...)
	}
	t.Skipf(format, args...)
}

func needRoot(t testing.TB) {
	t.Helper()
	if os.Geteuid() != 0 {
		lacking(t, "needs root")
	}
}

var traps struct {
	sync.Mutex
	paths map[string]string
}

// trap returns the path of a program of testdata/traps. It is compiled once for each change of it,
// into the directory that package box builds into and sweeps.
func trap(t testing.TB, name string) string {
	t.Helper()
	traps.Lock()
	defer traps.Unlock()
	if path, ok := traps.paths[name]; ok {
		return path
	}
	path, err := buildTrap(name)
	if err != nil {
		t.Fatalf("build %s: %v", name, err)
	}
	if traps.paths == nil {
		traps.paths = map[string]string{}
	}
	traps.paths[name] = path
	return path
}

func buildTrap(name string) (string, error) {
	testdata, err := filepath.Abs(filepath.Join("..", "..", "testdata"))
	if err != nil {
		return "", err
	}
	source := filepath.Join(testdata, "traps", name+".c")
	text, err1 := os.ReadFile(source)
	header, err2 := os.ReadFile(filepath.Join(testdata, "hostile", "hostile.h"))
	if err := errors.Join(err1, err2); err != nil {
		return "", err
	}
	sum := sha256.Sum256(slices.Concat(text, header))
	home := filepath.Join(os.TempDir(), fmt.Sprintf("lastout-testdata-%d", os.Getuid()), fmt.Sprintf("%x", sum[:10]))
	path := filepath.Join(home, name)
	if _, err := os.Stat(path); err == nil {
		now := time.Now()
		return path, os.Chtimes(home, now, now)
	}
	if err := os.MkdirAll(home, 0o755); err != nil {
		return "", err
	}
	fresh := fmt.Sprintf("%s.%d", path, os.Getpid())
	args := []string{"-std=gnu11", "-O2", "-Wall", "-Wextra", "-Werror", "-pthread", "-I",
		filepath.Join(testdata, "hostile"), "-o", fresh, source}
	var out []byte
	for _, mode := range []string{"-static", "-O2"} { // not every C library is there for static programs
		if out, err = exec.Command("gcc", append([]string{mode}, args...)...).CombinedOutput(); err == nil {
			return path, os.Rename(fresh, path)
		}
	}
	return "", fmt.Errorf("%w\n%s", err, out)
}

// scene is a command that has been started in a box, with the ends of its input and output.
type scene struct {
	t      testing.TB
	b      *box.Box
	cmd    *exec.Cmd
	in     *os.File
	out    *os.File
	lines  *bufio.Reader
	stderr *os.File // a file, not a pipe: who holds it open does not matter
	waited bool
	status syscall.WaitStatus
}

// play starts a command in its box. Its standard error is a file, unless cmd says otherwise.
func play(t testing.TB, b *box.Box, cmd *exec.Cmd) *scene {
	t.Helper()
	s := &scene{t: t, b: b, cmd: cmd}
	stdin, in, err1 := os.Pipe()
	out, stdout, err2 := os.Pipe()
	stderr, err3 := os.OpenFile(filepath.Join(t.TempDir(), "stderr"), os.O_CREATE|os.O_RDWR|os.O_APPEND, 0o600)
	if err := errors.Join(err1, err2, err3); err != nil {
		t.Fatal(err)
	}
	s.in, s.out, s.stderr, s.lines = in, out, stderr, bufio.NewReader(out)
	t.Cleanup(func() { in.Close(); out.Close(); stderr.Close() })
	cmd.Stdin, cmd.Stdout = stdin, stdout
	if cmd.Stderr == nil {
		cmd.Stderr = stderr
	}
	err := cmd.Start()
	stdin.Close()
	stdout.Close()
	if err != nil {
		t.Fatal(err)
	}
	return s
}

func (s *scene) pid() int { return s.cmd.Process.Pid }

// line returns the next line of the output.
func (s *scene) line() string {
	s.t.Helper()
	return s.lineWithin(patience)
}

func (s *scene) lineWithin(limit time.Duration) string {
	s.t.Helper()
	_ = s.out.SetReadDeadline(time.Now().Add(limit))
	text, err := s.lines.ReadString('\n')
	if err != nil {
		s.t.Fatalf("output ends with %q: %v; stderr %q", text, err, s.said())
	}
	return strings.TrimSuffix(text, "\n")
}

// expect reads lines until it is the one that is wanted.
func (s *scene) expect(want string) {
	s.t.Helper()
	for s.line() != want {
	}
}

// ready reads the line in which a leader says that all stands, and returns its process id and its
// parent's.
func (s *scene) ready() (leader, worker int) {
	s.t.Helper()
	text := s.line()
	if n, _ := fmt.Sscanf(text, "ready %d %d", &leader, &worker); n != 2 {
		s.t.Fatalf("line %q, want that it is ready; stderr %q", text, s.said())
	}
	return leader, worker
}

// said returns what stderr holds so far.
func (s *scene) said() string {
	data, err := os.ReadFile(s.stderr.Name())
	if err != nil {
		return err.Error()
	}
	return string(data)
}

// awaitSaid waits until a line of stderr holds all of the words, and returns it.
func (s *scene) awaitSaid(words ...string) string {
	s.t.Helper()
	for end := time.Now().Add(patience); ; time.Sleep(5 * time.Millisecond) {
		if line := lineWith(s.said(), words...); line != "" {
			return line
		}
		if time.Now().After(end) {
			s.t.Fatalf("no line with %q on stderr: %q", words, s.said())
		}
	}
}

func lineWith(text string, words ...string) string {
	for line := range strings.Lines(text) {
		if !slices.ContainsFunc(words, func(w string) bool { return !strings.Contains(line, w) }) {
			return strings.TrimSuffix(line, "\n")
		}
	}
	return ""
}

// wait returns how the command ended. After patience it empties the box and ends the test.
func (s *scene) wait() syscall.WaitStatus {
	s.t.Helper()
	if s.waited {
		return s.status
	}
	s.waited = true
	late := time.AfterFunc(patience, s.b.Kill)
	_ = s.cmd.Wait() // how it ended is in ProcessState
	if !late.Stop() {
		s.t.Fatalf("%q has not returned after %v; stderr %q", s.cmd.Args, patience, s.said())
	}
	s.status = s.cmd.ProcessState.Sys().(syscall.WaitStatus)
	return s.status
}

// end waits for a command that is to leave nothing behind, the moment that it has returned, and to
// exit with a status.
func (s *scene) end(status int) {
	s.t.Helper()
	got := s.wait()
	s.b.AssertEmpty()
	if !got.Exited() || got.ExitStatus() != status {
		s.t.Errorf("%s, want status %d; stderr %q", ended(got), status, s.said())
	}
	s.noTrace()
}

// endOf is end for a command that is to die of a signal.
func (s *scene) endOf(sig syscall.Signal) {
	s.t.Helper()
	got := s.wait()
	s.b.AssertEmpty()
	if !got.Signaled() || got.Signal() != sig {
		s.t.Errorf("%s, want signal %d; stderr %q", ended(got), sig, s.said())
	}
	s.noTrace()
}

func ended(st syscall.WaitStatus) string {
	if st.Signaled() {
		return fmt.Sprintf("died of signal %d", st.Signal())
	}
	return fmt.Sprintf("exited with status %d", st.ExitStatus())
}

func (s *scene) noTrace() {
	s.t.Helper()
	checkNoTrace(s.t, s.said())
}

// checkNoTrace fails for what the Go runtime says when it aborts.
func checkNoTrace(t testing.TB, stderr string) {
	t.Helper()
	for _, word := range []string{"goroutine", "runtime:", "fatal error", "panic"} {
		if strings.Contains(stderr, word) {
			t.Errorf("stderr has %q: %q", word, stderr)
			return
		}
	}
}

func (s *scene) signal(pid int, sig syscall.Signal) {
	s.t.Helper()
	if err := unix.Kill(pid, sig); err != nil {
		s.t.Fatalf("kill %d %d: %v", pid, sig, err)
	}
}

// statusField returns a field of /proc/PID/status, "" if there is none or no such process.
func statusField(path, name string) string {
	data, _ := os.ReadFile(path)
	for line := range strings.Lines(string(data)) {
		if value, ok := strings.CutPrefix(line, name+":"); ok {
			return strings.TrimSpace(value)
		}
	}
	return ""
}

func processState(pid int) string {
	state := statusField(fmt.Sprintf("/proc/%d/status", pid), "State")
	if state == "" {
		return ""
	}
	return state[:1]
}

// forkedBy returns the thread of a process that a child belongs to; 0 if none.
func forkedBy(parent, child int) int {
	lists, _ := filepath.Glob(fmt.Sprintf("/proc/%d/task/*/children", parent))
	for _, list := range lists {
		data, _ := os.ReadFile(list)
		if slices.Contains(strings.Fields(string(data)), strconv.Itoa(child)) {
			tid, _ := strconv.Atoi(filepath.Base(filepath.Dir(list)))
			return tid
		}
	}
	return 0
}

// keepers are the two ways in which a job can be kept.
var keepers = []string{"auto", "off"}

// underBoth runs a test with a guardian and without one.
func underBoth(t *testing.T, test func(t *testing.T, b *box.Box, flag string)) {
	for _, keeper := range keepers {
		t.Run("keeper="+keeper, func(t *testing.T) {
			test(t, box.New(t, box.PidsCap(600)), "--keeper="+keeper)
		})
	}
}
