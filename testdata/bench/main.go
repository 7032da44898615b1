//go:build linux

package main

import (
	"flag"
	"fmt"
	"io"
	"os"
	"runtime"
	"runtime/debug"
	"slices"
	"strings"
	"time"
)

const (
	statusIncomplete = 1
	statusFailed     = 125
)

// An experiment is one kind of measurement.
type experiment struct {
	name  string
	run   func(*bench) ([]*Group, error)
	asked bool // only if it is named
}

var experiments = []experiment{
	{name: "overhead", run: overhead},
	{name: "reaping", run: reaping},
	{name: "teardown", run: teardown},
	{name: "settling", run: settling},
	{name: "bystanders", run: bystanders},
	{name: "idle", run: idle},
	{name: "memory", run: memory},
	{name: "liveness", run: liveness, asked: true},
}

// options is the command line.
type options struct {
	only    []string
	quick   bool
	n       int
	out     string
	lastout string
	grace   time.Duration
}

func main() {
	// The children are of one thread, and clocks are read on it.
	runtime.LockOSThread()
	// timed keeps a processor of Go's to itself; signals must be received meanwhile.
	runtime.GOMAXPROCS(max(2, runtime.NumCPU()))
	// Little is allocated, and a collection would stop at the thread that timed keeps.
	debug.SetGCPercent(-1)
	os.Exit(run(os.Args[1:], os.Stdout, os.Stderr))
}

func run(args []string, stdout, stderr io.Writer) int {
	o, err := parse(args, stderr)
	if err == flag.ErrHelp {
		return 0
	}
	if err != nil {
		fmt.Fprintf(stderr, "bench: %v\n", err)
		return statusFailed
	}
	b, err := newBench(o, stderr)
	if err != nil {
		fmt.Fprintf(stderr, "bench: %v\n", err)
		return statusFailed
	}
	defer b.close()
	return b.measure(stdout)
}

func parse(args []string, stderr io.Writer) (o options, err error) {
	fs := flag.NewFlagSet("bench", flag.ContinueOnError)
	fs.SetOutput(io.Discard)
	var only string
	fs.StringVar(&only, "only", "", "measure only these, separated by commas: "+strings.Join(names(), ", "))
	fs.BoolVar(&o.quick, "quick", false, "few repetitions: does it work?")
	fs.IntVar(&o.n, "n", 0, "rounds; 0 for what each measurement needs")
	fs.StringVar(&o.out, "o", "", "write JSON and a chart, too, to `DIR` or FILE.json")
	fs.StringVar(&o.lastout, "lastout", "bin/lastout", "the lastout to measure")
	fs.DurationVar(&o.grace, "grace", 300*time.Millisecond, "the grace period of liveness")
	err = fs.Parse(args)
	if err == flag.ErrHelp {
		fmt.Fprintln(stderr, "usage: bench [FLAG...]")
		fs.SetOutput(stderr)
		fs.PrintDefaults()
		return o, err
	}
	if err != nil {
		return o, err
	}
	if fs.NArg() > 0 {
		return o, fmt.Errorf("%q is no flag; -h lists them", fs.Arg(0))
	}
	if o.n < 0 {
		return o, fmt.Errorf("-n %d: a number of rounds is at least 1", o.n)
	}
	if o.only, err = split(only); err != nil {
		return o, err
	}
	return o, nil
}

// split reads the value of -only; empty is everything that need not be asked for.
func split(only string) (wanted []string, err error) {
	if only == "" {
		for _, e := range experiments {
			if !e.asked {
				wanted = append(wanted, e.name)
			}
		}
		return wanted, nil
	}
	for _, name := range strings.Split(only, ",") {
		if !slices.Contains(names(), name) {
			return nil, fmt.Errorf("-only %s: there is no %q, but %s", only, name, strings.Join(names(), ", "))
		}
		wanted = append(wanted, name)
	}
	return wanted, nil
}

func names() (all []string) {
	for _, e := range experiments {
		all = append(all, e.name)
	}
	return all
}
