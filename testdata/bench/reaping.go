//go:build linux

package main

import (
	"fmt"
	"os"
	"runtime"
	"slices"
	"strconv"
	"strings"
)

// reaping measures how fast orphans are reaped, and how soon.
func reaping(b *bench) ([]*Group, error) {
	rate := &Group{Experiment: "reaping", Title: "orphans made and reaped (more is better)", Unit: "per second",
		Base: tini}
	delay := &Group{Experiment: "reaping", Title: "from an orphan's exit until its number is free", Unit: "µs",
		Base: tini}
	if runtime.NumCPU() < 2 {
		delay.Notes = append(delay.Notes, "NOT MEASURED: whoever watches needs a second processor")
	}
	runners := b.usable(b.reapers())
	rates, delays := map[string][]float64{}, map[string][]float64{}
	count := pick(b, 2000, 500)
	for range b.rounds(10, 2) {
		for _, r := range shuffled(b, runners) {
			took, err := b.orphans(r, "rate", count)
			if err != nil {
				return nil, err
			}
			rates[r.name] = append(rates[r.name], float64(count)/took[0]*1e9)
		}
		for _, r := range shuffled(b, runners) {
			if runtime.NumCPU() < 2 {
				continue
			}
			took, err := b.orphans(r, "latency", 200)
			if err != nil {
				return nil, err
			}
			for _, t := range took {
				delays[r.name] = append(delays[r.name], t/1e3)
			}
		}
	}
	for _, r := range runners {
		rate.add(r.name, 0, rates[r.name])
		delay.add(r.name, 0, delays[r.name])
	}
	rate.wantAtLeast("lastout / tini", rate.ratio(pair, tini, 0), 1.0)
	if row, ok := delay.row(pair, 0); ok {
		delay.want("lastout, 99th percentile, µs", row.P99, 1000)
	}
	return []*Group{rate, delay}, nil
}

// reapers returns who adopts orphans: subreapers, and the first processes of PID namespaces.
// dumb-init is only ever the latter.
func (b *bench) reapers() []runner {
	asFirst := func(name string, words ...string) runner {
		return runner{name: name + " as PID 1", argv: prefix(pidNamespace(words...)...)}
	}
	return slices.Concat(
		[]runner{{name: "kernel (SIGCHLD ignored)", argv: prefix(b.work("floor"))}},
		b.lastouts(),
		[]runner{
			{name: tini, argv: prefix("tini", "-s", "--")},
			{name: "catatonit", argv: prefix("catatonit", "--")},
			asFirst(pair, b.lastout),
			asFirst(tini, "tini", "--"),
			asFirst("dumb-init", "dumb-init", "--"),
			asFirst("catatonit", "catatonit", "--"),
		})
}

// orphans runs the program of that name under a runner, and returns the numbers that it prints.
func (b *bench) orphans(r runner, kind string, n int) ([]float64, error) {
	out, err := os.CreateTemp(b.dir, "orphans-")
	if err != nil {
		return nil, err
	}
	defer os.Remove(out.Name())
	defer out.Close()
	pid, err := b.start(command{argv: r.argv(b.work("orphans"), kind, strconv.Itoa(n)), out: out})
	if err != nil {
		return nil, err
	}
	if err := b.wait(pid); err != nil {
		return nil, fmt.Errorf("orphans %s under %s: %w", kind, r.name, err)
	}
	text, err := os.ReadFile(out.Name())
	if err != nil {
		return nil, err
	}
	return floats(string(text))
}

// floats reads numbers, of which there must be one at least.
func floats(text string) (numbers []float64, err error) {
	for _, word := range strings.Fields(text) {
		f, err := strconv.ParseFloat(word, 64)
		if err != nil {
			return nil, err
		}
		numbers = append(numbers, f)
	}
	if len(numbers) == 0 {
		return nil, fmt.Errorf("no number in %q", text)
	}
	return numbers, nil
}
