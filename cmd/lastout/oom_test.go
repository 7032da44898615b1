//go:build linux

package main_test

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"lastout/testdata/box"

	"golang.org/x/sys/unix"
)

// TestOutOfMemory: the job takes more memory than its cgroup has. With -v, lastout says what the
// kernel has done about that, which it counts; the process that takes the memory is the job, or a
// child of the shell that is.
func TestOutOfMemory(t *testing.T) {
	for _, c := range []struct{ name, job string }{{"the command", `exec "$0"`}, {"a child of a shell", `"$0"; exit`}} {
		t.Run(c.name, func(t *testing.T) {
			b := box.New(t)
			dir := legacyCgroup(t, "memory")
			if err := os.WriteFile(filepath.Join(dir, "memory.limit_in_bytes"), []byte("64M"), 0); err != nil {
				lacking(t, "%v", err)
			}
			script := `echo 0 >"$0"/cgroup.procs && exec "$@"`
			out := box.Run(t, b, b.Command("sh", "-c", script, dir, box.Lastout(t), "-v", "--grace", "300ms",
				"sh", "-c", c.job, trap(t, "eats-memory")), patience)
			checkNoTrace(t, out.Stderr)
			if out.Signal != unix.SIGKILL && out.Status != 128+int(unix.SIGKILL) {
				t.Errorf("status %d, signal %v", out.Status, out.Signal)
			}
			if want := "was killed; the out-of-memory killer has struck once in its cgroup (oom_kill in " +
				dir + "/memory.oom_control)"; !strings.Contains(out.Stderr, want) {
				t.Errorf("it does not say %q:\n%s", want, out.Stderr)
			}
		})
	}
}
