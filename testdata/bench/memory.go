//go:build linux

package main

import (
	"fmt"
	"os"
	"os/exec"
	"strconv"
)

// use is what a process has.
type use struct{ pss, rss, threads float64 } // MiB

// memory measures what runners take while their job sleeps.
func memory(b *bench) ([]*Group, error) {
	pss := &Group{Experiment: "memory", Title: "PSS while the job is idle", Unit: "MiB", Base: tini}
	rss := &Group{Experiment: "memory", Title: "RSS while the job is idle", Unit: "MiB", Base: tini, noChart: true}
	threads := &Group{Experiment: "memory", Title: "threads while the job is idle", Unit: "threads", noChart: true}
	found := map[string][]use{}
	runners, names := b.idlers(), []string{}
	for round := range b.rounds(7, 2) {
		for _, r := range runners {
			uses, err := b.useOf(r)
			if err != nil {
				return nil, err
			}
			for i, u := range uses {
				name := r.name
				if r.name == pair {
					name = []string{pair + ", both", "  its guardian", "  its worker"}[i]
				} else if i > 0 {
					break
				}
				if round == 0 {
					names = append(names, name)
				}
				found[name] = append(found[name], u)
			}
		}
	}
	for _, name := range names {
		var p, r, t []float64
		for _, u := range found[name] {
			p, r, t = append(p, u.pss), append(r, u.rss), append(t, u.threads)
		}
		pss.add(name, 0, p)
		rss.add(name, 0, r)
		threads.add(name, 0, t)
	}
	if row, ok := pss.row(pair+", both", 0); ok {
		pss.want("lastout, both, MiB", row.Median, 3.5)
	}
	growth, err := b.growth()
	return []*Group{pss, rss, threads, growth, b.sizes()}, err
}

// useOf returns what a runner uses with a job that sleeps, all of its processes first and then one
// by one. No other runner is there, since pages that two of them map would be counted half.
func (b *bench) useOf(r runner) ([]use, error) {
	j, err := b.startJob(r, "sleepers", "0")
	if err != nil {
		return nil, err
	}
	uses := b.used(j)
	if r.name == pair && len(uses) != 3 {
		return nil, fmt.Errorf("lastout has %d processes of its own, not 2", len(uses)-1)
	}
	return uses, j.end()
}

func (b *bench) used(j *job) []use {
	uses := []use{{}}
	for _, pid := range j.processes() {
		text, _ := os.ReadFile(fmt.Sprintf("/proc/%d/smaps_rollup", pid))
		tasks, _ := os.ReadDir(fmt.Sprintf("/proc/%d/task", pid))
		u := use{
			pss:     float64(kibibytes(string(text), "Pss")) / 1024,
			rss:     float64(kibibytes(string(text), "Rss")) / 1024,
			threads: float64(len(tasks)),
		}
		uses[0] = use{uses[0].pss + u.pss, uses[0].rss + u.rss, uses[0].threads + u.threads}
		uses = append(uses, u)
	}
	return uses
}

// growth measures how a runner's memory grows with the orphans that it reaps.
func (b *bench) growth() (*Group, error) {
	count := pick(b, 100000, 5000)
	g := &Group{Experiment: "memory", Title: fmt.Sprintf("growth of PSS over %d reaped orphans", count),
		Unit: "KiB", noChart: true}
	for _, r := range b.idlers() {
		if r.name != pair && r.name != tini {
			continue
		}
		j, err := b.startJob(r, "orphans", "told")
		if err != nil {
			return g, err
		}
		if err := j.order("2000"); err != nil { // what it grows by at first
			return g, err
		}
		before := b.used(j)[0]
		if err := j.order(strconv.Itoa(count)); err != nil {
			return g, err
		}
		after := b.used(j)[0]
		g.add(r.name, 0, []float64{(after.pss - before.pss) * 1024})
		g.Notes = append(g.Notes, fmt.Sprintf("RSS of %s grows by %.0f KiB", r.name, (after.rss-before.rss)*1024))
		if err := j.end(); err != nil {
			return g, err
		}
	}
	return g, nil
}

// sizes are those of the binaries; lastout's is static.
func (b *bench) sizes() *Group {
	g := &Group{Experiment: "memory", Title: "the binary", Unit: "MiB", noChart: true}
	for _, name := range []string{b.lastout, "tini", "dumb-init", "catatonit"} {
		path, err := exec.LookPath(name)
		if err != nil {
			continue
		}
		if info, err := os.Stat(path); err == nil {
			g.add(info.Name(), 0, []float64{float64(info.Size()) / (1 << 20)})
		}
	}
	return g
}
