package main

import (
	"os/exec"
	"slices"
	"strings"
	"testing"
)

func anything(string) bool { return true }

func TestSimple(t *testing.T) {
	for line, want := range map[string][]string{
		"make test":                {"make", "test"},
		"  make\ttest  ":           {"make", "test"},
		`grep "a b" 'c d' e"f"'g'`: {"grep", "a b", "c d", "efg"},
		`prog "" x`:                {"prog", "", "x"},
		"prog A=b":                 {"prog", "A=b"},
		"prog é":                   {"prog", "é"},
	} {
		if got, ok := simple(line, anything); !ok || !slices.Equal(got, want) {
			t.Errorf("%q is %q, %v; want %q", line, got, ok, want)
		}
	}
	for _, line := range []string{
		"", "   ", "a; b", "a && b", "a | b", "a > f", "a < f", "a & ", "(a)", "a $HOME", "a `b`", "a *", "a ?",
		"a [b]", "a {b,c}", "a ~", "a # b",
		"a !b", `a \b`, "A=b prog", "cd /", "exec prog", "if true", "while true", "a 'b", `a "b`, "a\nb",
		"a\x00b", "a \xff", "a\rb", "a \u0085b", "time a", "echo hi",
	} {
		if got, ok := simple(line, anything); ok {
			t.Errorf("%q is taken for simple: %q", line, got)
		}
	}
	if _, ok := simple("no-such-program x", func(string) bool { return false }); ok {
		t.Error("a command that does not resolve is taken for simple: the shell may know better")
	}
}

// What is called simple means the same to the shell: the words that it makes of the line are ours.
func FuzzSimple(f *testing.F) {
	for _, s := range []string{"make test", `grep "a b" 'c d' e"f"'g'`, `p "" x`, "a=b c", `a "b'c" 'd"e'`,
		"a -- -x", `'a' b`, "a 2 b", `a"" ''b`} {
		f.Add(s)
	}
	sh, err := exec.LookPath("sh")
	if err != nil {
		f.Fatal(err)
	}
	f.Fuzz(func(t *testing.T, line string) {
		words, ok := simple(line, anything)
		if !ok {
			return
		}
		out, err := exec.Command(sh, "-c", `w() { printf '%s\0' "$@"; }; w `+line).Output()
		if err != nil {
			t.Fatalf("%q: the shell says %v", line, err)
		}
		if got := strings.Split(strings.TrimSuffix(string(out), "\x00"), "\x00"); !slices.Equal(got, words) {
			t.Errorf("%q: words %q, the shell has %q", line, words, got)
		}
	})
}
