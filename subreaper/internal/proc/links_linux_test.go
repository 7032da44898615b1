package proc

import (
	"maps"
	"os"
	"path/filepath"
	"testing"
)

// TestLinks: what a process has open, and for what; of many, the lowest.
func TestLinks(t *testing.T) {
	fs := open(t)
	path := filepath.Join(t.TempDir(), "file")
	w, err := os.Create(path)
	if err != nil {
		t.Fatal(err)
	}
	defer w.Close()
	r, err := os.Open(path)
	if err != nil {
		t.Fatal(err)
	}
	defer r.Close()
	seen := map[bool]int{} // by whether it is open for writing
	visit := func(link []byte, writable func() bool) {
		if string(link) == path {
			seen[writable()]++
		}
	}
	fs.Links(int32(os.Getpid()), 1000, visit)
	if want := (map[bool]int{true: 1, false: 1}); !maps.Equal(seen, want) {
		t.Errorf("of the file, seen %v, want %v", seen, want)
	}
	fs.Link(int32(os.Getpid()), int32(w.Fd()), visit)
	if seen[true] != 2 {
		t.Errorf("descriptor %d is not open on %s", w.Fd(), path)
	}
	n := 0
	fs.Links(int32(os.Getpid()), 2, func([]byte, func() bool) { n++ })
	if n != 2 {
		t.Errorf("%d descriptors, want the lowest 2", n)
	}
	fs.Links(1<<30, 10, func([]byte, func() bool) { t.Error("somebody who is not there has a file open") })
}
