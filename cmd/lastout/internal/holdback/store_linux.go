package holdback

import (
	"encoding/binary"
	"errors"
	"io"
	"os"
	"slices"
)

// A frame is a header and the data of one write: the stream in the highest bit of two bytes and the
// data's length below, and two bytes with the number of lines that end in it.
const (
	headerSize = 4
	maxFrame   = 1<<15 - 1
)

const (
	memLimit  = 1 << 20 // bytes of frames in memory
	punchUnit = 8 << 20 // bytes that are given back to the disk at a time
)

// store keeps frames: the newest in memory, those before in a file.
type store struct {
	tail  Tail
	limit int64 // of the data; 0: none
	mem   []byte

	file      *os.File
	head, end int64 // of the frames in it
	punched   int64 // what was given back before head
	noFile    bool  // there is none to be had
	buf       []byte

	kept size // the data of all frames
	lost int64
	err  error // the first reason for a loss
}

// space returns where the data of the next frame goes.
func (s *store) space() []byte {
	n := len(s.mem) + headerSize
	s.mem = slices.Grow(s.mem, headerSize+maxFrame)
	return s.mem[n : n+maxFrame]
}

// add makes a frame of what is in the space.
func (s *store) add(stream Stream, data size) {
	n := len(s.mem)
	s.mem = s.mem[:n+headerSize+int(data.bytes)]
	binary.NativeEndian.PutUint16(s.mem[n:], uint16(stream)<<15|uint16(data.bytes))
	binary.NativeEndian.PutUint16(s.mem[n+2:], uint16(data.lines))
	s.kept.add(data)
	if len(s.mem) > memLimit {
		s.trim(func(_ int64, rest size) bool { return s.tail.spares(rest) })
		s.bound()
		if len(s.mem) > memLimit/2 {
			s.flush()
		}
	}
}

// bound forgets the oldest frames beyond the limit.
func (s *store) bound() {
	if s.limit == 0 || s.kept.bytes <= s.limit {
		return
	}
	s.fail(ErrLimit)
	s.lost += s.trim(func(_ int64, rest size) bool { return rest.bytes >= s.limit }).bytes
}

// frame is a header.
type frame struct {
	stream Stream
	data   size
}

func parse(header []byte) frame {
	n := binary.NativeEndian.Uint16(header)
	return frame{Stream(n >> 15), size{int64(n & maxFrame), int64(binary.NativeEndian.Uint16(header[2:]))}}
}

// scan calls f for every frame, from the oldest on, until it returns false.
func (s *store) scan(f func(Stream, []byte) bool) error {
	if s.buf == nil && s.file != nil {
		s.buf = make([]byte, 4*maxFrame)
	}
	for at := s.head; at < s.end; {
		n, err := s.file.ReadAt(s.buf[:min(int64(len(s.buf)), s.end-at)], at)
		if err != nil && err != io.EOF {
			return err
		}
		used, more := frames(s.buf[:n], f)
		if !more {
			return nil
		}
		if used == 0 {
			return io.ErrUnexpectedEOF
		}
		at += int64(used)
	}
	frames(s.mem, f)
	return nil
}

// frames calls f for the frames that buf holds whole, and returns how many bytes those take.
func frames(buf []byte, f func(Stream, []byte) bool) (used int, more bool) {
	for len(buf)-used >= headerSize {
		h := parse(buf[used:])
		next := used + headerSize + int(h.data.bytes)
		if next > len(buf) {
			break
		}
		if !f(h.stream, buf[used+headerSize:next]) {
			return used, false
		}
		used = next
	}
	return used, true
}

// trim forgets the oldest frames for as long as it may, told how long the next one is and what
// would remain.
func (s *store) trim(may func(frame int64, rest size) bool) (gone size) {
	var drop int64 // bytes of frames
	err := s.scan(func(_ Stream, data []byte) bool {
		one := measure(data)
		rest := s.kept
		rest.sub(one)
		if !may(headerSize+one.bytes, rest) {
			return false
		}
		s.kept = rest
		gone.add(one)
		drop += headerSize + one.bytes
		return true
	})
	s.fail(err)
	inFile := min(drop, s.end-s.head)
	s.head += inFile
	if s.head-s.punched >= punchUnit {
		s.punch()
	}
	s.mem = s.mem[:copy(s.mem, s.mem[drop-inFile:])]
	return gone
}

// flush moves what is in memory to the file. Where that cannot be, the oldest goes: of the file, or
// of what is in memory.
func (s *store) flush() {
	for !s.noFile {
		err := s.write()
		if err == nil {
			s.end += int64(len(s.mem))
			s.mem = s.mem[:0]
			return
		}
		s.fail(err)
		if !s.makeRoom() {
			s.drop()
			s.noFile = true
		}
	}
	s.lose(int64(len(s.mem) / 2))
}

// makeRoom gives the older half of the file back, and reports whether that may help.
func (s *store) makeRoom() bool {
	if s.file == nil || s.end-s.head < memLimit {
		return false
	}
	s.lose((s.end - s.head) / 2)
	if !s.punch() { // all of it, then
		s.lose(s.end - s.head)
		s.head, s.end, s.punched = 0, 0, 0
		return s.file.Truncate(0) == nil
	}
	return true
}

// lose forgets the oldest frames, n bytes of them or a little less.
func (s *store) lose(n int64) {
	s.lost += s.trim(func(frame int64, _ size) bool {
		n -= frame
		return n >= 0
	}).bytes
}

// fail remembers the first error: errors that follow follow from it.
func (s *store) fail(err error) {
	var path *os.PathError
	if errors.As(err, &path) {
		err = path.Err
	}
	if s.err == nil {
		s.err = err
	}
}

// drop closes the file, and forgets what is in it.
func (s *store) drop() {
	if s.file == nil {
		return
	}
	mem := size{}
	frames(s.mem, func(_ Stream, data []byte) bool {
		mem.add(measure(data))
		return true
	})
	s.lost += s.kept.bytes - mem.bytes
	s.kept = mem
	s.file.Close()
	s.file, s.head, s.end, s.punched = nil, 0, 0, 0
}
