package eventlog

import (
	"encoding/binary"
	"fmt"
	"log/slog"
	"strconv"
	"strings"
	"time"
)

// journalEntry is a record in the native protocol: a field a line, or its length in 64 bits and its
// data where that has newlines.
func journalEntry(own []slog.Attr, r *slog.Record) []byte {
	b := field(nil, "MESSAGE", r.Message)
	b = field(b, "PRIORITY", strconv.Itoa(severity(r.Level)))
	b = field(b, "SYSLOG_IDENTIFIER", identifier)
	for _, a := range attributes(own, r) {
		b = field(b, "LASTOUT_"+fieldName(a.Key), bounded(a.Value.String()))
	}
	return b
}

func field(b []byte, name, value string) []byte {
	b = append(b, name...)
	if !strings.Contains(value, "\n") {
		return append(append(append(b, '='), value...), '\n')
	}
	b = binary.LittleEndian.AppendUint64(append(b, '\n'), uint64(len(value)))
	return append(append(b, value...), '\n')
}

// fieldName has capital letters, digits and underscores; anything else is refused by the journal.
func fieldName(key string) string {
	return strings.Map(func(r rune) rune {
		switch {
		case r >= 'A' && r <= 'Z', r >= '0' && r <= '9':
			return r
		case r >= 'a' && r <= 'z':
			return r - 'a' + 'A'
		}
		return '_'
	}, key)
}

const facilityUser = 1 // as logger(1) has it where nothing else is said

// syslogLine is a record as syslog(3) sends it to the local daemon, which adds the host's name:
// priority, local time, program and process id, text.
func syslogLine(own []slog.Attr, r *slog.Record, pid int) []byte {
	var b strings.Builder
	fmt.Fprintf(&b, "<%d>%s %s[%d]: %s", facilityUser<<3|severity(r.Level), r.Time.Format(time.Stamp),
		identifier, pid, r.Message)
	for _, a := range attributes(own, r) {
		fmt.Fprintf(&b, " %s=%s", a.Key, word(bounded(a.Value.String())))
	}
	return []byte(b.String())
}
