//go:build linux

package main

import (
	"errors"
	"fmt"
	"os"
	"runtime"
	"strings"
	"time"

	"lastout/testdata/box"
)

// trickStands is what the leaders of testdata/hostile exit with.
const trickStands = 7

// hostileCase is a program of testdata/hostile.
type hostileCase struct {
	program string
	limit   int     // of tasks in the box, part of the name; without one a bomb does not run
	goal    float64 // for the median, ms; 0 for none
}

var hostileCases = []hostileCase{
	{"fork-bomb", 400, 2000},
	{"setsid-bomb", 400, 0},
	{"stubborn-respawn-bomb", 400, 0},
	{"exec-bomb", 400, 0},
	{"hopping-chains", 0, 1000},
	{"clone-vm-chain", 0, 1000},
	{"clone-parent-chain", 0, 1000},
	{"exec-chain", 0, 1000},
	{"vfork-chain", 0, 0},
}

func (c hostileCase) name() string {
	if c.limit > 0 {
		return fmt.Sprintf("%s at %d", c.program, c.limit)
	}
	return c.program
}

// liveness measures how long it takes to end those that fight back, on a machine that has other
// work.
func liveness(b *bench) ([]*Group, error) {
	g := &Group{Experiment: "liveness", Title: fmt.Sprintf("until nothing was left, all processors busy, grace %v", b.grace), Unit: "ms"}
	took, lost := map[string][]float64{}, 0
	for range b.rounds(20, 3) {
		for _, c := range shuffled(b, hostileCases) {
			ms, complaint, err := b.fight(c)
			if errors.Is(err, errNotHere) {
				continue // and the report says so
			}
			if err != nil {
				return []*Group{g}, fmt.Errorf("%s: %w", c.name(), err)
			}
			if complaint != "" {
				lost++
				g.Notes = append(g.Notes, complaint)
				continue
			}
			took[c.name()] = append(took[c.name()], ms)
		}
	}
	for _, c := range hostileCases {
		g.add(c.name(), 0, took[c.name()])
		if row, ok := g.row(c.name(), 0); ok && c.goal > 0 {
			g.want(c.name()+", median, ms", row.Median, c.goal)
		}
	}
	g.want("runs lost", float64(lost), 0)
	return []*Group{g}, nil
}

// fight runs one hostile program under lastout beside busy loops, and complains of what was left
// when lastout returned.
func (b *bench) fight(c hostileCase) (ms float64, complaint string, err error) {
	busy, err := b.keepBusy()
	if err != nil {
		return 0, "", err
	}
	defer busy()
	err = b.inBox(func(t *boxTest) {
		limit := box.PidsCap(600)
		if c.limit > 0 {
			limit = box.PidsLimit(c.limit)
		}
		bx := box.New(t, limit)
		stands := t.TempDir() + "/stands"
		cmd := bx.Command(b.lastout, "--quiet", "--grace", b.grace.String(), box.Helper(t, c.program))
		cmd.Env = append(cmd.Env, "HOSTILE_STANDS="+stands)
		cmd.SysProcAttr.Setsid = true
		start := time.Now()
		out, verdict := box.Try(t, bx, cmd, 50*time.Second)
		if made, err := os.Stat(stands); err == nil {
			ms = milliseconds(start.Add(out.Elapsed).Sub(made.ModTime()))
		} else {
			t.Fatalf("the trick did not stand: status %d, %s", out.Status, out.Stderr)
		}
		switch {
		case verdict != box.Held:
			complaint = fmt.Sprintf("LOST: %s: %v after %v: status %d, signal %d, %s",
				c.name(), verdict, out.Elapsed.Round(time.Millisecond), out.Status, out.Signal,
				strings.TrimSpace(out.Stderr))
		case out.Status != trickStands:
			complaint = fmt.Sprintf("WRONG: %s: status %d, signal %d, %s", c.name(), out.Status, out.Signal,
				strings.TrimSpace(out.Stderr))
		}
	})
	return ms, complaint, err
}

// keepBusy starts a busy loop for each processor, in a session each, and returns what ends them.
func (b *bench) keepBusy() (end func(), err error) {
	ready, out, err := os.Pipe()
	if err != nil {
		return nil, err
	}
	defer ready.Close()
	defer out.Close()
	for range runtime.NumCPU() {
		if _, err := b.start(command{argv: []string{b.work("busy")}, out: out, session: true}); err != nil {
			b.clean()
			return nil, err
		}
		if _, err := ready.Read(make([]byte, 1)); err != nil {
			b.clean()
			return nil, err
		}
	}
	return func() { b.clean() }, nil
}
