//go:build linux

package main

import (
	"fmt"
	"time"
)

// The jobs of settling.
var leaving = []struct{ name, script string }{
	{"nobody is left", "sleep .1"},
	{"an idle leftover", "sleep 300 & sleep .1"},
	{"one on its way out", "sleep 300 & sleep .1; kill $!"},
}

// longestRest is how much longer a run with an idle leftover may take for settling, in
// milliseconds.
const longestRest = 50

// settling measures how long it takes to see that somebody is left who does not end by itself.
func settling(b *bench) ([]*Group, error) {
	g := &Group{Experiment: "settling", Title: "a shell that sleeps for 0.1 s, and who is left then",
		Unit: "ms", Base: atOnce(leaving[1].name), noChart: true}
	type form struct {
		name string
		prepared
	}
	var forms []form
	for _, job := range leaving {
		for _, f := range []struct {
			name  string
			flags []string
		}{{job.name, nil}, {atOnce(job.name), []string{"--settle", "0"}}} {
			ready, err := b.prepareJob(b.lastouts(f.flags...)[0], "/bin/sh", "-c", job.script)
			if err != nil {
				return nil, err
			}
			forms = append(forms, form{f.name, ready})
		}
	}
	took := map[string][]float64{}
	for range b.rounds(60, 3) {
		for _, f := range shuffled(b, forms) {
			wall, _, err := b.timed(f.path, f.argv, f.attr)
			if err != nil {
				return nil, fmt.Errorf("%s: %w", f.name, err)
			}
			took[f.name] = append(took[f.name], float64(wall)/float64(time.Millisecond))
		}
	}
	for _, f := range forms {
		g.add(f.name, 0, took[f.name])
	}
	idle, _ := g.row(leaving[1].name, 0)
	before, _ := g.row(atOnce(leaving[1].name), 0)
	g.want("an idle leftover, more than with --settle 0, ms", idle.Median-before.Median, longestRest)
	return []*Group{g}, nil
}

// atOnce is the name of a job that nobody is given time after.
func atOnce(name string) string { return name + ", --settle 0" }
