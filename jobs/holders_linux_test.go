package jobs_test

import (
	"os"
	"path/filepath"
	"testing"
	"time"

	"lastout/jobs"

	"golang.org/x/sys/unix"
)

// holders are what a leftover does with its descriptors, and what it is said to hold open then.
var holders = map[string]jobs.Outputs{
	"":                         jobs.Stdout | jobs.Stderr,
	">/dev/null":               jobs.Stderr,
	"2>/dev/null":              jobs.Stdout,
	">/dev/null 2>&1":          0,
	"7>&1 >/dev/null 2>&1":     jobs.Stdout,
	"2>&1 >/dev/null":          jobs.Stdout,
	`3<"$out" >/dev/null 2>&1`: 0, // it reads the file: nobody waits for its end
}

// leaves is a script that leaves a process behind which has done what the redirections say.
func leaves(redirections string) []string {
	return sh(`sh -c ': >"$fifo"; exec sleep 300' ` + redirections + ` & read x <"$fifo"; :`)
}

func fifo(t *testing.T) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "fifo")
	if err := unix.Mkfifo(path, 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

// TestHolders: who has the job's output open for writing, with whichever number.
func TestHolders(t *testing.T) {
	both(t, func(t *testing.T, r *jobs.Runner) {
		for redirections, want := range holders {
			for _, grace := range []time.Duration{0, -1} {
				files := outputFiles(t)
				env := append(os.Environ(), "out="+files[0].Name(), "fifo="+fifo(t))
				res := run(t, r, jobs.Job{Args: leaves(redirections), Env: env, Stdout: files[0],
					Stderr: files[1], Grace: grace, Holders: true})
				if len(res.Leftovers) != 1 || res.Leftovers[0].Holds != want {
					t.Errorf("%q, grace %v: leftovers %+v, want one that holds %d", redirections, grace,
						res.Leftovers, want)
				}
			}
		}
	})
}

func outputFiles(t *testing.T) (files [2]*os.File) {
	t.Helper()
	for i, name := range []string{"stdout", "stderr"} {
		f, err := os.Create(filepath.Join(t.TempDir(), name))
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { f.Close() })
		files[i] = f
	}
	return files
}

// Pipes that are copied are the job's output as well; /dev/null has no end that anybody waits for;
// and nobody looks unless asked.
func TestHoldersOfPipes(t *testing.T) {
	both(t, func(t *testing.T, r *jobs.Runner) {
		var out, other discard
		for _, c := range []struct {
			job  jobs.Job
			want jobs.Outputs
		}{
			{jobs.Job{Stdout: &out, Stderr: &other, Holders: true}, jobs.Stdout},
			{jobs.Job{Stdout: &out, Stderr: &out, Holders: true}, jobs.Stdout | jobs.Stderr},
			{jobs.Job{Stdout: &out, Stderr: &out}, 0},
			{jobs.Job{Stderr: &out, Holders: true}, 0},
		} {
			c.job.Args, c.job.Env = leaves("2>/dev/null"), append(os.Environ(), "fifo="+fifo(t))
			res := run(t, r, c.job)
			if len(res.Leftovers) != 1 || res.Leftovers[0].Holds != c.want {
				t.Errorf("%+v: leftovers %+v, want one that holds %d", c.job, res.Leftovers, c.want)
			}
		}
	})
}

type discard struct{ n int }

func (d *discard) Write(b []byte) (int, error) {
	d.n += len(b)
	return len(b), nil
}

// TestEnded: who is reaped is recorded, as many as asked for, and when: within the life of the job.
func TestEnded(t *testing.T) {
	both(t, func(t *testing.T, r *jobs.Runner) {
		// Two orphans, which end while the leader lives; and a leftover.
		script := `(sh -c 'exec 9>"$fifo"' & sh -c 'exec 9>"$fifo"; kill -KILL $$' &); read x <"$fifo"; sleep 300 &`
		job := jobs.Job{Args: sh(script), Env: append(os.Environ(), "fifo="+fifo(t)), Record: 100}
		res := run(t, r, job)
		if len(res.Ended) != res.Reaped || res.Reaped < 4 {
			t.Fatalf("%d of %d are recorded", len(res.Ended), res.Reaped)
		}
		for _, e := range res.Ended {
			if e.At.Before(res.Started) || e.At.After(res.Settled) ||
				e.Age > res.Settled.Sub(res.Started)+20*time.Millisecond {
				t.Errorf("%s, %v old, ended at %v, which is not between %v and %v", e.Comm, e.Age, e.At,
					res.Started, res.Settled)
			}
			if e.Comm != "sh" && e.Comm != "sleep" {
				t.Errorf("%d is called %q", e.PID, e.Comm)
			}
		}
		job.Record = 2
		if res = run(t, r, job); len(res.Ended) != 2 || res.Reaped < 4 {
			t.Errorf("%d of %d are recorded, want 2", len(res.Ended), res.Reaped)
		}
		job.Record = 0
		if res = run(t, r, job); res.Ended != nil {
			t.Errorf("%d are recorded, want none", len(res.Ended))
		}
	})
}
