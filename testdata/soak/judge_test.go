//go:build linux

package soak

import (
	"fmt"
	"slices"
	"strings"
	"syscall"

	"golang.org/x/sys/unix"
)

// ending is a wait status in words: "exit 7", "signal 15".
func ending(ws syscall.WaitStatus) string {
	if ws.Signaled() {
		return fmt.Sprintf("signal %d", ws.Signal())
	}
	return fmt.Sprintf("exit %d", ws.ExitStatus())
}

// judge looks at how lastout ended, and at what it said.
func (r *run) judge() {
	if got, want := ending(r.status), r.plausible(); r.returned && !slices.Contains(want, got) {
		r.t.Errorf("lastout ended with %q, want one of %q", got, want)
	}
	for _, trace := range []string{"goroutine ", "panic:", "fatal error:", "runtime:", "unexpected fault"} {
		if strings.Contains(r.words, trace) {
			r.t.Errorf("a trace on stderr: %q", trace)
		}
	}
}

// plausible returns the endings that the plan allows, done or missed as its faults may be.
func (r *run) plausible() []string {
	endings := r.natural()
	if r.timeout > 0 {
		endings = append(endings, "exit 124", "exit 137")
	}
	for _, f := range r.faults {
		endings = append(endings, r.after(f)...)
	}
	return endings
}

// natural are the endings of an undisturbed leader.
func (r *run) natural() []string {
	if r.end == "stay" { // until the deadline
		return []string{"exit 0", "signal 9"}
	}
	return []string{strings.ReplaceAll(r.end, ":", " ")}
}

// after returns the endings that a fault adds.
func (r *run) after(f fault) []string {
	switch {
	case f.signal == unix.SIGSTOP:
		return nil
	case f.target == "worker":
		return []string{"exit 125"}
	case f.signal == unix.SIGKILL:
		return []string{"signal 9"}
	}
	// The leader may get it before it has said what is to happen then, and the runner itself before
	// it can pass it on.
	endings := []string{fmt.Sprintf("signal %d", f.signal)}
	if r.onTerm == "exit" {
		endings = append(endings, "exit 11")
	}
	if r.killAfter > 0 { // whose clock starts when the signal is passed on
		endings = append(endings, "signal 9")
	}
	return endings
}

// judgeBystanders ends the stage: nothing may have happened there.
func (r *run) judgeBystanders() {
	var record []string
	record, r.bystanders, r.rounds = r.stage.end()
	for _, line := range record[:min(len(record), 12)] {
		r.t.Errorf("a bystander: %s", line)
	}
	if slices.ContainsFunc(record, func(line string) bool { return strings.Contains(line, "from process 0, code 0") }) {
		r.t.Errorf("(process 0 is outside of the namespace, where only somebody else can be)")
	}
}
