//go:build linux

package main_test

import (
	"cmp"
	"flag"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"lastout/testdata/box"
)

// What the leaders of testdata/hostile exit with.
const (
	trickStands = 7
	trickCannot = 77
)

// hanging is a time that no trick takes, however busy the machine is with other bombs.
const hanging = 3 * time.Minute

// hostile is a run of one of the programs in testdata/hostile.
type hostile struct {
	helper string
	arg    string

	pidsLimit int            // for a bomb, which does not run without
	pidsCap   int            // for the others, default 600: a safeguard
	grace     string         // default 300ms
	within    time.Duration  // default 5 s
	signal    syscall.Signal // what the leader dies of
	dumps     bool           // that signal dumps core: lastout exits with 128+n instead
	anyEnd    bool           // how lastout itself ends is not the question
	stdout    string
	inherited bool // the helper executes lastout, not the other way round
	mayLack   bool // the machine may not allow the trick
	exact     bool // a marker in the environment would not show it
	lastout   bool // about lastout's own processes, so that no peer is asked
}

var hostiles = []hostile{
	{helper: "double-forked-daemon"},
	{helper: "ignores-term"},
	{helper: "ignores-every-signal"},
	{helper: "blocks-every-signal"},
	{helper: "ignores-hup"},
	{helper: "stopped-daemon"},
	{helper: "stopped-ignores-term"},
	{helper: "stops-siblings"},
	{helper: "generations"},
	{helper: "thousand-stubborn", pidsCap: 1200},
	{helper: "deep-and-wide"},
	{helper: "nested-subreaper"},
	{helper: "subreaper-leader"},
	{helper: "hopping-chains"},
	{helper: "lone-process-groups"},
	{helper: "wandering-process-group"},
	{helper: "vfork-chain"},
	{helper: "exec-chain"},
	{helper: "clone-vm-chain"},
	{helper: "vfork-sleeper"},
	{helper: "fork-bomb", pidsLimit: 60},
	{helper: "fork-bomb", pidsLimit: 400},
	{helper: "setsid-bomb", pidsLimit: 60},
	{helper: "setsid-bomb", pidsLimit: 400},
	{helper: "stubborn-respawn-bomb", pidsLimit: 60},
	{helper: "stubborn-respawn-bomb", pidsLimit: 400},
	{helper: "exec-bomb", pidsLimit: 60},
	{helper: "exec-bomb", pidsLimit: 400},
	{helper: "thread-bomb", pidsLimit: 60},
	{helper: "thread-bomb", pidsLimit: 400},
	{helper: "clone-parent-siblings", mayLack: true}, // the first process of a PID namespace may not
	{helper: "clone-parent-chain"},
	{helper: "no-exit-signal"},
	{helper: "shared-handlers"},
	{helper: "dead-thread-group-leader"},
	{helper: "leader-first-thread-exits"},
	{helper: "forking-threads"},
	{helper: "thread-exec"},
	{helper: "parenthesis-name"},
	{helper: "newline-name"},
	{helper: "kernel-thread-look"},
	{helper: "blank-daemon", exact: true},
	{helper: "revive-pair"},
	{helper: "revive-three"},
	{helper: "supervisor"},
	{helper: "orphan-factory"},
	{helper: "born-late"},
	{helper: "term-handler-forks"},
	{helper: "phoenix"},
	{helper: "graceful", grace: "20s", stdout: "finished\n"},
	{helper: "leader-dies-of-signal", arg: "9", signal: syscall.SIGKILL},
	{helper: "leader-dies-of-signal", arg: "10", signal: syscall.SIGUSR1},
	{helper: "leader-dies-of-signal", arg: "11", signal: syscall.SIGSEGV, dumps: true},
	{helper: "kills-its-group", signal: syscall.SIGKILL},
	{helper: "kills-its-keeper", anyEnd: true, lastout: true},
	{helper: "kills-its-keeper", arg: "alone", anyEnd: true, lastout: true},
	{helper: "signals-its-keeper", lastout: true},
	{helper: "ptraced", mayLack: true},
	{helper: "ptrace-ring", mayLack: true},
	{helper: "tracer-leader", mayLack: true},
	{helper: "pid-namespace", mayLack: true},
	{helper: "own-namespaces", mayLack: true},
	{helper: "other-user", mayLack: true, exact: true},
	{helper: "frozen-cgroup", mayLack: true},
	{helper: "hoards-zombies"},
	{helper: "ignores-sigchld"},
	{helper: "holds-stdout"},
	{helper: "nice-sleepers"},
	{helper: "spinning-sessions"},
	{helper: "own-terminal", mayLack: true},
	{helper: "reads-nothing"},
	{helper: "burns-a-processor"},
	{helper: "each-others-pipe"},
	{helper: "reader-forks-at-every-line", grace: "20s", within: 20 * time.Second, stdout: "500\n"},
	{helper: "thousand-readers", pidsCap: 1200, grace: "20s", within: 20 * time.Second, stdout: "1000\n"},
	{helper: "pipe-bomb", pidsLimit: 60},
	{helper: "pipe-bomb", pidsLimit: 400},
	{helper: "inherited-children", inherited: true},
	{helper: "inherited-no-exit-signal", inherited: true},
	{helper: "inherited-zombies", inherited: true},
}

func (h hostile) name() string {
	name := h.helper
	if h.arg != "" {
		name += " " + h.arg
	}
	if h.pidsLimit > 0 {
		name += fmt.Sprintf(" at a limit of %d", h.pidsLimit)
	}
	return name
}

func (h hostile) bound() time.Duration {
	switch {
	case h.within > 0:
		return h.within
	case h.pidsLimit > 0:
		return 10 * time.Second
	}
	return 5 * time.Second
}

// box returns a box as the trick needs it.
func (h hostile) box(t testing.TB) *box.Box {
	t.Helper()
	limit := box.PidsCap(600)
	if h.pidsLimit > 0 {
		limit = box.PidsLimit(h.pidsLimit)
	} else if h.pidsCap > 0 {
		limit = box.PidsCap(h.pidsCap)
	}
	b := box.New(t, limit)
	if h.exact && !b.Exact() {
		t.Skip("no cgroup can be made here, and a marker in the environment would not show this one")
	}
	return b
}

// runner returns the command line of lastout, up to the trick.
func (h hostile) runner(t testing.TB) []string {
	t.Helper()
	return []string{box.Lastout(t), "--grace", cmp.Or(h.grace, "300ms")}
}

// command returns the trick below a runner, given as its argument vector.
func (h hostile) command(t testing.TB, b *box.Box, runner ...string) *exec.Cmd {
	t.Helper()
	trick := []string{box.Helper(t, h.helper)}
	if h.arg != "" {
		trick = append(trick, h.arg)
	}
	argv := slices.Concat(runner, trick)
	if h.inherited {
		argv = slices.Concat(trick, runner, []string{"sh", "-c", fmt.Sprintf("exit %d", trickStands)})
	}
	cmd := b.Command(argv[0], argv[1:]...)
	// Away from the test's own process group, which some of them signal by
	// way of a runner that has made them no group of their own.
	cmd.SysProcAttr.Setsid = true
	return cmd
}

// TestHostile runs each trick below lastout: the box must be empty the moment
// lastout returns, the status be the leader's, and the time be bounded, from
// when the trick stood.
func TestHostile(t *testing.T) {
	for _, h := range hostiles {
		t.Run(h.name(), func(t *testing.T) { h.run(t, h.runner(t)...) })
	}
}

// pidNamespace is what makes a command PID 1.
var pidNamespace = []string{"unshare", "--pid", "--fork", "--kill-child", "--mount-proc"}

// TestBombsWithoutKeeper: where there is one process of lastout, it does the work of both while the
// bomb is at its pids limit, with the threads that it has. As PID 1 nobody can outlive it, but the
// status could be lost.
func TestBombsWithoutKeeper(t *testing.T) {
	for name, form := range map[string]func(runner []string) []string{
		"keeper off": func(runner []string) []string { return append(runner, "--keeper=off") },
		"PID 1":      func(runner []string) []string { return slices.Concat(pidNamespace, runner) },
		"PID 1, no new privileges": func(runner []string) []string {
			return slices.Concat(pidNamespace, runner, []string{"--no-new-privs"})
		},
	} {
		for _, helper := range []string{"fork-bomb", "setsid-bomb", "thread-bomb"} {
			h := hostile{helper: helper, pidsLimit: 400}
			t.Run(name+", "+h.name(), func(t *testing.T) {
				if strings.HasPrefix(name, "PID 1") && os.Geteuid() != 0 {
					t.Skip("making a PID namespace takes root")
				}
				h.run(t, form(h.runner(t))...)
			})
		}
	}
}

// TestBombsWithoutProc: those that bombs leave are found by their numbers. (The bomb finds its
// limit in a /proc that shows other numbers.)
func TestBombsWithoutProc(t *testing.T) {
	needRoot(t)
	for _, helper := range []string{"fork-bomb", "exec-bomb", "thread-bomb"} {
		h := hostile{helper: helper, pidsLimit: 400, within: 45 * time.Second, stdout: "alone\n"}
		t.Run(h.name(), func(t *testing.T) {
			h.run(t, slices.Concat([]string{"unshare", "--pid", "--fork", "--kill-child",
				trap(t, "first-process")}, h.runner(t))...)
		})
	}
}

func (h hostile) run(t *testing.T, runner ...string) {
	b := h.box(t)
	cmd := h.command(t, b, runner...)
	stands := filepath.Join(t.TempDir(), "stands")
	cmd.Env = append(cmd.Env, "HOSTILE_STANDS="+stands)
	start := time.Now()
	out := box.Run(t, b, cmd, hanging) // asserts the empty box
	if out.Status == trickCannot && h.mayLack {
		t.Skipf("not possible here: %s", firstLine(out.Stderr))
	}
	h.checkEnd(t, out)
	took := out.Elapsed
	if made, err := os.Stat(stands); err == nil {
		took = start.Add(out.Elapsed).Sub(made.ModTime())
	}
	if took > h.bound() {
		t.Logf("it took %v, which only a busy machine excuses: %v at most", took, h.bound())
	}
	if t.Failed() {
		t.Logf("stdout %q, stderr %q", out.Stdout, out.Stderr)
	}
}

func (h hostile) checkEnd(t *testing.T, out box.Outcome) {
	t.Helper()
	status, signal := trickStands, h.signal
	switch {
	case h.dumps:
		status, signal = 128+int(h.signal), 0
	case signal != 0:
		status = -1
	}
	if !h.anyEnd && (out.Status != status || out.Signal != signal) {
		t.Errorf("status %d, signal %d (%v), want status %d, signal %d", out.Status, out.Signal, out.Signal,
			status, signal)
	}
	if out.Stdout != h.stdout {
		t.Errorf("stdout %q, want %q", out.Stdout, h.stdout)
	}
}

func firstLine(text string) string {
	line, _, _ := strings.Cut(text, "\n")
	return line
}

// TestHostileHelpersAreUsed fails for a program in testdata/hostile that no
// test runs.
func TestHostileHelpersAreUsed(t *testing.T) {
	files, err := filepath.Glob(filepath.Join("..", "..", "testdata", "hostile", "*.c"))
	if err != nil || len(files) == 0 {
		t.Fatalf("no programs in testdata/hostile: %v", err)
	}
	used := map[string]bool{}
	for _, h := range hostiles {
		used[h.helper] = true
	}
	for _, file := range files {
		if name := strings.TrimSuffix(filepath.Base(file), ".c"); !used[name] {
			t.Errorf("no case for %s", file)
		}
	}
}

var peers = flag.Bool("peers", false, "print how other runners fare with the hostile programs")

// TestPeers prints, with -peers -v, how many of the tricks other programs hold,
// by the same judgement: the box is empty the moment they return, in the same
// time. A process that was on its way out by then is counted apart.
func TestPeers(t *testing.T) {
	if !*peers {
		t.Skip("only with -peers")
	}
	namespace := slices.Clone(pidNamespace)
	if os.Geteuid() != 0 {
		namespace = slices.Insert(namespace, 1, "--user", "--map-root-user")
	}
	for _, peer := range [][]string{
		{"env"}, // nobody looks after them
		{"timeout", "60"},
		{"tini", "-s", "--"},
		{"dumb-init", "--"},
		{"catatonit", "--"},
		namespace,
		{"lastout"}, // for comparison, as TestHostile runs it
	} {
		t.Run(peer[0], func(t *testing.T) {
			if _, err := exec.LookPath(peer[0]); err != nil && peer[0] != "lastout" {
				t.Skip(err)
			}
			tryPeer(t, peer)
		})
	}
}

func tryPeer(t *testing.T, peer []string) {
	cases, tried := map[string][]string{}, 0
	for _, h := range hostiles {
		if h.lastout {
			continue
		}
		t.Run(h.name(), func(t *testing.T) {
			b := h.box(t)
			runner := peer
			if peer[0] == "lastout" {
				runner = h.runner(t)
			}
			out, verdict := box.Try(t, b, h.command(t, b, runner...), h.bound())
			if out.Status == trickCannot {
				t.Skipf("not possible here: %s", firstLine(out.Stderr))
			}
			found := verdict.String()
			if verdict == box.Held && out.Stdout != h.stdout {
				found = "cut short"
			}
			tried++
			cases[found] = append(cases[found], h.name())
			t.Logf("%s: %s, status %d, signal %d, %v, %s", h.name(), found, out.Status, out.Signal, out.Elapsed,
				firstLine(out.Stderr))
		})
	}
	t.Logf("%s holds %d of %d", strings.Join(peer, " "), len(cases[box.Held.String()]), tried)
	for found, names := range cases {
		t.Logf("%s: %d: %s", found, len(names), strings.Join(names, ", "))
	}
}
