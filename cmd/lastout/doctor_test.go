//go:build linux

package main_test

import (
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"golang.org/x/sys/unix"

	"lastout/testdata/box"
)

// TestDoctor: what a machine lacks is found where lastout would miss it, and the status says
// whether any of the promise is lost.
func TestDoctor(t *testing.T) {
	needRoot(t)
	lastout := []string{box.Lastout(t), "--doctor"}
	as := slices.Concat([]string{trap(t, "starts-with"), "uid", somebody, "--"}, lastout)
	for _, c := range []struct {
		name, preparation string
		argv              []string
		status            int
		lines             [][]string
	}{
		{"without /proc", "umount -l /proc", lastout, 1,
			[][]string{{"lost  /proc ", "promise 1"}, {"ok    guardian "}, {"note  cgroup "}}},
		{"another /proc", "mount -t tmpfs none /proc", lastout, 1, [][]string{{"lost  /proc "}, {"ok    guardian "}}},
		{"without cgroups", "mount -t tmpfs none /sys/fs", lastout, 0,
			[][]string{{"note  cgroup ", "--cgroup"}, {"ok    cgroup pids "}}},
		{"hidepid", hidepid, as, 0, [][]string{{"note  /proc ", "hidepid="}}},
		{"somebody", "true", as, 0, [][]string{{"note  cgroup ", "permission denied"},
			{"note  priority ", "CAP_SYS_NICE"}, {"note  signals ", "CAP_KILL"}, {"ok    guardian "}}},
		{"of another namespace", "true", slices.Concat([]string{"unshare", "--pid", "--fork"}, lastout), 1,
			[][]string{{"lost  /proc ", "namespace"}, {"ok    guardian ", "PID 1"}}},
		{"an old kernel", "true", slices.Concat([]string{trap(t, "starts-with"), "lacks",
			fmt.Sprintf("%d,%d", unix.SYS_PIDFD_OPEN, unix.SYS_CLONE3), "--"}, lastout), 1,
			[][]string{{"lost  pidfds ", "promise 1"}, {"note  cgroup ", "not implemented"}, {"note  seccomp "},
				{"ok    guardian "}}},
	} {
		t.Run(c.name, func(t *testing.T) {
			b := box.New(t)
			out := box.Run(t, b, unshared(t, b, c.preparation, c.argv...), patience)
			if out.Status != c.status || out.Stderr != "" || strings.Contains(out.Stdout, "lost  ") != (c.status == 1) {
				t.Errorf("status %d, want %d; stdout %s, stderr %q", out.Status, c.status, out.Stdout, out.Stderr)
			}
			for _, words := range c.lines {
				if lineWith(out.Stdout, words...) == "" {
					t.Errorf("no line with %q in\n%s", words, out.Stdout)
				}
			}
		})
	}
}

// TestDoctorSeesLimits: those of the cgroup that it runs in.
func TestDoctorSeesLimits(t *testing.T) {
	b := box.New(t, box.PidsLimit(123))
	if out := box.Run(t, b, b.Command(box.Lastout(t), "--doctor"), patience); lineWith(out.Stdout, "note  cgroup pids ", "123 threads") == "" {
		t.Errorf("stdout\n%s", out.Stdout)
	}
	dir := legacyCgroup(t, "memory")
	if err := os.WriteFile(filepath.Join(dir, "memory.limit_in_bytes"), []byte("512M"), 0); err != nil {
		lacking(t, "%v", err)
	}
	b = box.New(t)
	out := box.Run(t, b, b.Command("sh", "-c", `echo 0 >"$0"/cgroup.procs && exec "$@"`, dir, box.Lastout(t),
		"--doctor"), patience)
	if lineWith(out.Stdout, "note  cgroup memory ", "512 MiB") == "" {
		t.Errorf("stdout\n%s", out.Stdout)
	}
}
