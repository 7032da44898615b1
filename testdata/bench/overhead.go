//go:build linux

package main

import (
	"fmt"
	"slices"
	"syscall"
	"time"
)

// bare is the job without a runner.
const bare = "nothing around it"

// overhead measures what a runner adds to a job that does nothing.
func overhead(b *bench) ([]*Group, error) {
	wall := &Group{Experiment: "overhead", Title: "wall time above the bare program", Unit: "ms", Base: tini}
	cpu := &Group{Experiment: "overhead", Title: "processor time above the bare program", Unit: "ms", Base: tini}
	alone := runner{name: bare, argv: prefix()}
	runners := slices.Concat([]runner{alone}, b.lastouts(), b.usable(b.peers()))
	starts, err := b.prepareAll(runners)
	if err != nil {
		return nil, err
	}
	walls, cpus := map[string][]float64{}, map[string][]float64{}
	rounds := b.rounds(500, 40)
	for round := range rounds {
		tookWall, tookCPU := map[string]time.Duration{}, map[string]time.Duration{}
		for _, s := range shuffled(b, starts) {
			if s.every > 0 && round%s.every != 0 {
				continue
			}
			if tookWall[s.name], tookCPU[s.name], err = b.timed(s.path, s.argv, s.attr); err != nil {
				return nil, fmt.Errorf("%s: %w", s.name, err)
			}
		}
		for name := range tookWall {
			w, c := tookWall[name], tookCPU[name]
			if name != bare {
				w, c = w-tookWall[bare], c-tookCPU[bare]
			}
			walls[name] = append(walls[name], milliseconds(w))
			cpus[name] = append(cpus[name], milliseconds(c))
		}
	}
	for _, r := range runners[1:] {
		wall.add(r.name, 0, walls[r.name])
		cpu.add(r.name, 0, cpus[r.name])
	}
	took := summarise(walls[bare])
	wall.Notes = append(wall.Notes, fmt.Sprintf("the bare program takes %s ms (%s to %s)", number(took.Median),
		number(took.P10), number(took.P90)))
	wall.want("lastout --keeper=off / tini", wall.ratio(off, tini, 0), 1.6)
	wall.want("lastout / (unshare + tini)", wall.ratio(pair, isolated, 0), 0.8)
	return []*Group{wall, cpu}, nil
}

// prepared is a runner with a job that does nothing, ready to start.
type prepared struct {
	name  string
	path  string
	argv  []string
	attr  *syscall.ProcAttr
	every int
}

func (b *bench) prepareAll(runners []runner) (all []prepared, err error) {
	for _, r := range runners {
		ready, err := b.prepareJob(r, b.work("nothing"))
		if err != nil {
			return nil, err
		}
		all = append(all, ready)
	}
	return all, nil
}

// prepareJob makes a job ready to be started below a runner.
func (b *bench) prepareJob(r runner, job ...string) (prepared, error) {
	argv := r.argv(job...)
	path, attr, err := b.prepare(command{argv: argv})
	return prepared{r.name, path, argv, attr, r.every}, err
}

func milliseconds(d time.Duration) float64 { return float64(d) / 1e6 }
