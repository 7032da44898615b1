//go:build linux

package soak

import (
	"flag"
	"fmt"
	"maps"
	"math/rand/v2"
	"os"
	"runtime"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"lastout/testdata/box"
)

var (
	runs  = flag.Uint64("soak.runs", 200, "how many `runs`")
	seed  = flag.Uint64("soak.seed", 0, "the `number` that everything is drawn from; 0 draws that, too")
	alone = flag.Int64("soak.run", -1, "only the run of this `number`")
)

// enough failed runs say what there is to say.
const enough = 5

// trial is the testing.TB of one run: it keeps what failed, and cleans up at the end of the run,
// not of the test.
type trial struct {
	testing.TB
	mu       sync.Mutex
	problems []string
	cleanups []func()
}

func (t *trial) Helper()          {}
func (t *trial) Cleanup(f func()) { t.cleanups = append(t.cleanups, f) }

func (t *trial) Errorf(s string, a ...any) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.problems = append(t.problems, fmt.Sprintf(s, a...))
}

func (t *trial) Fatalf(s string, a ...any) {
	t.Errorf(s, a...)
	runtime.Goexit()
}

// Skipf fails the run: none is left out in silence.
func (t *trial) Skipf(s string, a ...any) { t.Fatalf(s, a...) }

// try plays a run of lastout.
func try(t testing.TB, p plan, lastout string, limit time.Duration) (*run, []string) {
	tr := &trial{TB: t}
	r := &run{plan: &p, t: tr, limit: limit, lastout: lastout, tree: box.Program(t, "soak/tree", "tree")}
	done := make(chan struct{})
	go func() {
		defer close(done)
		defer func() {
			for _, f := range slices.Backward(tr.cleanups) {
				f()
			}
		}()
		r.play()
	}()
	<-done
	return r, tr.problems
}

// TestSoak disturbs lastout, over and over, while it runs a job.
func TestSoak(t *testing.T) {
	if *seed == 0 {
		*seed = rand.Uint64N(1 << 32)
	}
	if os.Geteuid() != 0 {
		t.Fatal("a soak needs root, for a PID namespace and cgroups")
	}
	if ok, release := recycling(); !ok {
		t.Logf("Linux %s has one kernel.pid_max for all PID namespaces: process ids are not used again soon", release)
	}
	first, last := uint64(0), *runs
	if *alone >= 0 {
		first, last = uint64(*alone), uint64(*alone)+1
	}
	fmt.Printf("soak: seed %d, runs %d to %d\n", *seed, first, last-1)
	sum := tally{begun: time.Now(), kinds: map[string]*[2]int{}}
	for n := first; n < last && sum.failed < enough; n++ {
		r, problems := try(t, draw(*seed, n), box.Lastout(t), patience)
		sum.add(r)
		if len(problems) > 0 {
			sum.failed++
			t.Errorf("%s", r.report(problems))
		} else if *alone >= 0 {
			t.Logf("%s", r.report(nil))
		}
		if (n+1-first)%100 == 0 || n+1 == last {
			fmt.Println(&sum)
		}
	}
}

// report says all that is known of a run.
func (r *run) report(problems []string) string {
	var text strings.Builder
	fmt.Fprintf(&text, "run %d of seed %d\n\t%v\n", r.run, r.seed, r.plan)
	for _, d := range r.deeds {
		fmt.Fprintf(&text, "\tdone: %v\n", d)
	}
	if r.returned {
		fmt.Fprintf(&text, "\tended: %s, plausible are %q\n", ending(r.status), r.plausible())
	}
	for _, p := range problems {
		fmt.Fprintf(&text, "\tWRONG: %s\n", p)
	}
	fmt.Fprintf(&text, "\tstderr:\n%s", indent(r.words))
	if len(problems) > 0 {
		fmt.Fprintf(&text, "\tagain: make soak SOAKFLAGS='-soak.seed=%d -soak.run=%d'\n", r.seed, r.run)
	}
	return text.String()
}

func indent(text string) string {
	var b strings.Builder
	n := 0
	for line := range strings.Lines(text) {
		if n++; n > 40 {
			b.WriteString("\t\t…\n")
			break
		}
		fmt.Fprintf(&b, "\t\t%s\n", strings.TrimSuffix(line, "\n"))
	}
	return b.String()
}

// tally counts what has been done.
type tally struct {
	begun                            time.Time
	runs, failed, bystanders, rounds int
	kinds                            map[string]*[2]int // done, missed
}

func (s *tally) add(r *run) {
	s.runs++
	s.bystanders += r.bystanders
	s.rounds += r.rounds
	if len(r.deeds) == 0 {
		s.count("none", 0)
	}
	for _, d := range r.deeds {
		missed := 0
		if d.miss != "" {
			missed = 1
		}
		s.count(d.name(), missed)
	}
}

func (s *tally) count(kind string, column int) {
	if s.kinds[kind] == nil {
		s.kinds[kind] = new([2]int)
	}
	s.kinds[kind][column]++
}

func (s *tally) String() string {
	var kinds []string
	for _, name := range slices.Sorted(maps.Keys(s.kinds)) {
		text := fmt.Sprintf("%s %d", name, s.kinds[name][0])
		if missed := s.kinds[name][1]; missed > 0 {
			text += fmt.Sprintf(" (and %d missed)", missed)
		}
		kinds = append(kinds, text)
	}
	took := time.Since(s.begun)
	return fmt.Sprintf("soak: %d runs in %v (%v each), %d failed; %d short-lived bystanders, process ids began again %d times\nsoak: %s",
		s.runs, took.Round(time.Second), (took / time.Duration(s.runs)).Round(time.Millisecond), s.failed,
		s.bystanders, s.rounds,
		strings.Join(kinds, ", "))
}
