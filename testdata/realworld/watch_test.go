//go:build linux

package realworld

import (
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"
)

const (
	// zombieLimit is how long a zombie may be seen while the job runs.
	zombieLimit = 100 * time.Millisecond
	// sampling is the pause between two looks. A look costs about a millisecond.
	sampling = 5 * time.Millisecond
	// sampleWorth is the most that one interval counts for: of what happened while the watcher
	// waited for a processor, it knows nothing.
	sampleWorth = 4 * sampling
)

// process is a line of proc_pid_stat(5). A pid alone is no identity: it is used again.
type process struct {
	pid, ppid int
	state     byte
	start     string
	comm      string
}

// readProcess reports false where there is no such process (any more).
func readProcess(pid int) (process, bool) {
	return readStat(fmt.Sprintf("/proc/%d/stat", pid))
}

// readStat reads the stat file of a process or thread. The name may hold anything, so the fields
// begin after the last parenthesis.
func readStat(file string) (process, bool) {
	text, err := os.ReadFile(file)
	if err != nil {
		return process{}, false
	}
	open, end := strings.IndexByte(string(text), '('), strings.LastIndexByte(string(text), ')')
	if open < 0 || end < open {
		return process{}, false
	}
	fields := strings.Fields(string(text[end+1:]))
	if len(fields) < 20 {
		return process{}, false
	}
	pid, err := strconv.Atoi(strings.TrimSpace(string(text[:open])))
	if err != nil {
		return process{}, false
	}
	ppid, err := strconv.Atoi(fields[1])
	return process{pid, ppid, fields[0][0], fields[19], string(text[open+1 : end])}, err == nil
}

// zombieWatch looks at a process and all its descendants again and again.
type zombieWatch struct {
	over chan struct{}

	mu      sync.Mutex
	samples int
	late    map[string]time.Duration // who was seen as a zombie for longer than the limit
}

// watchZombies watches root and its descendants until done is closed.
func watchZombies(root int, done <-chan struct{}) *zombieWatch {
	w := &zombieWatch{over: make(chan struct{}), late: map[string]time.Duration{}}
	go func() {
		defer close(w.over)
		ages := map[process]time.Duration{}
		for last := time.Now(); ; {
			now := time.Now()
			ages = w.look(root, ages, min(now.Sub(last), sampleWorth))
			last = now
			select {
			case <-done:
				return
			case <-time.After(sampling):
			}
		}
	}()
	return w
}

// look takes one sample and returns the age of every zombie in it: what it was in the sample
// before, and step more. Only the time counts in which its parent sleeps: one that wants to run
// has been woken, and it is the scheduler that it waits for. Tests of other packages keep dozens
// of processes busy.
func (w *zombieWatch) look(root int, before map[process]time.Duration, step time.Duration) map[process]time.Duration {
	ages := map[process]time.Duration{}
	w.mu.Lock()
	defer w.mu.Unlock()
	w.samples++
	for _, p := range descendants(root) {
		if p.state != 'Z' {
			continue
		}
		asleep := sleeps(p.ppid)
		p.ppid = 0 // it may get another parent and is the same zombie
		age, known := before[p]
		if known && asleep {
			age += step
		}
		ages[p] = age
		if age > zombieLimit {
			w.late[fmt.Sprintf("pid %d (%s)", p.pid, p.comm)] = age
		}
	}
	return ages
}

// sleeps reports whether no thread of a process is running or wants to.
func sleeps(pid int) bool {
	threads, _ := filepath.Glob(fmt.Sprintf("/proc/%d/task/*/stat", pid))
	return !slices.ContainsFunc(threads, func(file string) bool {
		p, ok := readStat(file)
		return ok && (p.state == 'R' || p.state == 'D')
	})
}

// seen returns how many samples were taken and how many zombies were too old.
func (w *zombieWatch) seen() (samples, late int) {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.samples, len(w.late)
}

// faults waits for the end of the watch and returns what it saw.
func (w *zombieWatch) faults() []string {
	<-w.over
	if len(w.late) == 0 {
		return nil
	}
	var oldest string
	for who, age := range w.late {
		if oldest == "" || age > w.late[oldest] {
			oldest = who
		}
	}
	return []string{fmt.Sprintf("%d zombies seen for longer than %v, %s for %v", len(w.late), zombieLimit,
		oldest, w.late[oldest])}
}

// descendants returns root and what descends from it, as far as it can be read from /proc.
func descendants(root int) []process {
	children := map[int][]process{}
	for _, pid := range allPids() {
		if p, ok := readProcess(pid); ok {
			children[p.ppid] = append(children[p.ppid], p)
		}
	}
	var found []process
	if p, ok := readProcess(root); ok {
		found = append(found, p)
	}
	for i := 0; i < len(found); i++ {
		found = append(found, children[found[i].pid]...)
	}
	return found
}

func allPids() []int {
	dir, err := os.Open("/proc")
	if err != nil {
		return nil
	}
	defer dir.Close()
	names, _ := dir.Readdirnames(-1)
	var pids []int
	for _, name := range names {
		if pid, err := strconv.Atoi(name); err == nil {
			pids = append(pids, pid)
		}
	}
	return pids
}

// describe returns a line for a person for each process.
func describe(pids []int) []string {
	var lines []string
	for _, pid := range pids {
		p, ok := readProcess(pid)
		if !ok {
			lines = append(lines, fmt.Sprintf("pid %d, gone since", pid))
			continue
		}
		cmdline, _ := os.ReadFile(fmt.Sprintf("/proc/%d/cmdline", pid))
		lines = append(lines, fmt.Sprintf("pid %d, state %c, %s: %s", pid, p.state, p.comm,
			strings.ReplaceAll(string(cmdline), "\x00", " ")))
	}
	return lines
}
