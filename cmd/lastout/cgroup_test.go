//go:build linux

package main_test

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"testing"

	"golang.org/x/sys/unix"

	"lastout/jobs/cgroup"
	"lastout/testdata/box"
)

// needCgroup skips a test where no cgroup can be made, and returns where the hierarchy is mounted.
func needCgroup(t testing.TB) string {
	t.Helper()
	dir, err := cgroup.Make(syscall.ForkExec)
	if err != nil {
		lacking(t, "no cgroup v2 of our own: %v", err)
	}
	defer dir.Remove()
	own, err := cgroup.Own("")
	if err != nil {
		t.Fatal(err)
	}
	return own.Top
}

// checkRemoved asserts that the cgroup of a job, whose path it printed, is none of the caller's and
// is gone.
func checkRemoved(t *testing.T, mount, path string) {
	t.Helper()
	path = strings.TrimSpace(path)
	if !strings.HasPrefix(filepath.Base(path), cgroup.Prefix) || strings.Count(path, "/"+cgroup.Prefix) < 1 {
		t.Errorf("the job was in the cgroup %q", path)
	}
	if _, err := os.Stat(filepath.Join(mount, path)); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("%s: %v; want it gone", path, err)
	}
}

// printCgroup is what a job prints its cgroup with.
const printCgroup = `sed -n s/^0:://p /proc/self/cgroup; `

// TestCgroup: the job is in a cgroup of its own, below the caller's, from its first moment; it is
// removed, with those that the job has made below it.
func TestCgroup(t *testing.T) {
	mount := needCgroup(t)
	for name, c := range map[string]struct {
		script string
		status int
	}{
		"leader alone": {"exit 3", 3},
		"leftovers":    {"sleep 300 & setsid sleep 300 & exit 3", 3},
		"cgroups below": {`here=` + mount + `$(sed -n s/^0:://p /proc/self/cgroup); mkdir -p $here/a/b $here/c
			sleep 300 & echo $! >$here/a/b/cgroup.procs; setsid sleep 300 & echo $! >$here/c/cgroup.procs; exit 3`, 3},
		"not executed": {"exec /proc/no-such", 127},
	} {
		t.Run(name, func(t *testing.T) {
			underBoth(t, func(t *testing.T, b *box.Box, flag string) {
				cmd := noInput(b.Command(box.Lastout(t), flag, "-q", "-g", "0", "--cgroup", "require", "sh",
					"-c", printCgroup+c.script))
				out := box.Run(t, b, cmd, patience)
				if out.Status != c.status {
					t.Errorf("status %d, want %d; stderr %q", out.Status, c.status, out.Stderr)
				}
				checkRemoved(t, mount, out.Stdout)
			})
		})
	}
}

// TestCgroupIsNotMadeUnasked: without the flag the job is where its caller is.
func TestCgroupIsNotMadeUnasked(t *testing.T) {
	b := box.New(t)
	outside := box.Run(t, b, b.Command("sh", "-c", printCgroup), patience)
	inside := box.Run(t, b, b.Command(box.Lastout(t), "sh", "-c", printCgroup), patience)
	if inside.Stdout != outside.Stdout {
		t.Errorf("the job is in %q, its caller in %q", inside.Stdout, outside.Stdout)
	}
}

// TestCgroupReport: leftovers that cgroup.kill ended are reported like others.
func TestCgroupReport(t *testing.T) {
	needCgroup(t)
	b := box.New(t)
	out := box.Run(t, b, b.Command(box.Lastout(t), "-g", "0", "--cgroup=require", "sh", "-c",
		"sleep 300 & setsid sleep 300 & :"), patience)
	if out.Status != 0 || strings.Count(out.Stderr, "ended by KILL") != 2 {
		t.Errorf("status %d, stderr %q", out.Status, out.Stderr)
	}
}

// TestCgroupLacking: where there is no hierarchy, or none to write to, auto does without and
// require does not begin.
func TestCgroupLacking(t *testing.T) {
	mount := needCgroup(t)
	for _, preparation := range []string{"umount -l " + mount, "mount -o remount,bind,ro " + mount,
		"umount -l /proc", "mount -t tmpfs none /sys/fs"} {
		t.Run(preparation, func(t *testing.T) {
			underBoth(t, func(t *testing.T, b *box.Box, flag string) {
				lastout := []string{box.Lastout(t), flag, "-q"}
				out := box.Run(t, b, unshared(t, b, preparation,
					slices.Concat(lastout, []string{"--cgroup=auto", "sh", "-c", "echo ran; sleep 300 &"})...),
					patience)
				if out.Status != 0 || out.Stdout != "ran\n" || strings.Contains(out.Stderr, "cgroup") {
					t.Errorf("auto: status %d, stdout %q, stderr %q", out.Status, out.Stdout, out.Stderr)
				}
				out = box.Run(t, b, unshared(t, b, preparation,
					slices.Concat(lastout, []string{"--cgroup=require", "echo", "ran"})...), patience)
				if out.Status != 125 || out.Stdout != "" ||
					lineWith(out.Stderr, "lastout: no cgroup can be made for the command: ") == "" {
					t.Errorf("require: status %d, stdout %q, stderr %q", out.Status, out.Stdout, out.Stderr)
				}
			})
		})
	}
}

// TestCgroupNotOurs: somebody to whom no cgroup has been delegated; and root, where a child cannot
// be started in one, as with docker's seccomp filter. The directory that was made to see that is
// removed.
func TestCgroupNotOurs(t *testing.T) {
	needRoot(t)
	underBoth(t, func(t *testing.T, b *box.Box, flag string) {
		for _, c := range []struct {
			what, value, mode string
			want              int
		}{
			{"uid", somebody, "auto", 7},
			{"uid", somebody, "require", 125},
			{"lacks", strconv.Itoa(unix.SYS_CLONE3), "auto", 7},
			{"lacks", strconv.Itoa(unix.SYS_CLONE3), "require", 125},
		} {
			argv := []string{trap(t, "starts-with"), c.what, c.value, "--", box.Lastout(t), flag, "--cgroup",
				c.mode, "sh", "-c", `
				mount=$(sed -n 's/.* \([^ ]*\) [^ ]* - cgroup2 .*/\1/p' /proc/self/mountinfo | head -n 1)
				find "$mount$(sed -n s/^0:://p /proc/self/cgroup)" -mindepth 1 -maxdepth 1 -name "lastout-[0-9]*-*"; exit 7`}
			if out := box.Run(t, b, noInput(b.Command(argv[0], argv[1:]...)), patience); out.Status != c.want ||
				out.Stdout != "" {
				t.Errorf("%v: status %d; stdout %q, stderr %q", c, out.Status, out.Stdout, out.Stderr)
			}
		}
	})
}

// TestCgroupKilled (G2): whoever of lastout survives removes the directory.
func TestCgroupKilled(t *testing.T) {
	mount := needCgroup(t)
	for _, victim := range []string{"runner", "worker"} {
		t.Run(victim, func(t *testing.T) {
			adoptOrphans(t)
			b := box.New(t, box.PidsCap(600))
			s := play(t, b, b.Command(box.Lastout(t), "--cgroup", "require", "--grace", "100ms", trap(t, "grove")))
			leader, worker := s.ready()
			data, err := os.ReadFile(fmt.Sprintf("/proc/%d/cgroup", leader))
			if err != nil {
				t.Fatal(err)
			}
			path := cgroup.ParseMembership(string(data))[""]
			s.signal(map[string]int{"runner": s.pid(), "worker": worker}[victim], unix.SIGKILL)
			if s.wait(); victim == "runner" {
				awaitExit(worker, patience)
			}
			checkRemoved(t, mount, path)
			emptyWithin(t, b, soon, s.pid())
		})
	}
}

// TestCgroupNested: lastout below lastout, each with a cgroup; the inner one is killed.
func TestCgroupNested(t *testing.T) {
	mount := needCgroup(t)
	b := box.New(t, box.PidsCap(600))
	inner := printCgroup + `sleep 300 & setsid sleep 300 & kill -KILL $PPID; sleep 300`
	out := box.Run(t, b, noInput(b.Command(box.Lastout(t), "-q", "-g", "0", "--cgroup=require", box.Lastout(t),
		"-q", "-g", "0", "--cgroup=require", "sh", "-c", inner)), patience)
	if out.Status != 125 {
		t.Errorf("status %d, stderr %q", out.Status, out.Stderr)
	}
	checkRemoved(t, mount, out.Stdout)
	checkRemoved(t, mount, filepath.Dir(strings.TrimSpace(out.Stdout)))
}

// TestCgroupUntouchable: the kernel asks no permission of who may write to cgroup.kill, so that a
// set-user-ID program is ended by somebody to whom the cgroup was delegated, and who may not signal
// it.
func TestCgroupUntouchable(t *testing.T) {
	mount := needCgroup(t)
	underBoth(t, func(t *testing.T, b *box.Box, flag string) {
		delegate := `d=` + mount + `$(sed -n s/^0:://p /proc/self/cgroup)/theirs
			mkdir $d && chown ` + somebody + ` $d $d/cgroup.procs && echo $$ >$d/cgroup.procs && exec "$@"`
		argv := []string{"-c", delegate, "sh", trap(t, "starts-with"), "uid", somebody, "--", box.Lastout(t),
			flag, "-g", "300ms", "--cgroup", "require",
			"sh", "-c", `"$0" & read line; exit 3`, untouchable(t)}
		s := play(t, b, b.Command("sh", argv...))
		pid, _ := s.ready()
		t.Cleanup(func() { _ = unix.Kill(pid, unix.SIGKILL) })
		s.in.Close()
		if s.end(3); lineWith(s.said(), strconv.Itoa(pid), "ended by KILL") == "" ||
			strings.Contains(s.said(), "cannot end") {
			t.Errorf("stderr %q; want a line for %d", s.said(), pid)
		}
	})
}

// TestCgroupHostile: what tries to outlive the passes, and the one that is frozen.
func TestCgroupHostile(t *testing.T) {
	needCgroup(t)
	for _, h := range hostiles {
		bomb := h.pidsLimit == 60
		if !bomb && h.helper != "frozen-cgroup" && h.helper != "generations" {
			continue
		}
		t.Run(h.name(), func(t *testing.T) {
			b := h.box(t)
			out := box.Run(t, b, h.command(t, b, append(h.runner(t), "--cgroup=require")...), patience)
			if out.Status == trickCannot && h.mayLack {
				t.Skipf("not possible here: %s", firstLine(out.Stderr))
			}
			h.checkEnd(t, out)
		})
	}
}
