package ancestry

import (
	"os"
	"strconv"
	"strings"
	"testing"
)

func TestParentIn(t *testing.T) {
	for _, c := range []struct {
		stat string
		want int
	}{
		{"12 (sh) S 7 12 12 0 -1", 7},
		{"12 (a b) S 7 12 12", 7},
		{"12 () Z 1 () S 7 12", 7},
		{"12 (a) Z 1 (\nb) T 4194304 12", 4194304},
		{"1 (init) S 0 1 1", 0},
		{"", 0},
		{"12 (sh)", 0},
		{"12 (sh) S", 0},
		{"12 (sh) S x", 0},
		{"12 sh S 7 12", 0},
		{"12 (sh) S 99999999999999999999", 0},
	} {
		if got := parentIn([]byte(c.stat)); got != c.want {
			t.Errorf("%q: %d, want %d", c.stat, got, c.want)
		}
	}
}

func TestParent(t *testing.T) {
	if got := Parent(os.Getpid()); got != os.Getppid() {
		t.Errorf("our parent is %d, want %d", got, os.Getppid())
	}
	if got := Parent(1 << 30); got != 0 {
		t.Errorf("nobody's parent is %d", got)
	}
}

// FuzzParentIn: whatever the name of a process holds, its parent is found.
func FuzzParentIn(f *testing.F) {
	for _, name := range []string{"sh", "", ")", ") Z 1 (", "a\nb", "\xff (", "((("} {
		f.Add(name, 7)
	}
	f.Fuzz(func(t *testing.T, name string, ppid int) {
		if ppid < 0 {
			ppid = -(ppid + 1)
		}
		stat := "12 (" + name + ") S " + strconv.Itoa(ppid) + " 12 12 0 -1 4194560"
		if got := parentIn([]byte(stat)); got != ppid {
			t.Errorf("%q: %d, want %d", stat, got, ppid)
		}
		if got := parentIn([]byte(name)); got != 0 && !strings.Contains(name, strconv.Itoa(got)) {
			t.Errorf("%q: %d", name, got) // and anything else does no harm
		}
	})
}
