package holdback

import (
	"bytes"
	"errors"
	"strconv"
)

// Tail says how much of the end of an output is wanted: a number of lines, or of bytes. The zero
// Tail wants all of it.
type Tail struct{ Lines, Bytes int64 }

var errTail = errors.New("want a number of lines, such as 200, or of bytes, such as 10k or 1M")

// units are powers of 1024, as tail(1) has them.
const units = "bkMG"

// ParseTail reads a number of lines, "200", or, with one of the units b, k, M and G, of bytes:
// "512b", "10k".
func ParseTail(s string) (Tail, error) {
	unit := -1
	for i := range len(units) {
		if n := len(s) - 1; n > 0 && s[n] == units[i] {
			s, unit = s[:n], i
			break
		}
	}
	n, err := strconv.ParseInt(s, 10, 40)
	if err != nil || n <= 0 || s[0] == '+' {
		return Tail{}, errTail
	}
	if unit < 0 {
		return Tail{Lines: n}, nil
	}
	if n > 1<<40>>(10*unit) {
		return Tail{}, errors.New("that is more than a terabyte")
	}
	return Tail{Bytes: n << (10 * unit)}, nil
}

// String is what ParseTail reads.
func (t Tail) String() string {
	switch {
	case t.Lines > 0:
		return strconv.FormatInt(t.Lines, 10)
	case t.Bytes > 0:
		n, unit := t.Bytes, 0
		for n%1024 == 0 && unit < len(units)-1 {
			n, unit = n/1024, unit+1
		}
		return strconv.FormatInt(n, 10) + units[unit:unit+1]
	}
	return ""
}

// size counts an output.
type size struct{ bytes, lines int64 }

func measure(data []byte) size {
	return size{int64(len(data)), int64(bytes.Count(data, []byte{'\n'}))}
}

func (s *size) add(o size) { s.bytes, s.lines = s.bytes+o.bytes, s.lines+o.lines }

func (s *size) sub(o size) { s.bytes, s.lines = s.bytes-o.bytes, s.lines-o.lines }

// spares reports whether a tail does without what is older than the rest. A line more than are
// wanted: the first is a piece of one.
func (t Tail) spares(rest size) bool {
	return t.Lines > 0 && rest.lines > t.Lines || t.Bytes > 0 && rest.bytes >= t.Bytes
}

// skip is what is left to pass over before the tail of an output begins.
type skip struct{ bytes, lines int64 }

func (t Tail) skip(kept size, unfinished bool) skip {
	switch {
	case t.Bytes > 0:
		return skip{bytes: max(kept.bytes-t.Bytes, 0)}
	case t.Lines > 0 && unfinished:
		return skip{lines: max(kept.lines+1-t.Lines, 0)}
	case t.Lines > 0:
		return skip{lines: max(kept.lines-t.Lines, 0)}
	}
	return skip{}
}

// of returns what is not passed over of the next data.
func (s *skip) of(data []byte) []byte {
	n := min(s.bytes, int64(len(data)))
	s.bytes, data = s.bytes-n, data[n:]
	for s.lines > 0 && len(data) > 0 {
		at := bytes.IndexByte(data, '\n')
		if at < 0 {
			return nil
		}
		s.lines, data = s.lines-1, data[at+1:]
	}
	return data
}
