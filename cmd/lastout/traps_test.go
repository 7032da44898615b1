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

// lacking skips a test that the machine has no means for, or fails it where LASTOUT_REQUIRE_PEERS=1 says that it has them.
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

// trap returns the path of a program of testdata/traps. It is compiled once for each change of it, into the directory that
// package box builds into and sweeps.
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
	args := []string{"-std=gnu11", "-O2", "-Wall", "-Wextra", "-Werror", "-pthread", "-I", filepath.Join(testdata, "hostile"), "-o", fresh, source}
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

// ready reads the line in which a leader says that all stands, and returns its process id and its parent's.
func (s *scene) ready() (leader, keeper int) {
	s.t.Helper()
	text := s.line()
	if n, _ := fmt.Sscanf(text, "ready %d %d", &leader, &keeper); n != 2 {
		s.t.Fatalf("line %q, want that it is ready; stderr %q", text, s.said())
	}
	return leader, keeper
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

// end waits for a command that is to leave nothing behind, the moment that it has returned, and to exit with a status.
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

// awaitStopped waits until the command itself, our child, is stopped.
func (s *scene) awaitStopped() {
	s.t.Helper()
	for {
		var info unix.Siginfo
		err := unix.Waitid(unix.P_PID, s.pid(), &info, unix.WSTOPPED|unix.WNOWAIT, nil)
		if err == nil {
			return
		}
		if !errors.Is(err, unix.EINTR) {
			s.t.Fatalf("waitid: %v", err)
		}
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

// underBoth runs a test with a keeper and without one.
func underBoth(t *testing.T, test func(t *testing.T, b *box.Box, flag string)) {
	for _, keeper := range keepers {
		t.Run("keeper="+keeper, func(t *testing.T) {
			test(t, box.New(t, box.PidsCap(600)), "--keeper="+keeper)
		})
	}
}

func joined[T any](list []T) string {
	words := make([]string, len(list))
	for i, v := range list {
		words[i] = fmt.Sprint(v)
	}
	return strings.Join(words, ",")
}

// TestJobOutlivesThreads guards that the leader is forked from a thread that lives as long as it does. Its parent-death signal
// fires when that thread ends (https://go.dev/issue/27505), and children forked from goroutines that were locked and ended died so.
func TestJobOutlivesThreads(t *testing.T) {
	underBoth(t, func(t *testing.T, b *box.Box, flag string) {
		s := play(t, b, b.Command(box.Lastout(t), flag, trap(t, "makes-orphans")))
		leader, parent := s.ready()
		thread := forkedBy(parent, leader)
		for range 5 { // whatever threads there are have something to do
			if _, err := s.in.Write([]byte{'.'}); err != nil {
				t.Fatal(err)
			}
			s.expect("done")
		}
		if now := forkedBy(parent, leader); now != thread || now == 0 {
			t.Errorf("the leader was forked by thread %d and belongs to thread %d now: the first has ended", thread, now)
		}
		s.in.Close()
		s.end(7)
	})
}

// TestDeathSignal: the leader has a parent-death signal, KILL unless told otherwise.
func TestDeathSignal(t *testing.T) {
	underBoth(t, func(t *testing.T, b *box.Box, flag string) {
		for _, c := range []struct {
			flags []string
			want  string
		}{{nil, "9\n"}, {[]string{"--pdeathsig", "TERM"}, "15\n"}} {
			argv := slices.Concat([]string{flag}, c.flags, []string{trap(t, "prints-deathsig")})
			out := box.Run(t, b, b.Command(box.Lastout(t), argv...), patience)
			if out.Stdout != c.want || out.Status != 0 {
				t.Errorf("%q prints %q, want %q; status %d, stderr %q", argv, out.Stdout, c.want, out.Status, out.Stderr)
			}
		}
	})
}

// TestNoNewPrivsIsTheJobsAlone guards that no_new_privs, which a thread cannot take back and hands to the threads it makes, is set
// on a thread that does nothing else: in lastout's other threads it would reach the next job, and lastout itself.
func TestNoNewPrivsIsTheJobsAlone(t *testing.T) {
	underBoth(t, func(t *testing.T, b *box.Box, flag string) {
		for _, c := range []struct{ flag, want string }{{"--no-new-privs=false", "0"}, {"--no-new-privs", "1"}} {
			s := play(t, b, b.Command(box.Lastout(t), flag, c.flag, trap(t, "tells-signals")))
			leader, parent := s.ready()
			if got := statusField(fmt.Sprintf("/proc/%d/status", leader), "NoNewPrivs"); got != c.want {
				t.Errorf("%s: the job has no_new_privs %s, want %s", c.flag, got, c.want)
			}
			for _, pid := range []int{s.pid(), parent} {
				marked := 0
				tasks, _ := filepath.Glob(fmt.Sprintf("/proc/%d/task/*/status", pid))
				for _, task := range tasks {
					if statusField(task, "NoNewPrivs") == "1" {
						marked++
					}
				}
				if got := statusField(fmt.Sprintf("/proc/%d/status", pid), "NoNewPrivs"); got != "0" || marked > 1 {
					t.Errorf("%s: of lastout's process %d, the main thread has no_new_privs %s and %d of all threads have it", c.flag, pid, got, marked)
				}
			}
			s.in.Close()
			s.end(7)
		}
	})
}

// signalSets runs a command that prints what its signals are, as it is and below lastout, after the same preparation.
func signalSets(t *testing.T, b *box.Box, field string, preparation []string, flags ...string) (bare, below string) {
	t.Helper()
	print := []string{"grep", "^" + field + ":", "/proc/self/status"}
	with := slices.Concat(preparation, []string{"--"})
	out := box.Run(t, b, b.Command(trap(t, "starts-with"), slices.Concat(with, print)...), patience)
	bare = out.Stdout
	out = box.Run(t, b, b.Command(trap(t, "starts-with"), slices.Concat(with, []string{box.Lastout(t)}, flags, print)...), patience)
	if out.Status != 0 || out.Stderr != "" || bare == "" {
		t.Errorf("after %q, with %q: status %d, signal %d, stderr %q", preparation, flags, out.Status, out.Signal, out.Stderr)
	}
	return bare, out.Stdout
}

// kept are the signals that the Go runtime leaves ignored where they were when the program started.
var kept = []syscall.Signal{unix.SIGHUP, unix.SIGINT, unix.SIGTSTP, unix.SIGTTIN, unix.SIGTTOU, unix.SIGCONT}

// TestIgnoredSignalsAreInherited guards that lastout does not ask for signals which were ignored when it started: signal.Notify ends
// the ignoring, for the job too (nohup's HUP would end a job that bare nohup protects).
func TestIgnoredSignalsAreInherited(t *testing.T) {
	underBoth(t, func(t *testing.T, b *box.Box, flag string) {
		lists := [][]syscall.Signal{kept}
		for _, sig := range kept {
			lists = append(lists, []syscall.Signal{sig})
		}
		for _, list := range lists {
			bare, below := signalSets(t, b, "SigIgn", []string{"ignore", joinedSignals(list)}, flag)
			if bare != below {
				t.Errorf("with %v ignored the job has %q, bare it has %q", list, below, bare)
			}
		}
	})
}

func joinedSignals(list []syscall.Signal) string {
	numbers := make([]int, len(list))
	for i, sig := range list {
		numbers[i] = int(sig)
	}
	return joined(numbers)
}

// TestIgnoreFlag guards the way for dispositions that the Go runtime resets before main runs (systemd starts services with PIPE
// ignored, for one): --ignore makes the job start with them ignored.
func TestIgnoreFlag(t *testing.T) {
	underBoth(t, func(t *testing.T, b *box.Box, flag string) {
		for sig := syscall.Signal(1); sig <= 64; sig++ {
			switch sig {
			case unix.SIGKILL, unix.SIGSTOP, 32, 33: // cannot be, or are not for programs to ignore
			case unix.SIGCHLD, 4, 5, 7, 8, 16, 27, 31, 34: // refused: see TestIgnoreIsRefused
			default:
				bare, below := signalSets(t, b, "SigIgn", []string{"ignore", strconv.Itoa(int(sig))}, flag, "--ignore", strconv.Itoa(int(sig)))
				if bare != below {
					t.Errorf("--ignore %d: the job has %q, want %q", sig, below, bare)
				}
			}
		}
		bare, below := signalSets(t, b, "SigIgn", []string{"ignore", "13,15,3,10"}, flag, "--ignore", "PIPE,TERM", "--ignore", "sigquit", "--ignore", "USR1")
		if bare != below {
			t.Errorf("--ignore by name: the job has %q, want %q", below, bare)
		}
	})
}

// TestIgnoredChildSignal guards that an inherited ignored SIGCHLD is undone before anything is started: the kernel would reap the job
// unseen, and wait would know no status.
func TestIgnoredChildSignal(t *testing.T) {
	underBoth(t, func(t *testing.T, b *box.Box, flag string) {
		for _, list := range []string{"17", "all"} {
			argv := []string{"ignore", list, "--", box.Lastout(t), flag, "--grace", "300ms", "sh", "-c", "sleep 60 & setsid sleep 60 & exit 3"}
			out := box.Run(t, b, b.Command(trap(t, "starts-with"), argv...), patience)
			if out.Status != 3 || !strings.Contains(out.Stderr, "left 2 processes behind") {
				t.Errorf("%q: status %d, signal %d, stderr %q", argv, out.Status, out.Signal, out.Stderr)
			}
		}
	})
}

// TestIgnoreIsRefused: what --ignore CHLD does to the job would be done to those that wait for it; and the Go runtime does not let
// go of its own signals.
func TestIgnoreIsRefused(t *testing.T) {
	underBoth(t, func(t *testing.T, b *box.Box, flag string) {
		for _, sig := range []string{"CHLD", "BUS", "FPE", "ILL", "TRAP", "SYS", "PROF", "STKFLT", "KILL", "STOP", "34"} {
			started := filepath.Join(t.TempDir(), "started")
			out := box.Run(t, b, b.Command(box.Lastout(t), flag, "--ignore", sig, "touch", started), patience)
			if out.Status != 125 || strings.Count(out.Stderr, "\n") != 1 || !strings.Contains(out.Stderr, "cannot be ignored") {
				t.Errorf("--ignore %s: status %d, stderr %q", sig, out.Status, out.Stderr)
			}
			if _, err := os.Stat(started); err == nil {
				t.Errorf("--ignore %s: the command was started", sig)
			}
		}
	})
}

// checkMasks compares the mask of a job with that of the same program without lastout.
func checkMasks(t *testing.T, lists ...string) {
	underBoth(t, func(t *testing.T, b *box.Box, flag string) {
		for _, list := range lists {
			bare, below := signalSets(t, b, "SigBlk", []string{"block", list}, flag)
			if bare != below {
				t.Errorf("with %q blocked the job has %q, bare it has %q", list, below, bare)
			}
		}
	})
}

// TestMaskIsInherited guards that the job is forked from a thread with the signal mask that lastout was started with. os/signal
// unblocks what it is asked for, in a thread of its own.
func TestMaskIsInherited(t *testing.T) {
	checkMasks(t, "", "10,12", "13", "14,18", "20,21,22", "24,25,26,28,29,30", "35,40,64")
}

// TestMaskOfTheRuntimesSignals: the Go runtime unblocks those that it must not miss (blockableSig in runtime/signal_unix.go) in every
// thread, before main runs, and the job does not get them back. All others reach it blocked.
func TestMaskOfTheRuntimesSignals(t *testing.T) {
	const unblocked = 1<<0 | 1<<1 | 1<<2 | 1<<3 | 1<<4 | 1<<5 | 1<<6 | 1<<7 | 1<<10 | 1<<14 | 1<<15 | 1<<16 | 1<<22 | 1<<26 | 1<<30 | 7<<31
	underBoth(t, func(t *testing.T, b *box.Box, flag string) {
		bare, below := signalSets(t, b, "SigBlk", []string{"block", "all"}, flag)
		var want, got uint64
		if _, err := fmt.Sscanf(bare, "SigBlk: %x", &want); err != nil {
			t.Fatal(err)
		}
		if _, err := fmt.Sscanf(below, "SigBlk: %x", &got); err != nil {
			t.Fatal(err)
		}
		if got&^uint64(unblocked) != want&^uint64(unblocked) {
			t.Errorf("with all blocked the job has %#x, bare it has %#x", got, want)
		}
	})
}

// TestForwardsThoughAllIsBlocked guards that lastout unblocks what it forwards: a caller may start it with all signals blocked.
func TestForwardsThoughAllIsBlocked(t *testing.T) {
	underBoth(t, func(t *testing.T, b *box.Box, flag string) {
		s := play(t, b, b.Command(trap(t, "starts-with"), "block", "all", "--", box.Lastout(t), flag, trap(t, "tells-signals")))
		s.ready()
		for _, sig := range []syscall.Signal{unix.SIGTERM, unix.SIGINT, unix.SIGHUP, 40} {
			s.signal(s.pid(), sig)
			s.expect(strconv.Itoa(int(sig)))
		}
		s.in.Close()
		s.end(7)
	})
}

// TestEverySignalIsForwardedOnce guards a list of signals that leaves none out, and one way for each: no signal is doubled by
// reaching the job twice (process group and runner), none is taken for the Go runtime's own.
func TestEverySignalIsForwardedOnce(t *testing.T) {
	underBoth(t, func(t *testing.T, b *box.Box, flag string) {
		for sig := syscall.Signal(1); sig <= 64; sig++ {
			switch sig {
			case unix.SIGKILL, unix.SIGSTOP, unix.SIGCHLD, unix.SIGURG, unix.SIGPROF, 32, 33, 34: // the Go runtime's and the C library's own
				continue
			}
			t.Run(strconv.Itoa(int(sig)), func(t *testing.T) { forwardOnce(t, box.New(t), flag, sig) })
		}
	})
}

func forwardOnce(t *testing.T, b *box.Box, flag string, sig syscall.Signal) {
	s := play(t, b, b.Command(box.Lastout(t), flag, trap(t, "tells-signals")))
	s.ready()
	s.signal(s.pid(), sig)
	want := []string{strconv.Itoa(int(sig))}
	// A second signal, which comes after whatever the first has caused.
	last := unix.SIGUSR1
	if sig == last {
		last = unix.SIGUSR2
	}
	got := []string{s.lineWithin(soon)}
	s.signal(s.pid(), last)
	for text := ""; text != strconv.Itoa(int(last)); {
		text = s.lineWithin(soon)
		got = append(got, text)
	}
	s.in.Close()
	rest, _ := s.lines.ReadString(0)
	got = append(got, strings.Fields(rest)...)
	if want = append(want, strconv.Itoa(int(last))); !slices.Equal(got, want) {
		t.Errorf("the job was sent %v, want %v", got, want)
	}
	s.end(7)
}

// TestBothAreSignalled is `pkill lastout`: whoever signals all processes of that name means the job once. It guards
// that the keeper neither dies of the signal nor passes it on.
func TestBothAreSignalled(t *testing.T) {
	for _, sig := range []syscall.Signal{unix.SIGTERM, unix.SIGINT, unix.SIGHUP, unix.SIGQUIT, unix.SIGUSR1, unix.SIGUSR2} {
		t.Run(unix.SignalName(sig), func(t *testing.T) {
			b := box.New(t)
			s := play(t, b, b.Command(box.Lastout(t), trap(t, "tells-signals")))
			_, keeper := s.ready()
			s.signal(keeper, sig)
			s.signal(s.pid(), sig)
			s.expect(strconv.Itoa(int(sig)))
			s.in.Close()
			if rest, _ := s.lines.ReadString(0); rest != "" {
				t.Errorf("the job was sent %q more", rest)
			}
			s.end(7)
		})
	}
}

// TestSignalWhileStarting: a TERM that comes while lastout starts ends it, before the job is there or through it. It guards that no
// request is dropped between the first moment in which signals are taken and the one in which there is a job to take them.
func TestSignalWhileStarting(t *testing.T) {
	underBoth(t, func(t *testing.T, b *box.Box, flag string) {
		for i := range 100 {
			cmd := b.Command(box.Lastout(t), flag, "--grace", "300ms", "sleep", "20")
			if err := cmd.Start(); err != nil {
				t.Fatal(err)
			}
			// Not to wait for something, but to come at every moment of the first milliseconds.
			time.Sleep(time.Duration(i%50) * 200 * time.Microsecond)
			if err := cmd.Process.Signal(unix.SIGTERM); err != nil {
				t.Fatal(err)
			}
			late := time.AfterFunc(10*time.Second, b.Kill)
			_ = cmd.Wait() // how it ended is in ProcessState
			if !late.Stop() {
				t.Fatalf("TERM %v after the start was lost", time.Duration(i%50)*200*time.Microsecond)
			}
			b.AssertEmpty()
			if st := cmd.ProcessState.Sys().(syscall.WaitStatus); st.Signal() != unix.SIGTERM {
				t.Fatalf("%s, want signal 15", ended(st))
			}
		}
	})
}

// TestChildrenByExec guards that children which an exec hands to lastout (`server & exec lastout job`) are taken for what they are,
// descendants: reaped while the job runs, and ended with the rest. A net under the keeper alone would miss them.
func TestChildrenByExec(t *testing.T) {
	underBoth(t, func(t *testing.T, b *box.Box, flag string) {
		script := `exec 3<&0
			sleep 60 & (trap '' TERM; setsid sleep 60 & sleep 60) & 
			sh -c 'read line; exit 3' <&3 & echo $!
			exec "$@"`
		fifo := filepath.Join(t.TempDir(), "end")
		if err := unix.Mkfifo(fifo, 0o600); err != nil {
			t.Fatal(err)
		}
		s := play(t, b, b.Command("sh", "-c", script, "sh", box.Lastout(t), flag, "--grace", "300ms", "sh", "-c", "echo up; read line <"+fifo+"; exit 7"))
		pid, err := strconv.Atoi(s.line())
		if err != nil {
			t.Fatal(err)
		}
		s.expect("up")
		if _, err := s.in.WriteString("\n"); err != nil {
			t.Fatal(err)
		}
		for end := time.Now().Add(patience); processState(pid) != ""; time.Sleep(time.Millisecond) {
			if time.Now().After(end) {
				t.Fatalf("a child by exec has exited, and is in state %s: not reaped while the job runs", processState(pid))
			}
		}
		if err := os.WriteFile(fifo, []byte("\n"), 0); err != nil {
			t.Fatal(err)
		}
		s.end(7)
	})
}

// TestLastGoodbyes guards what comes after TERM. A process that is stopped handles it only when CONT follows; one
// that is named ") Z 1 (", or whose first thread has exited, is no zombie, whatever a hasty look at its state says.
func TestLastGoodbyes(t *testing.T) {
	for _, how := range []string{"stopped", "parenthesis", "first-thread"} {
		t.Run(how, func(t *testing.T) {
			underBoth(t, func(t *testing.T, b *box.Box, flag string) {
				out := box.Run(t, b, b.Command(box.Lastout(t), flag, "--grace", "25s", trap(t, "handles-late"), how), patience)
				if out.Status != 7 || out.Stdout != "handled\n" || !strings.Contains(out.Stderr, "ended by TERM") {
					t.Errorf("status %d, stdout %q, stderr %q", out.Status, out.Stdout, out.Stderr)
				}
			})
		})
	}
}

// TestStoppedJobHandlesForwarded guards the same for a TERM that is forwarded: CONT follows it where the job is stopped.
func TestStoppedJobHandlesForwarded(t *testing.T) {
	underBoth(t, func(t *testing.T, b *box.Box, flag string) {
		s := play(t, b, b.Command(box.Lastout(t), flag, "sh", "-c", "trap 'echo handled; exit 7' TERM; echo ready $$ $PPID; while :; do read line; done"))
		leader, _ := s.ready()
		stop(t, map[string]int{"leader": leader}, "leader")
		s.signal(s.pid(), unix.SIGTERM)
		s.expect("handled")
		s.end(7)
	})
}

// TestClosedPipeForStderr guards against lastout's own SIGPIPE: it must not kill lastout, nor be taken for one that somebody has sent
// and be forwarded to the job. A file of the Go library raises it for descriptors 1 and 2, whatever the thread's mask is.
func TestClosedPipeForStderr(t *testing.T) {
	underBoth(t, func(t *testing.T, b *box.Box, flag string) {
		r, w, err := os.Pipe()
		if err != nil {
			t.Fatal(err)
		}
		r.Close()
		cmd := b.Command(box.Lastout(t), flag, "-vv", "--grace", "300ms", trap(t, "tells-signals"))
		cmd.Stderr = w
		s := play(t, b, cmd)
		w.Close()
		s.ready()
		for range 3 { // each is worth a message
			s.signal(s.pid(), unix.SIGUSR1)
			if got := s.line(); got != "10" {
				t.Fatalf("the job was sent %s, want 10", got)
			}
		}
		s.in.Close()
		if rest, _ := s.lines.ReadString(0); rest != "" {
			t.Errorf("the job was sent %q as well", rest)
		}
		s.end(7)
	})
}

// TestReportIntoClosedPipe: the report of leftovers, too, when nobody reads it.
func TestReportIntoClosedPipe(t *testing.T) {
	underBoth(t, func(t *testing.T, b *box.Box, flag string) {
		r, w, err := os.Pipe()
		if err != nil {
			t.Fatal(err)
		}
		r.Close()
		cmd := b.Command(box.Lastout(t), flag, "--grace", "300ms", trap(t, "grove"))
		cmd.Stderr = w
		s := play(t, b, cmd)
		w.Close()
		s.ready()
		s.in.Close()
		s.end(7)
	})
}

// TestIdleCostsNothing (G6): while a job runs and nothing happens, neither runner nor keeper is scheduled once: no timer, no polling.
func TestIdleCostsNothing(t *testing.T) {
	interval := 3 * time.Second
	if os.Getenv("LASTOUT_LONG") == "1" {
		interval = 150 * time.Second // the Go runtime has periods of one and two minutes
	}
	t.Setenv("HOSTILE_SECONDS", "200")
	underBoth(t, func(t *testing.T, b *box.Box, flag string) {
		s := play(t, b, b.Command(box.Lastout(t), flag, trap(t, "tells-signals")))
		_, parent := s.ready()
		pids := slices.Compact([]int{s.pid(), parent})
		if n := idleSwitches(pids, interval); n > 2 {
			t.Errorf("%d context switches in %v of idleness, want none", n, interval)
		} else {
			t.Logf("%d context switches in %v", n, interval)
		}
		s.in.Close()
		s.end(7)
	})
}

// idleSwitches returns how often processes are scheduled in an interval. Idleness is a duration: start-up settles, and then nothing
// happens for a while.
func idleSwitches(pids []int, interval time.Duration) int {
	settled := switches(pids)
	for end := time.Now().Add(patience); time.Now().Before(end); {
		time.Sleep(500 * time.Millisecond)
		now := switches(pids)
		if now == settled {
			break
		}
		settled = now
	}
	time.Sleep(interval)
	return switches(pids) - settled
}

// switches returns the number of context switches of all threads of some processes.
func switches(pids []int) (n int) {
	for _, pid := range pids {
		tasks, _ := filepath.Glob(fmt.Sprintf("/proc/%d/task/*/status", pid))
		for _, task := range tasks {
			for _, field := range []string{"voluntary_ctxt_switches", "nonvoluntary_ctxt_switches"} {
				v, _ := strconv.Atoi(statusField(task, field))
				n += v
			}
		}
	}
	return n
}

// TestTrapsAreUsed fails for a program in testdata/traps that no test mentions.
func TestTrapsAreUsed(t *testing.T) {
	var tests strings.Builder
	for _, name := range []string{"traps_test.go", "death_test.go", "faults_test.go"} {
		text, err := os.ReadFile(name)
		if err != nil {
			t.Fatal(err)
		}
		tests.Write(text)
	}
	files, err := filepath.Glob(filepath.Join("..", "..", "testdata", "traps", "*.c"))
	if err != nil || len(files) == 0 {
		t.Fatalf("no programs in testdata/traps: %v", err)
	}
	for _, file := range files {
		if name := strings.TrimSuffix(filepath.Base(file), ".c"); !strings.Contains(tests.String(), strconv.Quote(name)) {
			t.Errorf("no test for %s", file)
		}
	}
}
