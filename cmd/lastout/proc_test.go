//go:build linux

package main_test

import (
	"os/exec"
	"slices"
	"strings"
	"testing"

	"lastout/testdata/box"
)

// unshared returns a command in a mount namespace of its own, after some preparation.
func unshared(t *testing.T, b *box.Box, preparation string, argv ...string) *exec.Cmd {
	t.Helper()
	needRoot(t)
	if _, err := exec.LookPath("unshare"); err != nil {
		lacking(t, "%v", err)
	}
	if err := exec.Command("unshare", "--mount", "sh", "-c", preparation).Run(); err != nil {
		lacking(t, "%s: %v", preparation, err)
	}
	return noInput(b.Command("unshare", slices.Concat([]string{"--mount", "sh", "-c", preparation + ` && exec "$@"`, "sh"}, argv)...))
}

// TestWithoutProc: the promise needs no /proc. What does is said in a line.
func TestWithoutProc(t *testing.T) {
	t.Parallel()
	for keeper, preparation := range map[string]string{"auto": "umount -l /proc", "off": "mount -t tmpfs none /proc"} {
		t.Run("keeper="+keeper, func(t *testing.T) {
			b := box.New(t, box.PidsCap(600))
			out := box.Run(t, b, unshared(t, b, preparation, box.Lastout(t), "--keeper", keeper, "--grace", "300ms", trap(t, "grove")), patience)
			checkGrove(t, out)
			if lineWith(out.Stderr, "lastout: ", "/proc") == "" {
				t.Errorf("stderr %q does not say what is lost", out.Stderr)
			}
		})
	}
}

// TestProcOfAnotherNamespace: below `unshare --pid` without --mount-proc the numbers in /proc are others than those that kill(2) takes.
// To signal by them would reach strangers, or nobody.
func TestProcOfAnotherNamespace(t *testing.T) {
	t.Parallel()
	needRoot(t)
	b := box.New(t, box.PidsCap(600))
	argv := []string{"--pid", "--fork", "--kill-child", trap(t, "first-process"), box.Lastout(t), "--grace", "300ms", trap(t, "grove")}
	out := box.Run(t, b, noInput(b.Command("unshare", argv...)), patience)
	checkGrove(t, out)
	if lineWith(out.Stdout, "alone") != "alone" {
		t.Errorf("when lastout has returned, there are others; stdout %q, stderr %q", out.Stdout, out.Stderr)
	}
	if lineWith(out.Stderr, "lastout: ", "/proc") == "" {
		t.Errorf("stderr %q does not say what is lost", out.Stderr)
	}
}

// TestFirstProcess: as the first process of a PID namespace, with its own /proc and with another's.
func TestFirstProcess(t *testing.T) {
	t.Parallel()
	needRoot(t)
	for _, flags := range [][]string{nil, {"--mount-proc"}} {
		t.Run(strings.Join(flags, " "), func(t *testing.T) {
			b := box.New(t, box.PidsCap(600))
			argv := slices.Concat([]string{"--pid", "--fork", "--kill-child"}, flags, []string{box.Lastout(t), "--grace", "300ms", trap(t, "grove")})
			checkGrove(t, box.Run(t, b, noInput(b.Command("unshare", argv...)), patience))
		})
	}
}

const hidepid = "mount -t proc -o hidepid=2 proc /proc"

// TestHiddenProcesses: /proc may hide what other users run (hidepid=2, proc(5)).
func TestHiddenProcesses(t *testing.T) {
	t.Parallel()
	underBoth(t, func(t *testing.T, b *box.Box, flag string) {
		argv := []string{trap(t, "starts-with"), "uid", somebody, "--", box.Lastout(t), flag, "--grace", "300ms", trap(t, "grove")}
		checkGrove(t, box.Run(t, b, unshared(t, b, hidepid, argv...), patience))
	})
}
