//go:build linux

package main

import (
	"fmt"
	"slices"
)

// bystanders measures whether other processes on the machine slow a teardown down.
func bystanders(b *bench) ([]*Group, error) {
	g := &Group{Experiment: "bystanders", Title: "teardown of 100, a session each, while others sleep",
		Unit: "ms", Base: namespace, XName: "bystanders"}
	runners := slices.Concat(b.lastouts("-g", "0", "--settle", "0"),
		b.usable([]runner{{name: namespace, argv: prefix(pidNamespace()...)}}))
	counts := pick(b, []int{0, 1000, 5000}, []int{0, 1000})
	took := map[string]map[int][]float64{}
	for _, r := range runners {
		took[r.name] = map[int][]float64{}
	}
	for range b.rounds(8, 2) {
		for _, count := range shuffled(b, counts) {
			err := b.amid(count, func() error { return b.endSome(runners, count, took) })
			if err != nil {
				return nil, err
			}
		}
	}
	for _, r := range runners {
		for _, count := range counts {
			g.add(r.name, float64(count), took[r.name][count])
		}
	}
	most := counts[len(counts)-1]
	if alone, ok := g.row(pair, 0); ok {
		among, _ := g.row(pair, float64(most))
		g.want(fmt.Sprintf("lastout, among %d / alone", most), among.Median/alone.Median, 1.1)
	}
	return []*Group{g}, nil
}

// endSome ends a tree a few times under each runner.
func (b *bench) endSome(runners []runner, count int, took map[string]map[int][]float64) error {
	for range 5 {
		for _, r := range shuffled(b, runners) {
			e, err := b.endTree(r, "wide", 100)
			if err != nil {
				return err
			}
			took[r.name][count] = append(took[r.name][count], e.returned)
		}
	}
	return nil
}

// amid does something while count other processes sleep.
func (b *bench) amid(count int, do func() error) error {
	job, err := b.startJob(runner{name: "sleepers", argv: prefix()}, "sleepers", fmt.Sprint(count))
	if err != nil {
		return err
	}
	if err := do(); err != nil {
		return err
	}
	err = job.end()
	b.clean() // the bystanders, who die with their parent and are ours then
	return err
}
