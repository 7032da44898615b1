package jobs_test

import (
	"context"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"lastout/jobs"
	"lastout/jobs/cgroup"
)

// TestCgroup: each job of a runner has a cgroup of its own, and none is left.
func TestCgroup(t *testing.T) {
	dir, err := cgroup.Make(syscall.ForkExec)
	if err != nil {
		t.Skipf("no cgroup of our own: %v", err)
	}
	defer dir.Remove()
	both(t, func(t *testing.T, r *jobs.Runner) {
		seen := make(map[string]bool)
		for range 2 {
			var out strings.Builder
			result := run(t, r, jobs.Job{
				Args:   sh("sed -n s/^0:://p /proc/self/cgroup; setsid sleep 60 & sleep 60 &"),
				Stdout: &out, Grace: -1, Cgroup: jobs.CgroupRequire,
			})
			name := filepath.Base(strings.TrimSpace(out.String()))
			if !strings.HasPrefix(name, cgroup.Prefix) || seen[name] {
				t.Errorf("the job was in %q", out.String())
			}
			seen[name] = true
			for _, l := range result.Leftovers {
				if l.End != jobs.ByKill {
					t.Errorf("%s ended %s", l.Cmdline, l.End)
				}
			}
			if _, err := os.Stat(filepath.Join(dir.Parent(), name)); len(result.Leftovers) != 2 ||
				!errors.Is(err, fs.ErrNotExist) {
				t.Errorf("%d leftovers; the directory: %v", len(result.Leftovers), err)
			}
		}
	})
}

func TestCgroupMode(t *testing.T) {
	r := runner(t, jobs.Options{})
	if _, err := r.Run(context.Background(), jobs.Job{Args: sh("exit"), Cgroup: jobs.CgroupRequire + 1}); err == nil {
		t.Error("a mode that does not exist is taken")
	}
}
