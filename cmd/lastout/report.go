package main

import (
	"context"
	"fmt"
	"io"
	"log/slog"
	"strconv"
	"strings"
	"sync"
	"time"
	"unicode"
	"unicode/utf8"

	"lastout/jobs"
	"lastout/subreaper"
)

// messages writes what lastout has to say: one line each, "lastout: " before it.
type messages struct {
	mu sync.Mutex
	w  io.Writer
}

// say writes one line in one write. An error is nobody's business: there is no place left to report it.
func (m *messages) say(format string, args ...any) {
	m.mu.Lock()
	defer m.mu.Unlock()
	writeQuietly(m.w, "lastout: "+printable(fmt.Sprintf(format, args...))+"\n")
}

// printable replaces what could end the line or drive the terminal: command lines come from anybody.
func printable(s string) string {
	s = strings.ToValidUTF8(s, string(utf8.RuneError))
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

// leftovers reports what was alive after its leader, and before that, if memory was short, why there is no leader.
func (m *messages) leftovers(o *options, name string, r *jobs.Result) {
	m.outOfMemory(o, name, r)
	if o.quiet || r.LeftoverCount == 0 {
		return
	}
	noun := "processes"
	if r.LeftoverCount == 1 {
		noun = "process"
	}
	m.say("%s left %d %s behind", shorten(name, maxCommand), r.LeftoverCount, noun)
	// Who needed SIGKILL first: there the misbehaving programs are.
	shown := 0
	for _, killed := range []bool{true, false} {
		for _, l := range r.Leftovers {
			if killed == (l.End == jobs.ByKill || l.End == jobs.NotEnded) && shown < maxReported {
				m.say("  %d %s, %s old, %s", l.PID, shorten(l.Cmdline, maxCommand), age(l.Age), ending(o, &l))
				shown++
			}
		}
	}
	if rest := r.LeftoverCount - shown; rest > 0 {
		m.say("  and %d more", rest)
	}
}

func ending(o *options, l *jobs.Leftover) string {
	switch {
	case l.End == jobs.ByStopSignal:
		return "ended by " + signalName(o.stopSignal.sig)
	case l.End == jobs.ByKill:
		return "ended by KILL"
	case l.End == jobs.NotEnded:
		return "still alive"
	case l.Reaped && l.Status.Signaled(): // one that was forwarded, or somebody else's
		return "died of " + signalName(l.Status.Signal())
	}
	return "ended by itself"
}

// age rounds to what a reader wants to know.
func age(d time.Duration) string {
	switch {
	case d < time.Second:
		return d.Round(time.Millisecond).String()
	case d < time.Minute:
		return d.Round(100 * time.Millisecond).String()
	}
	return d.Round(time.Second).String()
}

func (m *messages) survivors(list []subreaper.Survivor) {
	for i, s := range list {
		if i == maxReported {
			m.say("cannot end %d more", len(list)-i)
			return
		}
		m.say("cannot end %d (%s): %s", s.PID, shorten(s.Cmdline, maxCommand), s.Reason())
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
