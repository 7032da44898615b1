package main

import (
	"fmt"
	"path"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"lastout/cmd/lastout/internal/facts"
	"lastout/jobs"
	"lastout/subreaper"
)

// left makes a leftover, in the job's process group 7 and session 1 unless moved.
func left(pid, ppid int, cmdline string, end jobs.End) facts.Leftover {
	return facts.Leftover{Leftover: jobs.Leftover{
		Process: subreaper.Process{PID: pid, PPID: ppid, PGID: 7, SID: 1, Comm: cmdline, Cmdline: cmdline,
			Age: time.Second}, End: end,
	}}
}

func moved(l facts.Leftover, pgid, sid int) facts.Leftover {
	l.PGID, l.SID = pgid, sid
	return l
}

func holding(l facts.Leftover, o jobs.Outputs) facts.Leftover {
	l.Holds = o
	return l
}

func drawn(k look, most int, list ...facts.Leftover) string {
	o := &options{}
	o.stopSignal.sig = syscall.SIGTERM
	p := picture{o: o, look: k, home: place{7, 1}, list: list, most: most}
	var b strings.Builder
	for _, r := range p.draw() {
		b.WriteString(r.dressed(k) + "\n")
	}
	return b.String()
}

func TestPicture(t *testing.T) {
	for name, c := range map[string]struct{ got, want string }{
		"a list": {drawn(asciiLook, 9, left(10, 2, "a", jobs.ByItself), left(11, 2, "b", jobs.ByStopSignal)), `
10 a, 1s old, ended by itself
11 b, 1s old, ended by TERM
`},
		"who needed KILL comes first": {drawn(asciiLook, 9, left(10, 2, "a", jobs.ByStopSignal),
			left(11, 2, "b", jobs.ByKill), left(12, 2, "c", jobs.NotEnded)), `
11 b, 1s old, ended by KILL
12 c, 1s old, still alive
10 a, 1s old, ended by TERM
`},
		"a tree": {drawn(unicodeLook, 9, left(10, 2, "a", 0), left(11, 10, "b", 0), left(12, 11, "c", 0),
			left(13, 10, "d", 0), left(14, 2, "e", 0), left(15, 14, "f", 0)), `
10 a, 1s old, ended by itself
├─ 11 b, 1s old, ended by itself
│  └─ 12 c, 1s old, ended by itself
└─ 13 d, 1s old, ended by itself
14 e, 1s old, ended by itself
└─ 15 f, 1s old, ended by itself
`},
		"a tree in ASCII, with KILL deep in it": {drawn(asciiLook, 9, left(10, 2, "a", 0), left(14, 2, "e", 0),
			left(15, 14, "f", 0), left(16, 14, "g", 0), left(17, 16, "h", jobs.ByKill)), "\n" +
			"14 e, 1s old, ended by itself\n" +
			"|- 16 g, 1s old, ended by itself\n" +
			"|  `- 17 h, 1s old, ended by KILL\n" +
			"`- 15 f, 1s old, ended by itself\n" +
			"10 a, 1s old, ended by itself\n"},
		"children before their parents": {drawn(asciiLook, 9, left(11, 10, "b", 0), left(10, 2, "a", 0)),
			"\n10 a, 1s old, ended by itself\n`- 11 b, 1s old, ended by itself\n"},
		"moves are told once": {drawn(asciiLook, 9, moved(left(10, 2, "a", 0), 10, 10),
			moved(left(11, 10, "b", 0), 10, 10), moved(left(12, 10, "c", 0), 12, 10),
			moved(left(13, 2, "d", 0), 13, 1)), "\n" +
			"10 a, new session, 1s old, ended by itself\n" +
			"|- 11 b, 1s old, ended by itself\n" +
			"`- 12 c, new process group, 1s old, ended by itself\n" +
			"13 d, new process group, 1s old, ended by itself\n"},
		"the command's own session": {drawn(asciiLook, 9, moved(left(10, 2, "a", 0), 7, 7),
			moved(left(11, 2, "b", 0), 11, 7)), "\n10 a, 1s old, ended by itself\n11 b, new process group, 1s old, ended by itself\n"},
		"what is not known is not told": {drawn(asciiLook, 9, moved(left(10, 2, "?", 0), 0, 0)),
			"\n10 ?, 1s old, ended by itself\n"},
		"open outputs": {drawn(asciiLook, 9, holding(left(10, 2, "a", 0), jobs.Stdout),
			holding(left(11, 2, "b", 0), jobs.Stderr), holding(left(12, 2, "c", 0), jobs.Stdout|jobs.Stderr)), `
10 a, holds stdout open, 1s old, ended by itself
11 b, holds stderr open, 1s old, ended by itself
12 c, holds stdout and stderr open, 1s old, ended by itself
`},
		"colour": {drawn(look{branch: "|- ", corner: "`- ", trunk: "|  ", color: true}, 9,
			left(10, 2, "\x1b[31m", jobs.ByKill), left(11, 10, "b", 0)),
			"\n10 \\x1b[31m, 1s old, \x1b[1;31mended by KILL\x1b[m\n\x1b[2m`- \x1b[m11 b, 1s old, ended by itself\n"},
		"no more lines": {drawn(asciiLook, 1, left(10, 2, "a", 0), left(11, 10, "b", jobs.ByKill)),
			"\n10 a, 1s old, ended by itself\n"},
		"a circle": {drawn(asciiLook, 9, left(10, 11, "a", jobs.ByKill), left(11, 10, "b", 0)),
			"\n10 a, 1s old, ended by KILL\n`- 11 b, 1s old, ended by itself\n"},
		"its own child": {drawn(asciiLook, 9, left(10, 10, "a", 0)), "\n10 a, 1s old, ended by itself\n"},
	} {
		if got := "\n" + c.got; got != c.want {
			t.Errorf("%s:%swant:%s", name, got, c.want)
		}
	}
}

// Every line fits, however deep the tree and long the command lines.
func TestPictureWidth(t *testing.T) {
	var list []facts.Leftover
	for i := range 12 {
		list = append(list, holding(moved(left(4194300+i, 4194299+i, strings.Repeat("世", 500), jobs.ByKill), i,
			i), jobs.Stdout|jobs.Stderr))
	}
	for line := range strings.Lines(drawn(unicodeLook, maxReported, list...)) {
		if n := len([]rune("lastout:   " + line)); n > 160 {
			t.Errorf("%d characters: %s", n, line)
		}
	}
}

// Of a tree as large as there may be, all is counted and drawn in time that does not explode.
func TestPictureOfMany(t *testing.T) {
	var list []facts.Leftover
	for i := range 256 {
		list = append(list, left(1000+i, 999+i, "x", jobs.ByItself))
	}
	if n := strings.Count(drawn(asciiLook, 256, list...), "\n"); n != 256 {
		t.Errorf("%d lines of 256", n)
	}
}

func TestTitle(t *testing.T) {
	for want, run := range map[string]facts.Run{
		"job left 1 process behind":   {Leaks: 1},
		"job left 2 processes behind": {Leaks: 2, Allowed: 3},
		"":                            {Allowed: 3},
		"job left 1 process behind, and 3 allowed": {Leaks: 1, Allowed: 3, Attempt: 1},
		"job left 3 allowed processes behind":      {Allowed: 3, Attempt: 1},
		"job left 1 allowed process behind":        {Allowed: 1, Attempt: 1},
	} {
		run.Name = "job"
		if got := title(&run, run.Attempt == 1); got != want {
			t.Errorf("%+v: %q, want %q", run, got, want)
		}
	}
}

func TestLook(t *testing.T) {
	for env, want := range map[string]struct{ file, terminal string }{
		"":                                  {"ascii", "ascii color"},
		"LANG=C.UTF-8":                      {"unicode", "unicode color"},
		"LANG=de_DE.utf8":                   {"unicode", "unicode color"},
		"LANG=C.UTF-8 LC_CTYPE=C":           {"ascii", "ascii color"},
		"LANG=C LC_CTYPE=C.UTF-8":           {"unicode", "unicode color"},
		"LC_CTYPE=C.UTF-8 LC_ALL=POSIX":     {"ascii", "ascii color"},
		"LANG=C.UTF-8 LC_ALL=":              {"unicode", "unicode color"},
		"NO_COLOR=1":                        {"ascii", "ascii"},
		"NO_COLOR=":                         {"ascii", "ascii color"},
		"TERM=dumb":                         {"ascii", "ascii"},
		"CLICOLOR=0":                        {"ascii", "ascii"},
		"CLICOLOR_FORCE=1":                  {"ascii color", "ascii color"},
		"CLICOLOR_FORCE=0":                  {"ascii", "ascii color"},
		"FORCE_COLOR=3 TERM=dumb":           {"ascii color", "ascii color"},
		"FORCE_COLOR=0":                     {"ascii", "ascii"},
		"FORCE_COLOR=1 NO_COLOR=1":          {"ascii", "ascii"},
		"CLICOLOR_FORCE=1 NO_COLOR=anybody": {"ascii", "ascii"},
	} {
		for terminal, want := range map[bool]string{false: want.file, true: want.terminal} {
			k := lookOf(strings.Fields(env), terminal)
			got := "ascii"
			if k.branch == unicodeLook.branch {
				got = "unicode"
			}
			if k.color {
				got += " color"
			}
			if got != want {
				t.Errorf("%q, terminal %v: %s, want %s", env, terminal, got, want)
			}
		}
	}
}

func TestAllow(t *testing.T) {
	l := jobs.Leftover{Process: subreaper.Process{Comm: "java",
		Cmdline: "/usr/lib/jvm/bin/java -cp /a/b.jar org.gradle.launcher.daemon.GradleDaemon 8.5"}}
	for pattern, want := range map[string]bool{
		"java": true, "jav?": true, "j[a-b]va": true, "*GradleDaemon*": true, "/usr/*": true,
		"/usr/lib/jvm/bin/java *": true, "*/b.jar*": true,
		"Java": false, "GradleDaemon": false, "/usr/lib": false, "jvm": false, "org.*": false,
		"other,java": true, "a?b": false,
	} {
		var v patterns
		if err := v.Set(pattern); err != nil {
			t.Errorf("%q: %v", pattern, err)
		}
		if got := v.allow(l); got != want {
			t.Errorf("%q allows it: %v, want %v", pattern, got, want)
		}
	}
	for _, pattern := range []string{"", "a,", "[", "[a", `\`, "a,[b-"} {
		if err := new(patterns).Set(pattern); err == nil {
			t.Errorf("%q is taken for a pattern", pattern)
		}
	}
	long := jobs.Leftover{Process: subreaper.Process{Comm: "a-daemon-with-a",
		Cmdline: "/sbin/a-daemon-with-a-long-name --x"}}
	if !(patterns{"a-daemon-with-a-long-name"}).allow(long) {
		t.Error("a name of more than 15 bytes is not found")
	}
	if (patterns{"x"}).allow(jobs.Leftover{}) {
		t.Error("a process without a name is allowed")
	}
}

// A text whose special characters are escaped matches itself and nothing longer; * matches
// everything; and no pattern that is taken fails later.
func FuzzAllow(f *testing.F) {
	f.Add("gpg-agent", "*Gradle?[a-z]")
	f.Add("/usr/bin/java -cp [x]", `\*`)
	f.Fuzz(func(t *testing.T, text, pattern string) {
		if strings.ContainsRune(text, 0) || strings.ContainsRune(pattern, 0) {
			return // no command line has that
		}
		escaped := strings.NewReplacer(`\`, `\\`, "*", `\*`, "?", `\?`, "[", `\[`).Replace(text)
		if !glob(escaped, text) || glob(escaped, text+"x") || !glob("*", text) {
			t.Errorf("%q does not match %q as it should", escaped, text)
		}
		var v patterns
		if v.Set(pattern) == nil {
			for _, p := range v {
				if _, err := path.Match(p, text); err != nil {
					t.Errorf("%q was taken, and is %v", p, err)
				}
			}
		}
	})
}

// What an allowed daemon has started is allowed, and nothing else is.
func TestAllowedBelow(t *testing.T) {
	list := []facts.Leftover{left(10, 2, "daemon", 0), left(11, 10, "worker", 0), left(12, 11, "x", 0),
		left(13, 2, "y", 0), left(14, 15, "p", 0), left(15, 14, "q", 0)}
	r := &jobs.Result{LeftoverCount: 300}
	for _, l := range list {
		r.Leftovers = append(r.Leftovers, l.Leftover)
	}
	run := facts.Run{Result: r}
	run.SetLeftovers(patterns{"daemon"}.allow)
	var allowed []int
	for _, l := range run.Leftovers {
		if l.Allowed {
			allowed = append(allowed, l.PID)
		}
	}
	if !slices.Equal(allowed, []int{10, 11, 12}) || run.Allowed != 3 || run.Leaks != 297 {
		t.Errorf("allowed are %v, %d; leaks %d", allowed, run.Allowed, run.Leaks)
	}
}

func TestLeakStatus(t *testing.T) {
	for text, want := range map[string]int{"true": 123, "TRUE": 123, "false": 0, "1": 1, "0": 0, "123": 123,
		"255": 255, "t": 123} {
		var v leakStatus
		if err := v.Set(text); err != nil || v.status != want {
			t.Errorf("%q: %d, %v; want %d", text, v.status, err, want)
		}
	}
	for _, text := range []string{"", "-1", "256", "yes", "x", "1.5", "0x10"} {
		if err := new(leakStatus).Set(text); err == nil {
			t.Errorf("%q is taken for a status", text)
		}
	}
}

func TestUsage(t *testing.T) {
	start := time.Now()
	run := &facts.Run{Start: start, End: start.Add(2 * time.Second),
		Result: &jobs.Result{Reaped: 1, Usage: subreaper.Usage{
			User: time.Second, System: 500 * time.Millisecond, MaxRSS: 3 << 20, MajorFaults: 1, MinorFaults: 2,
			BlocksIn: 3, BlocksOut: 4, VoluntarySwitches: 5, Preemptions: 6,
		}}}
	var b strings.Builder
	(&messages{w: &b}).usage(run)
	want := "lastout: 2.00s elapsed, 1.00s user, 0.50s system, 75% of a processor, 3.0 MiB in the largest process\n" +
		"lastout: 1 process, 1 major and 2 minor page faults, 3 blocks read and 4 written, 11 context switches, 6 of them involuntary\n"
	if b.String() != want {
		t.Errorf("%swant\n%s", &b, want)
	}
	for n, want := range map[int64]string{0: "0.0 KiB", 1536: "1.5 KiB", 5 << 30: "5.0 GiB"} {
		if got := size(n); got != want {
			t.Errorf("%d bytes are %s, want %s", n, got, want)
		}
	}
	if got := fmt.Sprint(share(time.Second, 0)); got != "0" {
		t.Errorf("of no time, %s%%", got)
	}
}
