package jobs_test

import (
	"bytes"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"lastout/jobs"

	"golang.org/x/sys/unix"
)

// TestHold: a file that is held stays open while there is a tree, is not the job's, and is closed
// when Run has returned.
func TestHold(t *testing.T) {
	both(t, func(t *testing.T, r *jobs.Runner) {
		path := filepath.Join(t.TempDir(), "lock")
		for range 2 { // a keeper has more than one job
			lock, err := os.Create(path)
			if err != nil {
				t.Fatal(err)
			}
			if err := unix.Flock(int(lock.Fd()), unix.LOCK_EX); err != nil {
				t.Fatal(err)
			}
			var out bytes.Buffer
			run(t, r, jobs.Job{
				Args:   []string{"sh", "-c", `flock --nonblock "$0" true; echo $?; ls -l /proc/$$/fd | grep -c "$0"`, path},
				Stdout: &out, Hold: []*os.File{lock},
			})
			if got := strings.Fields(out.String()); len(got) != 2 || got[0] != "1" || got[1] != "0" {
				t.Errorf("the job says %q, want that the lock is held (1), and that it has no descriptor of it (0)", got)
			}
			lock.Close()
			checkFree(t, path)
		}
	})
}

func checkFree(t *testing.T, path string) {
	t.Helper()
	f, err := os.Open(path)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	if err := unix.Flock(int(f.Fd()), unix.LOCK_EX|unix.LOCK_NB); err != nil {
		t.Errorf("when Run has returned and the file is closed, somebody holds the lock: %v", err)
	}
}

// TestHoldClosed: a file that is closed already cannot be held, and the job is not started without.
func TestHoldClosed(t *testing.T) {
	r := runner(t, jobs.Options{})
	f, err := os.Open(os.DevNull)
	if err != nil {
		t.Fatal(err)
	}
	f.Close()
	dir := t.TempDir()
	if result, err := r.Run(t.Context(), jobs.Job{Args: []string{"touch", "started"}, Dir: dir,
		Hold: []*os.File{f}}); result != nil || err == nil {
		t.Errorf("result %+v, error %v", result, err)
	}
	if _, err := os.Stat(filepath.Join(dir, "started")); err == nil {
		t.Error("the job was started")
	}
}
