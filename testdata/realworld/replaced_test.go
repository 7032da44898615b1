//go:build linux

package realworld

import (
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"

	"lastout/testdata/box"
)

// TestReplaced: what people put before a line of cron, and the flag of lastout in its place, with a
// command that starts a daemon. The daemon sleeps for a few seconds only: a program that waits for
// it does return.
func TestReplaced(t *testing.T) {
	const daemon = `setsid -f sh -c "sleep 3; echo >slept"`
	for _, c := range []struct {
		name         string
		theirs, ours []string
		fault        func(t *testing.T, b *box.Box, dir string, runner []string) string
	}{
		{"flock", []string{"flock", "--nonblock", "lock"}, []string{"--lock", "lock"}, lockIsKept},
		{"chronic", []string{"chronic"}, []string{"--quiet-success"}, daemonIsWaitedFor},
		{"timeout", []string{"timeout", "60"}, []string{"--timeout", "60"}, daemonStays},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			theirs := append([]string{program(t, c.theirs[0])}, c.theirs[1:]...)
			for _, runner := range [][]string{theirs, slices.Concat([]string{box.Lastout(t), "-q"}, c.ours)} {
				b := box.New(t)
				if !b.Exact() {
					t.Skip("without a cgroup, what is left behind on purpose could not be found again")
				}
				fault := c.fault(t, b, scratch(t), append(runner, "sh", "-c", daemon))
				if ours := runner[0] != theirs[0]; ours != (fault == "") {
					t.Errorf("%s: %q", strings.Join(runner, " "), fault)
				}
				end(b)
			}
		})
	}
}

// end ends what was left behind, which is ours to reap: see TestMain.
func end(b *box.Box) {
	b.Kill()
	for _, pid := range b.Procs() {
		_, _ = syscall.Wait4(pid, nil, 0, nil)
	}
}

func start(t *testing.T, b *box.Box, dir string, argv []string) *exec.Cmd {
	t.Helper()
	cmd := b.Command(argv[0], argv[1:]...)
	cmd.Dir = dir
	return cmd
}

// lockIsKept: the daemon has inherited the lock's descriptor, so that the next run is turned away.
func lockIsKept(t *testing.T, b *box.Box, dir string, runner []string) string {
	if err := start(t, b, dir, runner).Run(); err != nil {
		t.Fatal(err)
	}
	if err := start(t, b, dir, runner).Run(); err != nil {
		return "the second run: " + err.Error()
	}
	return ""
}

// daemonIsWaitedFor: the daemon has inherited the pipe, whose end is waited for.
func daemonIsWaitedFor(t *testing.T, b *box.Box, dir string, runner []string) string {
	if err := start(t, b, dir, runner).Run(); err != nil {
		t.Fatal(err)
	}
	if _, err := os.Stat(filepath.Join(dir, "slept")); err == nil {
		return "it has returned when the daemon had ended by itself"
	}
	return ""
}

// daemonStays: it is in a session of its own, and lives on.
func daemonStays(t *testing.T, b *box.Box, dir string, runner []string) string {
	if err := start(t, b, dir, runner).Run(); err != nil {
		t.Fatal(err)
	}
	return strings.Join(describe(b.Procs()), ", ")
}
