package holdback

import (
	"bytes"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// shown is what an output shows: per stream, and all of it in its order.
type shown struct {
	streams [2]bytes.Buffer
	all     bytes.Buffer
	cut     int64
}

func show(o *Output, tail Tail) *shown {
	s := &shown{}
	s.cut, _ = o.Cut(tail)
	o.Show(tail, func(stream Stream, data []byte) {
		s.streams[stream].Write(data)
		s.all.Write(data)
	})
	return s
}

// naive is the tail of a text, by another way.
func naive(tail Tail, text string) string {
	switch {
	case tail.Bytes > 0:
		return text[max(0, len(text)-int(tail.Bytes)):]
	case tail.Lines > 0:
		lines := strings.SplitAfter(text, "\n")
		if lines[len(lines)-1] == "" {
			lines = lines[:len(lines)-1]
		}
		return strings.Join(lines[max(0, len(lines)-int(tail.Lines)):], "")
	}
	return text
}

var tails = []Tail{{}, {Lines: 1}, {Lines: 2}, {Lines: 1000}, {Bytes: 1}, {Bytes: 1000}, {Bytes: 2 << 20}}

// TestShow compares with the naive way what is shown of outputs from nothing to many megabytes, in
// frames of any size.
func TestShow(t *testing.T) {
	t.Setenv("TMPDIR", t.TempDir())
	random := rand.New(rand.NewPCG(1, 2))
	for _, total := range []int{0, 1, 10, 5000, memLimit, 3 << 20} {
		for _, most := range []int{40, 3 * maxFrame} {
			for _, tail := range tails {
				t.Run(fmt.Sprintf("%d bytes, %d at a time, tail %s", total, most, tail), func(t *testing.T) {
					o := New(tail, 0)
					defer o.Close()
					var all strings.Builder
					var streams [2]strings.Builder
					for n := 0; n < total; {
						piece := text(random, 1+random.IntN(most))
						s := Stream(random.IntN(2))
						o.Write(s, piece)
						all.Write(piece)
						streams[s].Write(piece)
						n += len(piece)
					}
					compare(t, o, tail, all.String(), streams)
				})
			}
		}
	}
}

// text is random, with lines of some length and some that are empty.
func text(random *rand.Rand, n int) []byte {
	b := make([]byte, n)
	for i := range b {
		b[i] = "abcdefghijklmnopqrstuvwxyz0123456789\n"[random.IntN(37)]
	}
	return b
}

func compare(t *testing.T, o *Output, tail Tail, all string, streams [2]strings.Builder) {
	t.Helper()
	want := naive(tail, all)
	for range 2 { // what was shown can be shown again
		got := show(o, tail)
		if got.all.String() != want {
			t.Errorf("%d bytes shown, want %d, the same", got.all.Len(), len(want))
		}
		cut := int64(len(all) - len(want))
		if tail.Lines > 0 {
			cut = int64(strings.Count(all[:cut], "\n"))
		}
		if tail != (Tail{}) && got.cut != cut {
			t.Errorf("%d are said to be cut, want %d", got.cut, cut)
		}
		for s := range streams {
			if !strings.HasSuffix(streams[s].String(), got.streams[s].String()) {
				t.Errorf("stream %d has what was not written to it", s)
			}
		}
	}
	if n, err := o.Lost(); n != 0 || err != nil {
		t.Errorf("%d bytes are said to be lost: %v", n, err)
	}
	if len(o.store.mem) > memLimit {
		t.Errorf("%d bytes in memory, want %d at most", len(o.store.mem), memLimit)
	}
}

// TestTailNeedsNoFile: a short tail of a long output stays in memory.
func TestTailNeedsNoFile(t *testing.T) {
	t.Setenv("TMPDIR", filepath.Join(t.TempDir(), "missing"))
	o := New(Tail{Bytes: 100 << 10}, 0)
	for i := range 1 << 16 {
		o.Write(Stdout, fmt.Appendf(nil, "%0100d\n", i))
	}
	got := show(o, Tail{Bytes: 100 << 10})
	if n, err := o.Lost(); got.all.Len() != 100<<10 || err != nil {
		t.Errorf("%d bytes shown, %d lost: %v", got.all.Len(), n, err)
	}
}

// TestNoFile: where no file can be made, the newest output is kept, and the loss is told.
func TestNoFile(t *testing.T) {
	t.Setenv("TMPDIR", filepath.Join(t.TempDir(), "missing"))
	o := New(Tail{}, 0)
	var all strings.Builder
	for i := range 1 << 16 {
		line := fmt.Sprintf("%0100d\n", i)
		o.Write(Stderr, []byte(line))
		all.WriteString(line)
	}
	got := show(o, Tail{})
	if !strings.HasSuffix(all.String(), got.all.String()) || got.all.Len() < memLimit/4 {
		t.Errorf("%d bytes are shown, which are not the newest of all, or too few", got.all.Len())
	}
	if n, err := o.Lost(); err == nil || n != int64(all.Len()-got.all.Len()) {
		t.Errorf("%d bytes are lost (%v), want %d", n, err, all.Len()-got.all.Len())
	}
}

// TestFileHasNoName: what is held back is nobody else's to read, and gone with us.
func TestFileHasNoName(t *testing.T) {
	dir := t.TempDir()
	t.Setenv("TMPDIR", dir)
	o := New(Tail{}, 0)
	o.Write(Stdout, make([]byte, 3*memLimit))
	if o.store.file == nil {
		t.Fatal("there is no file")
	}
	if list, err := os.ReadDir(dir); err != nil || len(list) > 0 {
		t.Errorf("%v, %v", list, err)
	}
	o.Close()
}

// TestPunch: the file of an output of which only the end is wanted does not grow without bound.
func TestPunch(t *testing.T) {
	t.Setenv("TMPDIR", t.TempDir())
	o := New(Tail{Bytes: 4 << 20}, 0)
	defer o.Close()
	line := []byte(strings.Repeat("x", 1023) + "\n")
	for range 100 << 10 { // 100 MiB
		o.Write(Stdout, line)
	}
	if o.store.punched == 0 {
		lacking(t, "this file system cannot punch holes")
	}
	if live := o.store.end - o.store.punched; live > 4<<20+punchUnit+4*memLimit {
		t.Errorf("%d MiB of the disk are used for 4", live>>20)
	}
	if got := show(o, Tail{Bytes: 4 << 20}); got.all.Len() != 4<<20 || got.cut != 96<<20 {
		t.Errorf("%d bytes shown, %d cut", got.all.Len(), got.cut)
	}
}

func lacking(t *testing.T, why string) {
	t.Helper()
	if os.Getenv("LASTOUT_REQUIRE_PEERS") == "1" {
		t.Fatal(why)
	}
	t.Skip(why)
}

// TestUnreadable: what is held back and cannot be read again is lost, and that is told.
func TestUnreadable(t *testing.T) {
	t.Setenv("TMPDIR", t.TempDir())
	o := New(Tail{}, 0)
	o.Write(Stdout, make([]byte, 3*memLimit))
	o.store.file.Close()
	got := show(o, Tail{})
	if n, err := o.Lost(); err == nil || n == 0 || n+int64(got.all.Len()) != 3*memLimit {
		t.Errorf("%d bytes are shown, %d said to be lost (%v), of %d", got.all.Len(), n, err, 3*memLimit)
	}
}
