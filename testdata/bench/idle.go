//go:build linux

package main

import (
	"fmt"
	"os"
	"strconv"
	"time"
)

// idle counts how often runners are scheduled while their job sleeps, all of them at the same time.
func idle(b *bench) ([]*Group, error) {
	length := pick(b, 10*time.Second, 2*time.Second)
	g := &Group{Experiment: "idle", Title: fmt.Sprintf("context switches in %v of an idle job", length),
		Unit: "all threads"}
	runners := b.idlers()
	var jobs []*job
	for _, r := range runners {
		j, err := b.startJob(r, "sleepers", "0")
		if err != nil {
			return nil, err
		}
		jobs = append(jobs, j)
	}
	time.Sleep(time.Second) // what still goes on of their start
	before := make([]int, len(jobs))
	for i, j := range jobs {
		before[i] = switches(j.processes())
	}
	time.Sleep(length)
	for i, j := range jobs {
		g.add(j.name, 0, []float64{float64(switches(j.processes()) - before[i])})
	}
	for _, j := range jobs {
		if err := j.end(); err != nil {
			return nil, err
		}
	}
	if row, ok := g.row(pair, 0); ok {
		g.want("lastout, guardian and worker", row.Median, 0)
	}
	return []*Group{g}, strayed(g, "idle", b.clean())
}

// switches sums the context switches of all threads, wanted or not.
func switches(pids []int) (sum int) {
	for _, pid := range pids {
		dir := fmt.Sprintf("/proc/%d/task", pid)
		tasks, _ := os.ReadDir(dir)
		for _, task := range tasks {
			text, _ := os.ReadFile(dir + "/" + task.Name() + "/status")
			for _, name := range []string{"voluntary_ctxt_switches", "nonvoluntary_ctxt_switches"} {
				n, _ := strconv.Atoi(field(string(text), name))
				sum += n
			}
		}
	}
	return sum
}
