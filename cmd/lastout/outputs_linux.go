package main

import (
	"fmt"
	"path/filepath"
	"slices"
	"strings"
	"sync"

	"lastout/cmd/lastout/internal/facts"
	"lastout/cmd/lastout/internal/guardian"
	"lastout/cmd/lastout/internal/outfile"
	"lastout/cmd/lastout/internal/safepath"
	"lastout/cmd/lastout/internal/trace"
)

// outputs are the files that are written when a run is over.
type outputs struct {
	report, trace *outfile.File
}

// check finds out, before anything is started, whether they can be written.
func (f *outputs) check(o *options) (err error) {
	safepath.KeepMark((*safepath.Mark)(guardian.Mark()))
	if err := o.notClosed(); err != nil {
		return err
	}
	if err := o.distinct(); err != nil {
		return err
	}
	if f.report, err = checkOutput("report", o.reportFile); err != nil {
		return err
	}
	f.trace, err = checkOutput("trace", o.traceFile)
	return err
}

// sweep removes what a worker that was killed while it wrote one of the files has left.
func (o *options) sweep() {
	left := safepath.Mark(*guardian.Mark())
	for _, f := range o.namedFiles() {
		outfile.Sweep(f.name, left)
	}
}

// namedFile is a file that a flag names.
type namedFile struct{ flag, name string }

func (o *options) namedFiles() []namedFile {
	return []namedFile{
		{"report", string(o.reportFile)}, {"trace", string(o.traceFile)}, {"metrics", string(o.unattended.metrics)},
		{"log", string(o.unattended.log)}, {"lock", string(o.unattended.lock)},
	}
}

// notClosed refuses standard descriptors that were closed when lastout was started: the Go runtime
// has opened /dev/null in their place, so that nothing that is written there would fail.
func (o *options) notClosed() error {
	for _, f := range o.namedFiles() {
		if fd := standardDescriptor(f.name); fd >= 0 && guardian.Closed(fd) {
			return fmt.Errorf("--%s: %s was closed when lastout was started", f.flag, f.name)
		}
	}
	return nil
}

// standardDescriptor returns which standard descriptor a name stands for, and -1 for any other
// file.
func standardDescriptor(name string) int {
	if fd := slices.Index([]string{"/dev/stdin", "/dev/stdout", "/dev/stderr"}, name); fd >= 0 {
		return fd
	}
	for _, prefix := range []string{"fd:", "/dev/fd/", "/proc/self/fd/"} {
		if number, ok := strings.CutPrefix(name, prefix); ok {
			return slices.Index([]string{"0", "1", "2"}, number)
		}
	}
	return -1
}

// distinct refuses two flags that name one file: one would write over the other, or replace a lock.
func (o *options) distinct() error {
	files := o.namedFiles()
	for i, f := range files {
		if f.name == "" {
			continue
		}
		path, err := filepath.Abs(f.name)
		if err != nil || strings.HasPrefix(path, "/dev/") {
			continue
		}
		for _, other := range files[:i] {
			if same, err := filepath.Abs(other.name); other.name != "" && err == nil && same == path {
				return fmt.Errorf("--%s and --%s are both to be written to %s", other.flag, f.flag, quoted(f.name))
			}
		}
	}
	return nil
}

func checkOutput(flag string, name filename) (*outfile.File, error) {
	if name == "" {
		return nil, nil
	}
	f, err := outfile.Check(string(name))
	if err != nil {
		return nil, fmt.Errorf("--%s: %w", flag, err)
	}
	return f, nil
}

// write writes them. What cannot be written is said, and changes nothing.
func (f *outputs) write(m *messages, run *facts.Run, ended <-chan struct{}) {
	if f.report != nil {
		writeOutput(m, "report", f.report, run.JSON, ended)
	}
	if f.trace != nil {
		writeOutput(m, "trace", f.trace, func() ([]byte, error) { return trace.Chrome(run) }, ended)
	}
}

func writeOutput(m *messages, flag string, f *outfile.File, contents func() ([]byte, error), ended <-chan struct{}) {
	data, err := contents()
	if err == nil {
		err = f.Write(data, ended)
	}
	if err != nil {
		m.say("--%s: %v: it is lost", flag, err)
	}
}

// maxReceived is how many received signals are remembered. A job that is steered by signals may get
// any number.
const maxReceived = 1000

// received are the signals that lastout has received. It is safe for concurrent use.
type received struct {
	mu      sync.Mutex
	signals []facts.Signal
	dropped int
}

func (r *received) add(s facts.Signal) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if len(r.signals) == maxReceived {
		r.dropped++
		return
	}
	r.signals = append(r.signals, s)
}

// list returns those so far, and how many more there were.
func (r *received) list() ([]facts.Signal, int) {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.signals[:len(r.signals):len(r.signals)], r.dropped
}
