//go:build linux

package realworld

import (
	"os"
	"slices"
	"strings"
	"syscall"
	"testing"

	"lastout/testdata/box"
)

// servers are servers with workers whose master is killed, and builds whose first process is.
func servers() []situation {
	return []situation{
		{
			name:  "gunicorn's master is killed",
			needs: []string{"gunicorn"},
			job: func(s *stage) []string {
				s.copyHere("app.py")
				return []string{program(s.t, "gunicorn"), "--workers=3", "--bind=unix:server", "--pid=master",
					"app:application"}
			},
			outside: func(s *stage) {
				s.until("three workers are up", func() bool {
					entries, _ := os.ReadDir(s.dir)
					return len(slices.DeleteFunc(entries,
						func(e os.DirEntry) bool { return !strings.HasPrefix(e.Name(), "worker.") })) == 3
				})
				syscall.Kill(s.pids("master")[0], syscall.SIGKILL)
			},
			signal:        syscall.SIGKILL,
			leftover:      "gunicorn",
			biteUnderTini: true,
			why:           "the workers see that their parent is another, but only when they look, every second",
		},
		{
			name:  "gunicorn is stopped",
			needs: []string{"gunicorn"},
			job: func(s *stage) []string {
				s.copyHere("app.py")
				return []string{program(s.t, "gunicorn"), "--workers=3", "--bind=unix:server", "--pid=master",
					"app:application"}
			},
			outside: func(s *stage) {
				s.until("it answers", func() bool { body, _ := s.get("/"); return body == "hello\n" })
				s.signal(syscall.SIGTERM)
			},
			why: "its master waits for its workers, as every parent should",
		},
		{
			name: "xargs is stopped",
			job: func(s *stage) []string {
				s.write("numbers", "1 2 3 4\n")
				return []string{program(s.t, "xargs"), "--arg-file=numbers", "--max-procs=4", "--max-args=1",
					"setsid", "sh", "-c", ": >ready.$1; exec sleep 120", "sh"}
			},
			outside: func(s *stage) {
				for _, n := range []string{"1", "2", "3", "4"} {
					s.await("ready." + n)
				}
				s.signal(syscall.SIGTERM)
			},
			signal:        syscall.SIGTERM,
			leftover:      "sleep 120",
			biteUnderTini: true,
			why:           "xargs dies of the signal and passes nothing on",
		},
		{
			name:  "parallel is killed",
			needs: []string{"parallel"},
			job: func(s *stage) []string {
				return []string{program(s.t, "parallel"), "--will-cite", "--jobs=4",
					": >ready.{}; if [ {} = 4 ]; then while ! [ -e ready.1 -a -e ready.2 -a -e ready.3 ]; do :; done; kill -9 $PARALLEL_PID; fi; sleep 120",
					":::", "1", "2", "3", "4"}
			},
			signal:        syscall.SIGKILL,
			leftover:      "sleep 120",
			biteUnderTini: true,
			why:           "nobody knows the jobs but parallel",
		},
		{
			name:  "make with a server that holds the jobserver",
			needs: []string{"make", "python3"},
			job: func(s *stage) []string {
				return []string{program(s.t, "make"), "--jobs=3", "--file=" + here(s.t, "background-server.mk")}
			},
			outside: func(s *stage) {
				s.until("everything is built", func() bool { return strings.Count(s.read(".stdout"), "\n") == 3 })
				// GNU make 4.3 then waits for the end of file on the jobserver's pipe, which the
				// server holds: this build hangs until somebody loses patience. With 4.4's fifo it
				// ends.
				s.cmd.Process.Signal(syscall.SIGTERM)
			},
			anyStatus:     true,
			leftover:      "python3",
			biteUnderTini: true,
			why:           "a daemon is out of the reach of make and of a signal to make",
		},
	}
}

// TestJobserver: what make passes on in descriptors reaches a sub-make under lastout.
func TestJobserver(t *testing.T) {
	require(t, "make")
	b := box.New(t)
	cmd := b.Command(program(t, "make"), "--jobs=3", "--file="+here(t, "nested-make.mk"), "LASTOUT="+box.Lastout(t))
	cmd.Env = environ(cmd.Env, t.TempDir())
	out := box.Run(t, b, cmd, limit)
	if out.Status != 0 || strings.Contains(out.Stderr, "jobserver") {
		t.Errorf("status %d, stderr:\n%s", out.Status, out.Stderr)
	}
}
