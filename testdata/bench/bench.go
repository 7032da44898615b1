//go:build linux

package main

import (
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"os"
	"os/exec"
	"os/signal"
	"path/filepath"
	"slices"
	"sync"
	"sync/atomic"
	"syscall"
	"time"

	"golang.org/x/sys/unix"
)

// bench is one run of the program.
type bench struct {
	options
	stderr io.Writer
	dir    string // temporary
	null   *os.File
	env    []string // of all that is started
	report Report
	random *rand.Rand

	ending   atomic.Bool
	starting sync.Mutex // held while a process is started, and for good at the end
	mu       sync.Mutex // guards undo
	undo     []func()
}

func newBench(o options, stderr io.Writer) (*bench, error) {
	path, err := filepath.Abs(o.lastout)
	if err != nil {
		return nil, err
	}
	if err := unix.Access(path, unix.X_OK); err != nil {
		return nil, fmt.Errorf("%s: %w; build it with make, or name another with -lastout", o.lastout, err)
	}
	b := &bench{options: o, stderr: stderr, random: rand.New(rand.NewPCG(1, 2))}
	b.lastout = path
	if b.null, err = os.OpenFile(os.DevNull, os.O_RDWR, 0); err != nil {
		return nil, err
	}
	if b.dir, err = os.MkdirTemp("", "lastout-bench-"); err != nil {
		return nil, err
	}
	b.env = cleanEnvironment(b.dir)
	// What a peer leaves behind comes to us (prctl(2), Linux 3.4).
	if err := unix.Prctl(unix.PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0); err != nil {
		b.close()
		return nil, err
	}
	b.endOnSignal()
	if err := b.compile(); err != nil {
		b.close()
		return nil, err
	}
	return b, nil
}

// cleanEnvironment takes the caller's environment away, in which LASTOUT_GRACE may be set, from us
// and so from all that is started. What is written to a home or a temporary directory goes with
// ours.
func cleanEnvironment(dir string) []string {
	path := os.Getenv("PATH")
	os.Clearenv()
	for name, value := range map[string]string{"PATH": path, "HOME": dir, "TMPDIR": dir, "LC_ALL": "C"} {
		_ = os.Setenv(name, value)
	}
	return os.Environ()
}

// endOnSignal makes Ctrl-C leave nothing behind.
func (b *bench) endOnSignal() {
	signals := make(chan os.Signal, 1)
	signal.Notify(signals, os.Interrupt, syscall.SIGTERM, syscall.SIGHUP)
	go func() {
		sig := (<-signals).(syscall.Signal)
		b.ending.Store(true)
		b.say("%v: ending what runs", sig)
		// A measurement that holds the lock ends when its processes do.
		for !b.starting.TryLock() {
			killChildren()
			time.Sleep(time.Millisecond)
		}
		b.tidy()
		os.Exit(128 + int(sig))
	}()
}

// close ends the run; nothing can be started after it.
func (b *bench) close() {
	b.starting.Lock()
	b.tidy()
}

func (b *bench) tidy() {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.clean()
	for _, f := range slices.Backward(b.undo) {
		f()
	}
	b.undo = nil
	_ = os.RemoveAll(b.dir)
}

func (b *bench) say(format string, args ...any) {
	fmt.Fprintf(b.stderr, "bench: "+format+"\n", args...)
}

// measure runs what was asked for and prints it.
func (b *bench) measure(stdout io.Writer) int {
	b.report.Machine = thisMachine()
	b.report.Machine.Lastout = b.identify()
	if load := b.report.Machine.Load; load > tooBusy {
		b.say("WARNING: the load is %.2f: the figures will not be worth much", load)
	}
	b.survey()
	status := 0
	for _, e := range experiments {
		if !slices.Contains(b.only, e.name) {
			if e.asked {
				b.say("%s is not measured unless it is named: -only %s", e.name, e.name)
			}
			continue
		}
		b.say("%s …", e.name)
		groups, err := e.run(b)
		if b.ending.Load() {
			select {} // until the other goroutine exits; what failed here failed because of that
		}
		for _, g := range groups {
			if len(g.Rows)+len(g.Notes) > 0 {
				b.report.Groups = append(b.report.Groups, g)
			}
		}
		if err != nil {
			b.clean()
			b.say("%s: %v", e.name, err)
			status = statusIncomplete
		}
	}
	for _, g := range b.report.Groups {
		g.compare()
	}
	b.say("it took %v", time.Since(b.report.Machine.Started).Round(time.Second))
	writeText(stdout, &b.report)
	if err := b.export(); err != nil {
		b.say("%v", err)
		status = statusFailed
	}
	return status
}

func (b *bench) identify() string {
	out, err := exec.Command(b.lastout, "--version").Output()
	if err != nil {
		return b.options.lastout
	}
	return string(out[:max(0, len(out)-1)])
}

// rounds returns how often to measure.
func (b *bench) rounds(full, quick int) int {
	switch {
	case b.n > 0:
		return b.n
	case b.quick:
		return quick
	}
	return full
}

// pick returns what fits the kind of run.
func pick[T any](b *bench, full, quick T) T {
	if b.quick {
		return quick
	}
	return full
}

// shuffled returns all of list in an order that is new each time.
func shuffled[T any](b *bench, list []T) []T {
	list = slices.Clone(list)
	b.random.Shuffle(len(list), func(i, j int) { list[i], list[j] = list[j], list[i] })
	return list
}

// strayed notes what should not have been left over.
func strayed(g *Group, name string, left int) error {
	if left == 0 {
		return nil
	}
	note := fmt.Sprintf("LOST: %s left %d processes behind", name, left)
	if !slices.Contains(g.Notes, note) {
		g.Notes = append(g.Notes, note)
	}
	return errors.New(note)
}
