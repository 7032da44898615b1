package main

import (
	"strings"
	"syscall"
	"testing"
	"time"
	"unicode"
	"unicode/utf8"

	"lastout/cmd/lastout/internal/annotate"
)

func TestParseDuration(t *testing.T) {
	for text, want := range map[string]time.Duration{
		"0": 0, "30": 30 * time.Second, "1.5": 1500 * time.Millisecond, ".5": 500 * time.Millisecond,
		"500ms": 500 * time.Millisecond,
		"1m30s": 90 * time.Second, "2d": 48 * time.Hour, "0.5d": 12 * time.Hour, "1e3": 1000 * time.Second,
	} {
		if got, err := parseDuration(text); err != nil || got != want {
			t.Errorf("%q is %v, %v; want %v", text, got, err, want)
		}
	}
	for _, text := range []string{"", "-1", "-1s", "-0.5", "abc", "nan", "inf", "1e400", "1e30", "0x10",
		"1_000", "5 s", "d", "1 2", "forever"} {
		if got, err := parseDuration(text); err == nil {
			t.Errorf("%q is %v, want an error", text, got)
		}
	}
}

func TestParseSignal(t *testing.T) {
	for text, want := range map[string]syscall.Signal{
		"TERM": 15, "SIGTERM": 15, "term": 15, "sigint": 2, "15": 15, "0": 0, "64": 64, "RTMIN": 34,
		"RTMIN+3": 37, "RTMAX-1": 63, "RTMAX": 64,
	} {
		if got, err := parseSignal(text); err != nil || got != want {
			t.Errorf("%q is %v, %v; want %v", text, got, err, want)
		}
	}
	for _, text := range []string{"", "-1", "65", "32", "33", "NOPE", "SIG", "RTMIN+31", "RTMAX+1", "RTMIN-1",
		"RTMINX", "TERM "} {
		if got, err := parseSignal(text); err == nil {
			t.Errorf("%q is %v, want an error", text, got)
		}
	}
}

func TestSignalNames(t *testing.T) {
	for sig, want := range map[syscall.Signal]string{0: "0", 9: "KILL", 15: "TERM", 37: "RTMIN+3"} {
		if got := signalName(sig); got != want {
			t.Errorf("signal %d is called %s, want %s", int(sig), got, want)
		}
	}
}

func FuzzParseDuration(f *testing.F) {
	for _, s := range []string{"30", "1.5", "2d", "1m30s", "-1", "1e400"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		if d, err := parseDuration(s); err == nil && d < 0 {
			t.Errorf("%q is negative: %v", s, d)
		}
	})
}

func FuzzParseSignal(f *testing.F) {
	for _, s := range []string{"TERM", "15", "RTMIN+3", "RTMAX-64"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		if sig, err := parseSignal(s); err == nil && (sig < 0 || sig > sigRTMax) {
			t.Errorf("%q is signal %d", s, int(sig))
		}
	})
}

func TestPrintable(t *testing.T) {
	for text, want := range map[string]string{
		"sleep 300":        "sleep 300",
		"a\nb":             `a\nb`,
		"\x1b[31mred":      `\x1b[31mred`,
		"caf\u00e9 \u202e": `café \u202e`,
		"bad \xff utf":     "bad \ufffd utf",
		"a ##vso[x]":       `a \x23#vso[x]`,
		"\x00##[x]":        `\x00\x23#[x]`,
		"#\u200b#[x]":      `#\u200b#[x]`,
	} {
		if got := printable(text); got != want {
			t.Errorf("%q is printed as %q, want %q", text, got, want)
		}
	}
}

func FuzzPrintable(f *testing.F) {
	f.Add("a\n::error::b")
	f.Add("##\xff[")
	f.Fuzz(func(t *testing.T, s string) {
		got := printable(s)
		if !utf8.ValidString(got) || strings.ContainsFunc(got,
			func(r rune) bool { return !unicode.IsPrint(r) }) || annotate.Obeyed(got) {
			t.Errorf("%q is printed as %q", s, got)
		}
	})
}

func TestShorten(t *testing.T) {
	if got := shorten(strings.Repeat("é", 100), 10); got != strings.Repeat("é", 7)+"..." {
		t.Errorf("got %q", got)
	}
	if got := shorten("short", 10); got != "short" {
		t.Errorf("got %q", got)
	}
}
