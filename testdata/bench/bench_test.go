//go:build linux

package main

import (
	"encoding/json"
	"encoding/xml"
	"io"
	"math"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

func TestSummarise(t *testing.T) {
	for _, c := range []struct {
		samples []float64
		want    Summary
	}{
		{nil, Summary{}},
		{[]float64{3}, Summary{1, 3, 3, 3, 3, 3}},
		{[]float64{2, 1}, Summary{2, 1.5, 1.1, 1.9, 1.99, 2}},
		{[]float64{5, 1, 4, 2, 3}, Summary{5, 3, 1.4, 4.6, 4.96, 5}},
	} {
		got := summarise(c.samples)
		if got.N != c.want.N || !near(got.Median, c.want.Median) || !near(got.P10, c.want.P10) ||
			!near(got.P90, c.want.P90) || !near(got.P99, c.want.P99) || got.Max != c.want.Max {
			t.Errorf("%v: %+v, want %+v", c.samples, got, c.want)
		}
	}
}

func near(a, b float64) bool { return math.Abs(a-b) < 1e-9 }

func TestSummariseKeepsOrder(t *testing.T) {
	samples := []float64{3, 1, 2}
	summarise(samples)
	if !slices.Equal(samples, []float64{3, 1, 2}) {
		t.Errorf("the samples were sorted in place: %v", samples)
	}
}

func TestNumber(t *testing.T) {
	for v, want := range map[float64]string{0: "0", 7: "7", 0.1234: "0.123", 1.234: "1.23", 12.34: "12.3",
		123.4: "123", -0.5: "-0.500", 1234567: "1234567"} {
		if got := number(v); got != want {
			t.Errorf("%v: %q, want %q", v, got, want)
		}
	}
}

func TestRatios(t *testing.T) {
	g := &Group{Base: tini}
	g.add(tini, 10, []float64{2})
	g.add(pair, 10, []float64{3})
	g.add(pair, 20, []float64{3})
	g.add("absent", 10, nil)
	g.compare()
	if len(g.Rows) != 3 || g.Rows[0].Ratio != 1 || g.Rows[1].Ratio != 1.5 || g.Rows[2].Ratio != 0 {
		t.Errorf("%+v", g.Rows)
	}
	g.want("a", g.ratio(pair, tini, 10), 1.5)
	g.want("b", g.ratio(pair, tini, 10), 1.4)
	g.want("not measured", g.ratio(pair, tini, 20), 1)
	g.wantAtLeast("c", g.ratio(pair, tini, 10), 1.6)
	if len(g.Goals) != 3 || len(g.Notes) != 1 || !strings.Contains(g.Notes[0], "not measured") {
		t.Errorf("a goal without a figure is not noted: %+v, %q", g.Goals, g.Notes)
	}
	var met []bool
	for _, goal := range g.Goals {
		met = append(met, goal.Met())
	}
	if !slices.Equal(met, []bool{true, false, false}) {
		t.Errorf("%+v: %v", g.Goals, met)
	}
}

func TestSplit(t *testing.T) {
	all, err := split("")
	if err != nil || !slices.Contains(all, "overhead") || slices.Contains(all, "liveness") {
		t.Errorf("%v, %v", all, err)
	}
	two, err := split("teardown,liveness")
	if err != nil || !slices.Equal(two, []string{"teardown", "liveness"}) {
		t.Errorf("%v, %v", two, err)
	}
	for _, bad := range []string{"tear", "overhead,", ",", "overhead reaping"} {
		if _, err := split(bad); err == nil {
			t.Errorf("%q was taken", bad)
		}
	}
}

func TestParseRefuses(t *testing.T) {
	for _, args := range [][]string{{"-n", "-1"}, {"-n", "x"}, {"-only", "x"}, {"overhead"}, {"-x"}} {
		if _, err := parse(args, io.Discard); err == nil || strings.Contains(err.Error(), "\n") {
			t.Errorf("%q: %v", args, err)
		}
	}
}

func TestField(t *testing.T) {
	const text = "Name:\tx\nPss:                1234 kB\nPss_Dirty: 9 kB\nmodel name\t: A: B\nvoluntary_ctxt_switches:\t5\nnonvoluntary_ctxt_switches:\t7\n"
	for name, want := range map[string]string{"Name": "x", "model name": "A: B", "voluntary_ctxt_switches": "5",
		"ctxt_switches": ""} {
		if got := field(text, name); got != want {
			t.Errorf("%s: %q, want %q", name, got, want)
		}
	}
	if got := kibibytes(text, "Pss"); got != 1234 {
		t.Errorf("Pss: %d", got)
	}
	if got := kibibytes(text, "Rss"); got != 0 {
		t.Errorf("Rss, which is not there: %d", got)
	}
}

func TestMountOf(t *testing.T) {
	const text = "30 1 0:26 / /sys/fs/cgroup/pids rw - cgroup cgroup rw,pids\nshort - cgroup2\n31 1 0:27 / /sys/fs/cgroup/unified rw shared:4 - cgroup2 cgroup2 rw\n"
	if got := mountOf(text, "cgroup2"); got != "/sys/fs/cgroup/unified" {
		t.Errorf("%q", got)
	}
	if got := mountOf(text, "proc"); got != "" {
		t.Errorf("%q", got)
	}
}

func TestFloats(t *testing.T) {
	if got, err := floats("12\n3.5\n"); err != nil || !slices.Equal(got, []float64{12, 3.5}) {
		t.Errorf("%v, %v", got, err)
	}
	for _, bad := range []string{"", "\n", "12 x"} {
		if _, err := floats(bad); err == nil {
			t.Errorf("%q was taken", bad)
		}
	}
}

func TestOutputs(t *testing.T) {
	for out, want := range map[string][2]string{
		"dir":       {filepath.Join("dir", "bench.json"), filepath.Join("dir", "bench.svg")},
		"a/b.json":  {"a/b.json", "a/b.svg"},
		"dir.json/": {filepath.Join("dir.json", "bench.json"), filepath.Join("dir.json", "bench.svg")},
	} {
		if data, chart := outputs(out); data != want[0] || chart != want[1] {
			t.Errorf("%s: %s, %s", out, data, chart)
		}
	}
}

func TestAxis(t *testing.T) {
	linear := newAxis(0, 100, 1, 9, false)
	if linear.at(0) != 0 || linear.at(linear.max) != 100 || linear.at(-3) != 0 || linear.max < 9 {
		t.Errorf("%+v", linear)
	}
	log := newAxis(100, 0, 0.2, 300, true)
	if !slices.Equal(log.ticks, []float64{0.1, 1, 10, 100, 1000}) || !near(log.at(10), 50) || log.at(0) != 100 {
		t.Errorf("%+v", log)
	}
	// Nothing was above zero: an axis all the same.
	for _, a := range []axis{newAxis(0, 1, 0, 0, false), newAxis(0, 1, math.Inf(1), 0, true),
		newAxis(0, 1, 10, 10, true)} {
		if len(a.ticks) < 2 || len(a.ticks) > 12 || math.IsNaN(a.at(0)) {
			t.Errorf("%+v", a)
		}
	}
}

// sample is a report with everything that can be in one.
func sample() *Report {
	bars := &Group{Experiment: "overhead", Title: "wall <time>", Unit: "ms", Base: tini}
	bars.add(pair, 0, []float64{1, 2, 3})
	bars.add(tini, 0, []float64{-1, 1, 1})
	bars.want("lastout / tini", 2, 1.6)
	bars.Notes = []string{"LOST: one"}
	lines := &Group{Experiment: "teardown", Title: "wide", Unit: "ms", Base: namespace, XName: "descendants",
		logX: true}
	for _, n := range []float64{10, 1000} {
		lines.add(pair, n, []float64{n, 2 * n})
		lines.add(namespace, n, []float64{n})
	}
	nothing := &Group{Experiment: "idle", Title: "switches", Unit: "all threads"}
	nothing.add(pair, 0, []float64{0})
	r := &Report{Machine: Machine{Load: 3}, Missing: []string{"tini is not installed"},
		Groups: []*Group{bars, lines, nothing}}
	for _, g := range r.Groups {
		g.compare()
	}
	return r
}

func TestText(t *testing.T) {
	var text strings.Builder
	writeText(&text, sample())
	for _, want := range []string{
		"WARNING  a load above 0.5", "MISSING  tini is not installed", "lastout / tini: 2, at most 1.60: MISSED",
		"note   LOST: one", "   1000  PID namespace", "overhead: wall <time>, ms; ratio to tini",
	} {
		if !strings.Contains(text.String(), want) {
			t.Errorf("%q is missing in:\n%s", want, text.String())
		}
	}
}

func TestSVGIsWellFormed(t *testing.T) {
	var svg strings.Builder
	writeSVG(&svg, sample())
	for _, bad := range []string{"NaN", "Inf", "fill=\"\"", "stroke=\"\""} {
		if strings.Contains(svg.String(), bad) {
			t.Errorf("it has %s", bad)
		}
	}
	d := xml.NewDecoder(strings.NewReader(svg.String()))
	for {
		if _, err := d.Token(); err == io.EOF {
			return
		} else if err != nil {
			t.Fatal(err)
		}
	}
}

func TestJSON(t *testing.T) {
	text, err := json.Marshal(sample())
	if err != nil {
		t.Fatal(err)
	}
	var back Report
	if err := json.Unmarshal(text, &back); err != nil {
		t.Fatal(err)
	}
	if got := back.Groups[0].Rows[0]; got.Name != pair || got.Median != 2 || got.N != 3 || got.Ratio != 2 {
		t.Errorf("%+v", got)
	}
}
