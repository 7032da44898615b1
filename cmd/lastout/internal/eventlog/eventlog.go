// Package eventlog writes a program's own events to where services keep them: a file of JSON lines,
// systemd's journal in its native protocol (https://systemd.io/JOURNAL_NATIVE_PROTOCOL/), or the
// local syslog daemon (RFC 3164, as syslog(3) sends it).
//
// Nothing here waits for a reader: a record that cannot be written at once is lost, and counted. A
// handler is a [slog.Handler] without groups.
package eventlog

import (
	"log/slog"
	"strconv"
	"strings"
	"unicode"
)

// Sockets of the daemons. A file of the name "journal" or "syslog" is meant by "./journal".
const (
	JournalSocket = "/run/systemd/journal/socket"
	SyslogSocket  = "/dev/log"
)

// identifier is the name that the events are found by: journalctl -t lastout.
const identifier = "lastout"

// severity is that of syslog(3).
func severity(l slog.Level) int {
	switch {
	case l >= slog.LevelError:
		return 3
	case l >= slog.LevelWarn:
		return 4
	case l >= slog.LevelInfo:
		return 6
	}
	return 7
}

// attributes returns those of a handler and those of a record, the handler's first.
func attributes(own []slog.Attr, r *slog.Record) []slog.Attr {
	all := own[:len(own):len(own)]
	r.Attrs(func(a slog.Attr) bool {
		all = append(all, a)
		return true
	})
	return all
}

// word is a value as it stands in a line: in quotes where it would not be one word otherwise.
func word(s string) string {
	if s == "" || strings.ContainsFunc(s, func(r rune) bool {
		return r <= ' ' || r == '"' ||
			r == unicode.ReplacementChar || !unicode.IsPrint(r)
	}) {
		return strconv.Quote(s)
	}
	return s
}

// maxValue bounds a value: a datagram has its limit, and a command line may have megabytes.
const maxValue = 2048

func bounded(s string) string {
	if len(s) > maxValue {
		return s[:maxValue] + "..."
	}
	return s
}
