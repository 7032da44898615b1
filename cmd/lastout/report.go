package main

import (
	"context"
	"fmt"
	"io"
	"log/slog"
	"strconv"
	"strings"
	"sync"
	"unicode"
	"unicode/utf8"

	"lastout/cmd/lastout/internal/annotate"
	"lastout/cmd/lastout/internal/facts"
	"lastout/subreaper"
)

// messages writes what lastout has to say: one line each, "lastout: " before it.
type messages struct {
	mu    sync.Mutex
	w     io.Writer
	ended <-chan struct{} // who reads is waited for until it is closed; nil: for ever
}

// say writes one line in one write. An error is nobody's business: there is no place left to report
// it.
func (m *messages) say(format string, args ...any) { m.line(printable(fmt.Sprintf(format, args...))) }

// line is say for a text that is known to be printable.
func (m *messages) line(text string) { m.raw("lastout: " + text + "\n") }

// raw writes what others are to parse, which does not look as our messages do.
func (m *messages) raw(text string) {
	m.mu.Lock()
	defer m.mu.Unlock()
	writeUntil(m.w, text, m.ended)
}

// until says what ends a wait for who reads.
func (m *messages) until(ended <-chan struct{}) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.ended = ended
}

// printable replaces what could end the line, drive the terminal or command a CI system: command
// lines come from anybody.
func printable(s string) string {
	s = annotate.Disobeyed(strings.ToValidUTF8(s, string(utf8.RuneError)))
	if !strings.ContainsFunc(s, func(r rune) bool { return !unicode.IsPrint(r) }) {
		return s
	}
	var b strings.Builder
	for _, r := range s {
		if unicode.IsPrint(r) {
			b.WriteRune(r)
		} else {
			q := strconv.QuoteRune(r)
			b.WriteString(q[1 : len(q)-1])
		}
	}
	return b.String()
}

// quoted is for words that may be empty or hold spaces.
func quoted(s string) string {
	if s == "" || strings.ContainsFunc(s, func(r rune) bool { return r == ' ' || !unicode.IsPrint(r) }) {
		return strconv.Quote(s)
	}
	return s
}

// shellQuoted returns a word as a shell reads it back (sh(1), Quoting).
func shellQuoted(s string) string {
	plain := func(r rune) bool {
		return r < utf8.RuneSelf && (unicode.IsLetter(r) || unicode.IsDigit(r)) || strings.ContainsRune("@%+=:,./_-", r)
	}
	if s != "" && !strings.ContainsFunc(s, func(r rune) bool { return !plain(r) }) {
		return s
	}
	return "'" + strings.ReplaceAll(s, "'", `'\''`) + "'"
}

// shorten cuts a text to n characters.
func shorten(s string, n int) string {
	r := []rune(s)
	if len(r) <= n {
		return s
	}
	return string(r[:n-3]) + "..."
}

const (
	maxReported = 20 // lines; a bomb leaves thousands
	maxCommand  = 60 // characters
)

// leaks is what there is to say of leftovers.
type leaks struct {
	title string // "" where there is nothing to say
	rows  []row
	more  int // that are not among the rows
}

// leaksOf collects what is to be said of leftovers. Those that are allowed are only told of with
// -v.
func (o *options) leaksOf(run *facts.Run, home place, k look) leaks {
	l := leaks{title: title(run, o.verbose > 0)}
	if l.title == "" {
		return l
	}
	p := picture{o: o, look: k, home: home, most: maxReported}
	total := run.Leaks
	for _, left := range run.Leftovers {
		if o.verbose > 0 || !left.Allowed {
			p.list = append(p.list, left)
		}
	}
	if o.verbose > 0 {
		total += run.Allowed
	}
	l.rows = p.draw()
	l.more = total - len(l.rows)
	return l
}

// rest says how many more there are than rows, "" for none.
func (l *leaks) rest() string {
	if l.more <= 0 || len(l.rows) == 0 { // the title says how many there are
		return ""
	}
	return fmt.Sprintf("and %d more", l.more)
}

// say writes the lines below the title.
func (l *leaks) say(m *messages, k look) {
	for _, r := range l.rows {
		m.line("  " + r.dressed(k))
	}
	if rest := l.rest(); rest != "" {
		m.say("  %s", rest)
	}
}

func (m *messages) survivors(list []subreaper.Survivor) {
	for i, s := range list {
		if i == maxReported {
			m.say("and %d more", len(list)-i)
			return
		}
		what := "cannot end"
		if s.Err == nil { // it may be slow, as on a machine that has much else to do
			what = "waiting for"
		}
		m.say("%s %d (%s): %s", what, s.PID, shorten(s.Cmdline, maxCommand), s.Reason())
	}
}

// logHandler writes what -v asks for as messages.
type logHandler struct {
	*messages
	level slog.Level
}

func (h logHandler) Enabled(_ context.Context, l slog.Level) bool { return l >= h.level }

func (h logHandler) Handle(_ context.Context, rec slog.Record) error {
	var b strings.Builder
	b.WriteString(rec.Message)
	rec.Attrs(func(a slog.Attr) bool {
		fmt.Fprintf(&b, " %s=%s", a.Key, quoted(a.Value.String()))
		return true
	})
	h.say("%s", b.String())
	return nil
}

func (h logHandler) WithAttrs([]slog.Attr) slog.Handler { return h }

func (h logHandler) WithGroup(string) slog.Handler { return h }

// logger returns one for a number of -v; nil for none.
func (m *messages) logger(verbose int) *slog.Logger {
	switch verbose {
	case 0:
		return nil
	case 1:
		return slog.New(logHandler{m, slog.LevelInfo})
	}
	return slog.New(logHandler{m, slog.LevelDebug})
}
