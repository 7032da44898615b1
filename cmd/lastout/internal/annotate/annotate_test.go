package annotate

import (
	"strings"
	"testing"
	"unicode/utf8"
)

func TestGitHub(t *testing.T) {
	for want, c := range map[string][2]string{
		"::warning title=t::m\n":                                   {"t", "m"},
		"::warning title=a%3A b%2C c%25%0D%0A::a: b, c%25%0D%0A\n": {"a: b, c%\r\n", "a: b, c%\r\n"},
		"::warning title=%253A::%250A::\n":                         {"%3A", "%0A::"},
	} {
		if got := GitHub(Warning, c[0], c[1]); got != want {
			t.Errorf("%q, want %q", got, want)
		}
	}
}

// A message is cut where the runner would cut it, in front of a character; what its escapes take
// does not count.
func TestGitHubLimit(t *testing.T) {
	for _, s := range []string{strings.Repeat("%\n", 5000), strings.Repeat("世", 5000),
		strings.Repeat("x", 4096), "x" + strings.Repeat("é", 4000)} {
		line := GitHub(Error, "t", s)
		message := strings.NewReplacer("%0A", "\n", "%25",
			"%").Replace(strings.TrimSuffix(strings.TrimPrefix(line, "::error title=t::"), "\n"))
		switch {
		case len(message) > maxMessage, !utf8.ValidString(message), strings.Count(line, "\n") != 1:
			t.Errorf("%d bytes, valid %v, %d lines", len(message), utf8.ValidString(message), strings.Count(line, "\n"))
		case len(s) <= maxMessage && message != s, len(s) > maxMessage &&
			!strings.HasPrefix(s, strings.TrimSuffix(message, "...")):
			t.Errorf("%.20q… became %.20q…", s, message)
		case len(s) > maxMessage && len(message) < maxMessage-8:
			t.Errorf("of %d bytes, %d are left", len(s), len(message))
		}
	}
}

func TestSection(t *testing.T) {
	begin, end := Section("lastout_1", "make test left 2", 1700000000, 1700000009)
	if want := "\x1b[0Ksection_start:1700000000:lastout_1[collapsed=true]\r\x1b[0Kmake test left 2\n"; begin != want {
		t.Errorf("%q, want %q", begin, want)
	}
	if want := "\x1b[0Ksection_end:1700000009:lastout_1\r\x1b[0K\n"; end != want {
		t.Errorf("%q, want %q", end, want)
	}
}

// Nothing in a cell means anything to Markdown or HTML.
func TestTable(t *testing.T) {
	got := Table("a `b` <c>", []string{"X", "Y"}, [][]string{{"|", "*x*\n[y](z)"}, {"├─ 1", ""}}, "and 3 more")
	want := "\n#### a &#96;b&#96; &#60;c&#62;\n\n| X | Y |\n| --- | --- |\n| &#124; | &#42;x&#42; &#91;y&#93;(z) |\n| ├─ 1 |  |\n\nand 3 more\n"
	if got != want {
		t.Errorf("%s\nwant\n%s", got, want)
	}
	if got := Table("t", nil, nil, ""); got != "\n#### t\n\n" {
		t.Errorf("without rows: %q", got)
	}
}

func FuzzGitHub(f *testing.F) {
	f.Add("t", "m")
	f.Add("::error::", "%\r\n:,")
	f.Fuzz(func(t *testing.T, title, message string) {
		line := GitHub(Warning, title, message)
		if strings.Count(line, "\n") != 1 || strings.Contains(line, "\r") {
			t.Errorf("more than a line: %q", line)
		}
		properties, _, ok := strings.Cut(strings.TrimPrefix(line, "::warning "), "::")
		if !ok || strings.ContainsAny(strings.TrimPrefix(properties, "title="), ":,") {
			t.Errorf("the title does not end where it should: %q", line)
		}
	})
}
