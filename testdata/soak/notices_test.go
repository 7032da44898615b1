//go:build linux

package soak

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"lastout/testdata/box"
)

// each is for what is done to the short-lived bystanders.
const each = `for i in 1 2 3 4 5 6 7 8 9; do kill -%s $(cat /proc/$churn/task/$churn/children); done 2>/dev/null; ` + job

// job runs the command as lastout would, from within a stand-in for it.
const job = `while [ "$1" != -- ]; do shift; done; shift; "$@"`

// standIns do what lastout must not do, and say in which words that is to be found. Process 1 of
// the stage is in their own group; 2 is the parent of the short-lived bystanders or one that was
// there before, and witness the first of those that stay.
var standIns = map[string]struct {
	script string
	change func(*plan)
	limit  time.Duration
	want   string
}{
	"leaves a daemon": {script: job + `; s=$?; setsid sleep 60 & exit $s`, want: "left over:"},
	"leaves what there is": {script: job, change: func(p *plan) { p.most, p.treeSeed = 200, 1 },
		want: "the box is not empty"},
	"leaves a stopped one": {script: job + `; s=$?; sh -c 'kill -STOP $$' & sleep 0.1; exit $s`,
		want: "state T (stopped)"},
	"leaves it when killed": {script: `sleep 60 & ` + job, change: killed, limit: 2 * time.Second,
		want: "after the runner was killed there lives:"},
	"signals a witness": {script: `kill -USR1 $witness; ` + job, want: "got signal 10 from process"},
	"kills a witness":   {script: `kill -KILL $witness; ` + job, want: "died of signal 9"},
	"stops a witness":   {script: `kill -STOP $witness; ` + job, want: "was stopped by signal 19"},
	"signals its own group": {script: `trap '' TERM; kill -TERM 0; ` + job,
		want: "first process 1 got signal 15 from process"},
	"kills all it can":       {script: `kill -KILL -1; ` + job, want: "died of signal 9"},
	"kills short-lived ones": {script: fmt.Sprintf(each, "KILL"), want: "a bystander: short-lived bystander"},
	"signals those":          {script: fmt.Sprintf(each, "HUP"), want: "got signal 1 from process"},
	"stops those":            {script: fmt.Sprintf(each, "STOP"), want: "was stopped by signal 19"},
	"invents a status":       {script: job + `; exit 99`, want: `lastout ended with "exit 99"`},
	"dies of another signal": {script: job + `; kill -USR2 $$`, want: `lastout ended with "signal 12"`},
	"is a crashing program": {script: job + `; s=$?; echo 'goroutine 1 [running]:' >&2; exit $s`,
		want: "a trace on stderr"},
	"never returns": {script: job + `; sleep 60`, limit: time.Second, want: "has not returned"},
}

func killed(p *plan) {
	p.keeper, p.end, p.timeout = "auto", "stay", time.Minute
	p.faults = []fault{{target: "runner", signal: unix.SIGKILL, ready: true}}
}

// TestSoakNotices runs stand-ins for lastout that break its promises: the checks can fail.
func TestSoakNotices(t *testing.T) {
	box.Program(t, "soak/tree", "tree")
	for name, c := range standIns {
		t.Run(name, func(t *testing.T) {
			p := quiet()
			if c.change != nil {
				c.change(&p)
			}
			// The first witness, by its place among the children of the first process.
			find := "#!/bin/sh\nread churn witness others </proc/1/task/1/children\n"
			path := filepath.Join(t.TempDir(), "lastout")
			if err := os.WriteFile(path, []byte(find+c.script+"\n"), 0o755); err != nil {
				t.Fatal(err)
			}
			limit := c.limit
			if limit == 0 {
				limit = patience
			}
			if r, problems := try(t, p, path, limit); !strings.Contains(strings.Join(problems, "\n"), c.want) {
				t.Errorf("it is not noticed that this one %s: no %q in\n%s", name, c.want, r.report(problems))
			}
		})
	}
	t.Run("true", func(t *testing.T) {
		if r, problems := try(t, quiet(), box.Lastout(t), patience); len(problems) > 0 {
			t.Errorf("lastout itself:\n%s", r.report(problems))
		}
	})
}

// quiet is a plan in which nothing happens.
func quiet() plan {
	p := draw(1, 1)
	p.most, p.nap, p.end, p.onTerm = 0, 50*time.Millisecond, "exit:7", "default"
	p.keeper, p.signal, p.forward, p.grace, p.linger, p.timeout, p.killAfter = "auto", "TERM", "group", 0, 0, 0, 0
	p.forever, p.pids, p.files, p.faults = false, 200, 1024, nil
	p.slots, p.pause = 20, 0
	return p
}

// TestSoakDraws: the same plan from the same numbers, and another one from others.
func TestSoakDraws(t *testing.T) {
	show := func(seed, run uint64) string { p := draw(seed, run); return fmt.Sprint(&p) }
	if a, b := show(7, 3), show(7, 3); a != b {
		t.Errorf("the same numbers draw\n%s\nand\n%s", a, b)
	}
	if a := show(7, 3); a == show(7, 4) || a == show(8, 3) {
		t.Errorf("other numbers draw the same: %s", a)
	}
}
