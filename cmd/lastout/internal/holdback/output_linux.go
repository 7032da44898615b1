package holdback

import (
	"errors"
	"sync"
)

// Stream is one of the two that an output consists of.
type Stream uint8

// Streams.
const (
	Stdout Stream = iota
	Stderr
)

// Output is what was held back. It is safe for concurrent use.
type Output struct {
	mu         sync.Mutex
	store      store
	seen       size
	unfinished bool // the last line has no end
}

// New returns an empty Output that will be asked for no more than a tail, and keeps about limit
// bytes, the last ones; 0 is no limit.
func New(tail Tail, limit int64) *Output { return &Output{store: store{tail: tail, limit: limit}} }

// ErrLimit says that there was more than the limit.
var ErrLimit = errors.New("there are more than --hold-limit")

// Write adds data to a stream.
func (o *Output) Write(s Stream, data []byte) {
	o.mu.Lock()
	defer o.mu.Unlock()
	for len(data) > 0 {
		n := min(len(data), maxFrame)
		copy(o.store.space(), data[:n])
		o.add(s, n)
		data = data[n:]
	}
}

// add takes in what was put into the store's space.
func (o *Output) add(s Stream, n int) {
	data := o.store.space()[:n]
	more := measure(data)
	o.unfinished = data[n-1] != '\n'
	o.seen.add(more)
	o.store.add(s, more)
}

// Show passes on the tail of the output, oldest first, in pieces that are valid until emit returns.
// New must have been told of no smaller a tail.
func (o *Output) Show(tail Tail, emit func(Stream, []byte)) {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.store.bound()
	left := tail.skip(o.store.kept, o.unfinished)
	unread := o.store.kept.bytes
	err := o.store.scan(func(s Stream, data []byte) bool {
		unread -= int64(len(data))
		if data = left.of(data); len(data) > 0 {
			emit(s, data)
		}
		return true
	})
	if err != nil {
		o.store.fail(err)
		o.store.lost += unread
	}
}

// Cut returns how much of the output comes before its tail, and in which unit: bytes or lines.
func (o *Output) Cut(tail Tail) (n int64, unit string) {
	o.mu.Lock()
	defer o.mu.Unlock()
	left := tail.skip(o.seen, o.unfinished)
	if tail.Lines > 0 {
		return left.lines, "lines"
	}
	return left.bytes, "bytes"
}

// Lost returns why output that was wanted could not be kept, and how many bytes of it; nil where
// none was.
func (o *Output) Lost() (int64, error) {
	o.mu.Lock()
	defer o.mu.Unlock()
	if t := o.store.tail; o.store.lost == 0 || t.Bytes > 0 && o.store.kept.bytes >= t.Bytes || t.Lines > 0 &&
		o.store.kept.lines > t.Lines {
		return 0, nil
	}
	return o.store.lost, o.store.err
}

// Close gives the disk back.
func (o *Output) Close() {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.store.drop()
}
