//go:build linux

package main

import (
	"fmt"
	"slices"
)

const cgroupKill = "cgroup.kill"

var shapes = []struct{ name, title string }{
	{"group", "one process group"},
	{"wide", "all children of the leader, a session each"},
	{"chain", "each the child of the one before, a session each"},
}

// ender is a runner, or the cgroup, that ends a tree.
type ender struct {
	name string
	end  func(shape string, n int) (ended, error)
}

// enders returns who can end a tree whose leader has gone, on this machine.
func (b *bench) enders() (enders []ender) {
	runners := slices.Concat(b.lastouts("-g", "0", "--settle", "0"),
		b.usable([]runner{{name: namespace, argv: prefix(pidNamespace()...)}}))
	for _, r := range runners {
		enders = append(enders, ender{r.name, func(shape string, n int) (ended,
			error) {
			return b.endTree(r, shape, n)
		}})
	}
	if _, err := b.killTree("wide", 1); err != nil {
		b.missing("%s: %v", cgroupKill, err)
		return enders
	}
	return append(enders, ender{cgroupKill, b.killTree})
}

// teardown measures how long it takes to end what a leader has left, and how that grows.
func teardown(b *bench) (groups []*Group, err error) {
	enders := b.enders()
	sizes := pick(b, []int{10, 100, 1000, 5000}, []int{10, 100, 1000})
	for _, shape := range shapes {
		returned := &Group{Experiment: "teardown", Title: "until it returned, " + shape.title, Unit: "ms",
			Base: namespace, XName: "descendants", logX: true}
		gone := &Group{Experiment: "teardown", Title: "until all were gone, " + shape.title, Unit: "ms",
			Base: namespace, XName: "descendants", noChart: true}
		groups = append(groups, returned, gone)
		for _, n := range sizes {
			if err := b.compareEnds(returned, gone, enders, shape.name, n); err != nil {
				return groups, err
			}
		}
		goals(returned, shape.name, sizes)
	}
	return groups, nil
}

func (b *bench) compareEnds(returned, gone *Group, enders []ender, shape string, n int) error {
	back, last := map[string][]float64{}, map[string][]float64{}
	for range b.rounds(repetitions(n), 2) {
		for _, e := range shuffled(b, enders) {
			took, err := e.end(shape, n)
			if err != nil {
				return fmt.Errorf("%s: %w", e.name, err)
			}
			if err := strayed(returned, e.name, b.clean()); err != nil {
				return err
			}
			back[e.name] = append(back[e.name], took.returned)
			last[e.name] = append(last[e.name], took.gone)
		}
	}
	for _, e := range enders {
		returned.add(e.name, float64(n), back[e.name])
		gone.add(e.name, float64(n), last[e.name])
	}
	return nil
}

// repetitions is fewer for large trees, which take seconds to set up and vary less.
func repetitions(n int) int {
	switch {
	case n >= 5000:
		return 3
	case n >= 1000:
		return 7
	}
	return 15
}

func goals(g *Group, shape string, sizes []int) {
	limits := map[string]map[int]float64{
		"wide":  {1000: 1.3, 5000: 1.3},
		"group": {1000: 1.3, 5000: 1.3},
		"chain": {1000: 1.0},
	}
	for _, n := range sizes {
		if limit, ok := limits[shape][n]; ok {
			g.want(fmt.Sprintf("lastout / %s, %d", namespace, n), g.ratio(pair, namespace, float64(n)), limit)
		}
	}
}
