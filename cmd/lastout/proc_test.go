//go:build linux

package main_test

import (
	"os"
	"os/exec"
	"slices"
	"strconv"
	"strings"
	"testing"

	"golang.org/x/sys/unix"

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
	return noInput(b.Command("unshare", slices.Concat([]string{"--mount", "sh", "-c", preparation +
		` && exec "$@"`, "sh"}, argv)...))
}

// TestWithoutProc: the promise needs no /proc. What does is said in a line.
func TestWithoutProc(t *testing.T) {
	t.Parallel()
	for keeper, preparation := range map[string]string{"auto": "umount -l /proc", "off": "mount -t tmpfs none /proc"} {
		t.Run("keeper="+keeper, func(t *testing.T) {
			b := box.New(t, box.PidsCap(600))
			out := box.Run(t, b, unshared(t, b, preparation, box.Lastout(t), "--keeper", keeper, "--grace",
				"300ms", trap(t, "grove")), patience)
			checkGrove(t, out)
			if lineWith(out.Stderr, "lastout: ", "/proc") == "" {
				t.Errorf("stderr %q does not say what is lost", out.Stderr)
			}
		})
	}
}

// TestProcOfAnotherNamespace: below `unshare --pid` without --mount-proc the numbers in /proc are
// others than those that kill(2) takes. To signal by them would reach strangers, or nobody.
func TestProcOfAnotherNamespace(t *testing.T) {
	t.Parallel()
	needRoot(t)
	b := box.New(t, box.PidsCap(600))
	argv := []string{"--pid", "--fork", "--kill-child", trap(t, "first-process"), box.Lastout(t), "--grace",
		"300ms", trap(t, "grove")}
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
			argv := slices.Concat([]string{"--pid", "--fork", "--kill-child"}, flags,
				[]string{box.Lastout(t), "--grace", "300ms", trap(t, "grove")})
			checkGrove(t, box.Run(t, b, noInput(b.Command("unshare", argv...)), patience))
		})
	}
}

const hidepid = "mount -t proc -o hidepid=2 proc /proc"

// TestHiddenProcesses: /proc may hide what other users run (hidepid=2, proc(5)).
func TestHiddenProcesses(t *testing.T) {
	t.Parallel()
	underBoth(t, func(t *testing.T, b *box.Box, flag string) {
		argv := []string{trap(t, "starts-with"), "uid", somebody, "--", box.Lastout(t), flag, "--grace",
			"300ms", trap(t, "grove")}
		checkGrove(t, box.Run(t, b, unshared(t, b, hidepid, argv...), patience))
	})
}

// TestProcMountedOver: a job that is root mounts lies over /proc, which name a stranger, and kills
// the worker. The guardian hits the job's processes, and not the stranger.
func TestProcMountedOver(t *testing.T) {
	if os.Geteuid() != 0 {
		t.Skip("needs root, to mount")
	}
	const tree = `lie=$(mktemp -d); mount -t tmpfs lies $lie
		mkdir -p $lie/$guardian/task/$guardian $lie/$worker/task/$worker $lie/$stranger/task/$stranger
		ln -s $guardian $lie/self; ln -s $guardian/task/$guardian $lie/thread-self
		echo "$stranger " >$lie/$guardian/task/$guardian/children
		: >$lie/$stranger/task/$stranger/children
		echo "$stranger (sleep) S $guardian $stranger $stranger 0 -1 0 0" >$lie/$stranger/stat
		echo "$guardian (lastout) S 1 $guardian $guardian 0 -1 0 0" >$lie/$guardian/stat
		`
	for name, mounts := range map[string]string{
		"files": `for f in $guardian/task/$guardian/children $stranger/stat $stranger/task/$stranger/children; do
			mount --bind $lie/$f /proc/$f || exit 9
		done`,
		"all of it": `mount --bind $lie /proc`,
	} {
		t.Run(name, func(t *testing.T) {
			b, outside := box.New(t, box.PidsCap(600)), box.New(t)
			stranger := play(t, outside, outside.Command("sh", "-c", `echo ready; exec sleep 300`))
			stranger.expect("ready")
			job := `worker=$PPID; read state guardian <<-end
				$(sed -n 's/^PPid:/x/p' /proc/$PPID/status)
				end
				stranger=$1; ` + tree + mounts + `
				setsid sleep 300 & sleep 300 &
				echo mounted; read line; kill -9 $worker; sleep 300`
			s := play(t, b, b.Command("unshare", "--mount", "--propagation=private", box.Lastout(t), "sh", "-c",
				job, "sh", strconv.Itoa(stranger.pid())))
			s.expect("mounted")
			s.in.Close()
			s.end(125)
			b.AssertEmpty()
			if err := unix.Kill(stranger.pid(), 0); err != nil {
				t.Errorf("the stranger: %v", err)
			}
			stranger.signal(stranger.pid(), unix.SIGTERM)
			stranger.endOf(unix.SIGTERM)
			outside.AssertEmpty()
		})
	}
}
