package jobs_test

import (
	"context"
	"os/exec"
	"testing"

	"lastout/jobs"
)

// What a run of nothing costs: os/exec is the peer.
func BenchmarkRun(b *testing.B) {
	b.Run("os-exec", func(b *testing.B) {
		for b.Loop() {
			if err := exec.Command("/bin/true").Run(); err != nil {
				b.Fatal(err)
			}
		}
	})
	for name, opts := range map[string]jobs.Options{"in-process": {InProcess: true, Exclusive: true},
		"keeper": {Exclusive: true}} {
		b.Run(name, func(b *testing.B) {
			r, err := jobs.NewRunner(opts)
			if err != nil {
				b.Fatal(err)
			}
			defer r.Close()
			for b.Loop() {
				if res, err := r.Run(context.Background(), jobs.Job{Args: []string{"/bin/true"}}); err != nil ||
					!res.Success() {
					b.Fatal(res, err)
				}
			}
		})
	}
}
