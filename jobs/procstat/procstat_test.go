package procstat

import (
	"os"
	"strconv"
	"strings"
	"testing"
)

func TestParse(t *testing.T) {
	for _, c := range []struct {
		text string
		want Stat
	}{
		{"12 (sh) S 7 12 12 0 -1 4194560 1", Stat{'S', 7, 4194560}},
		{"12 (a b) R 7 12 12 0 -1 64", Stat{'R', 7, 64}},
		{"12 () Z 1 () S 7 12 12 0 -1 0", Stat{'S', 7, 0}},
		{"12 (a) Z 1 (\nb) T 4194304 12 12 0 -1 0", Stat{'T', 4194304, 0}},
		{"1 (init) S 0 1 1 0 -1 0", Stat{'S', 0, 0}},
		{"", Stat{}},
		{"12 (sh)", Stat{}},
		{"12 (sh) S", Stat{}},
		{"12 (sh) S 7 12 12 0 -1", Stat{}},
		{"12 (sh) S x 12 12 0 -1 0", Stat{}},
		{"12 (sh) S 7 12 12 0 -1 x", Stat{}},
		{"12 (sh) SS 7 12 12 0 -1 0", Stat{}},
		{"12 (sh) S -7 12 12 0 -1 0", Stat{}},
		{"12 sh S 7 12", Stat{}},
		{"12 (sh) S 99999999999999999999 12 12 0 -1 0", Stat{}},
	} {
		if got, ok := parse([]byte(c.text)); got != c.want || ok != (c.want != Stat{}) {
			t.Errorf("%q: %v, %v, want %v", c.text, got, ok, c.want)
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

// FuzzParse: whatever the name of a process holds, what follows is found.
func FuzzParse(f *testing.F) {
	for _, name := range []string{"sh", "", ")", ") Z 1 (", "a\nb", "\xff (", "((("} {
		f.Add(name, 7)
	}
	f.Fuzz(func(t *testing.T, name string, ppid int) {
		if ppid < 0 {
			ppid = -(ppid + 1)
		}
		stat := "12 (" + name + ") S " + strconv.Itoa(ppid) + " 12 12 0 -1 4194560"
		if got, ok := parse([]byte(stat)); !ok || got != (Stat{'S', ppid, 4194560}) {
			t.Errorf("%q: %v, want %d", stat, got, ppid)
		}
		if got, _ := parse([]byte(name)); got.Parent != 0 && !strings.Contains(name, strconv.Itoa(got.Parent)) {
			t.Errorf("%q: %v", name, got) // and anything else does no harm
		}
	})
}
