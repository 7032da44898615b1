//go:build linux

package box

import (
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"sync/atomic"
	"syscall"
	"testing"
	"time"
)

// Outcome is how a command ended.
type Outcome struct {
	Status  int            // exit status, -1 where it died of a signal
	Signal  syscall.Signal // what it died of, or 0
	Stdout  string
	Stderr  string
	Elapsed time.Duration
}

// Run runs a command of the box and asserts, the moment it has returned, that
// the box is empty. After limit everything is killed and the test ends.
//
// Output goes to files, where cmd does not say otherwise, never to pipes: a
// wait for the end of file on a pipe is a wait for everybody who holds it, and
// an orphan that keeps its stdout would make the test wait for it, and pass.
func Run(t testing.TB, b *Box, cmd *exec.Cmd, limit time.Duration) Outcome {
	t.Helper()
	out, left, late := try(t, b, cmd, limit)
	if late {
		t.Fatalf("%q has not returned after %v; stdout %q, stderr %q", cmd.Args, limit, out.Stdout, out.Stderr)
	}
	if len(left) > 0 {
		t.Errorf("the box is not empty, %d left:\n\t%s", len(left), strings.Join(head(left, 20), "\n\t"))
	}
	return out
}

// Verdict is what [Try] found.
type Verdict int

const (
	Held    Verdict = iota // the box was empty when the command returned
	Late                   // it was not, but a second later nothing ran in it any more
	Escaped                // something outlived the command, or the command did not return
)

func (v Verdict) String() string {
	return [...]string{"held", "late", "escaped"}[v]
}

// Try is [Run] for commands that may well leave something behind: it does not
// fail the test, but says what it found, and empties the box.
func Try(t testing.TB, b *Box, cmd *exec.Cmd, limit time.Duration) (Outcome, Verdict) {
	t.Helper()
	out, left, late := try(t, b, cmd, limit)
	if late {
		return out, Escaped // and has been killed
	}
	verdict := Held
	if len(left) > 0 {
		verdict = Late
		time.Sleep(time.Second)
		if slices.ContainsFunc(b.Procs(), alive) {
			verdict = Escaped
		}
	}
	b.Kill()
	return out, verdict
}

func try(t testing.TB, b *Box, cmd *exec.Cmd, limit time.Duration) (out Outcome, left []string, late bool) {
	t.Helper()
	dir := t.TempDir()
	stdout, stderr := outputFile(t, dir, "stdout"), outputFile(t, dir, "stderr")
	if cmd.Stdout == nil {
		cmd.Stdout = stdout
	}
	if cmd.Stderr == nil {
		cmd.Stderr = stderr
	}
	start := time.Now()
	if err := cmd.Start(); err != nil {
		t.Fatalf("box: start: %v", err)
	}
	var killed atomic.Bool
	timer := time.AfterFunc(limit, func() {
		killed.Store(true)
		b.Kill()
	})
	cmd.Wait() // how it ended is in cmd.ProcessState
	out.Elapsed = time.Since(start)
	left = b.judge()
	timer.Stop()
	out.Stdout, out.Stderr = contents(stdout), contents(stderr)
	status := cmd.ProcessState.Sys().(syscall.WaitStatus)
	if status.Signaled() {
		out.Status, out.Signal = -1, status.Signal()
	} else {
		out.Status = status.ExitStatus()
	}
	return out, left, killed.Load()
}

func outputFile(t testing.TB, dir, name string) *os.File {
	t.Helper()
	// O_APPEND, so that a job's processes which open it anew do not overwrite.
	f, err := os.OpenFile(filepath.Join(dir, name), os.O_CREATE|os.O_RDWR|os.O_APPEND, 0o600)
	if err != nil {
		t.Fatalf("box: %v", err)
	}
	t.Cleanup(func() { f.Close() })
	return f
}

func contents(f *os.File) string {
	data, err := os.ReadFile(f.Name())
	if err != nil {
		return err.Error()
	}
	return string(data)
}
