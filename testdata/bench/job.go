//go:build linux

package main

import (
	"fmt"
	"os"
	"strings"
)

// job is one that runs until it is told to end, under a runner or alone.
type job struct {
	b      *bench
	name   string // of the runner
	runner int    // its process id
	tell   *os.File
	answer *os.File
}

// startJob starts a program of directory work, and returns when it says that it is ready.
func (b *bench) startJob(r runner, program string, args ...string) (*job, error) {
	in, tell, err := os.Pipe()
	if err != nil {
		return nil, err
	}
	defer in.Close()
	answer, out, err := os.Pipe()
	if err != nil {
		return nil, err
	}
	defer out.Close()
	words := append([]string{b.work(program)}, args...)
	pid, err := b.start(command{argv: r.argv(words...), in: in, out: out})
	if err != nil {
		return nil, err
	}
	out.Close()
	j := &job{b: b, name: r.name, runner: pid, tell: tell, answer: answer}
	return j, j.await()
}

// await reads the one byte that the job answers with.
func (j *job) await() error {
	if _, err := j.answer.Read(make([]byte, 1)); err != nil {
		return fmt.Errorf("%s under %s said nothing: %w", "the job", j.name, err)
	}
	return nil
}

// order sends the job a line and awaits its answer.
func (j *job) order(line string) error {
	if _, err := j.tell.WriteString(line + "\n"); err != nil {
		return err
	}
	return j.await()
}

// end lets the job end, and waits for its runner.
func (j *job) end() error {
	j.tell.Close()
	j.answer.Close()
	if err := j.b.wait(j.runner); err != nil {
		return fmt.Errorf("%s: %w", j.name, err)
	}
	return nil
}

// processes returns the runner's own: itself and its descendants, but for those that run our
// programs.
func (j *job) processes() []int { return j.b.foreign(j.runner) }

func (b *bench) foreign(pid int) []int {
	path, err := os.Readlink(fmt.Sprintf("/proc/%d/exe", pid))
	if err != nil || strings.HasPrefix(path, b.dir+"/") {
		return nil
	}
	pids := []int{pid}
	for _, child := range children(pid) {
		pids = append(pids, b.foreign(child)...)
	}
	return pids
}

// idlers returns runners whose idle state is compared.
func (b *bench) idlers() []runner {
	var few []runner
	for _, r := range b.usable(b.peers()) {
		switch r.name {
		case tini, "dumb-init", "catatonit", isolated:
			few = append(few, r)
		}
	}
	return append(b.lastouts(), few...)
}
