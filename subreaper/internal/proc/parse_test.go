package proc

import (
	"slices"
	"testing"
)

const plain = "1234 (sleep) S 1 1234 1200 0 -1 4194304 96 0 0 0 0 0 0 0 20 0 1 0 987654 5603328 224 18446744073709551615 1 1 0 0"

func TestParseStat(t *testing.T) {
	for name, c := range map[string]struct {
		text string
		want Stat
		ok   bool
	}{
		"plain": {plain, Stat{Comm: []byte("sleep"), State: 'S', PPID: 1, PGID: 1234, SID: 1200,
			Threads: 1, Start: 987654}, true},
		"parenthesis": {"7 () Z 1 1 1) R 2 3 4 0 -1 0 0 0 0 0 0 0 0 0 20 0 5 0 6 0",
			Stat{Comm: []byte(") Z 1 1 1"), State: 'R', PPID: 2, PGID: 3, SID: 4, Threads: 5, Start: 6}, true},
		"newline": {"7 (a\nb) S 2 3 4 0 -1 0 0 0 0 0 0 0 0 0 20 0 5 0 6\n",
			Stat{Comm: []byte("a\nb"), State: 'S', PPID: 2, PGID: 3, SID: 4, Threads: 5, Start: 6}, true},
		"cut short":    {"7 (a) S 2 3 4", Stat{}, false},
		"no name":      {"7 a S 2 3 4", Stat{}, false},
		"empty":        {"", Stat{}, false},
		"ends at name": {"7 (a)", Stat{}, false},
	} {
		t.Run(name, func(t *testing.T) {
			var got Stat
			if ok := ParseStat([]byte(c.text), &got); ok != c.ok {
				t.Fatalf("ok = %v, want %v", ok, c.ok)
			}
			if c.ok && (string(got.Comm) != string(c.want.Comm) || got.State != c.want.State ||
				got.PPID != c.want.PPID ||
				got.PGID != c.want.PGID || got.SID != c.want.SID || got.Threads != c.want.Threads ||
				got.Start != c.want.Start) {
				t.Errorf("got %+v, want %+v", got, c.want)
			}
		})
	}
}

func TestParsePIDs(t *testing.T) {
	for text, want := range map[string]struct {
		pids  []int32
		carry int
	}{
		"":          {nil, 0},
		"1 22 333 ": {[]int32{1, 22, 333}, 0},
		"1 22 33":   {[]int32{1, 22}, 2},
		"  5\n6\n":  {[]int32{5, 6}, 0},
	} {
		pids, carry := ParsePIDs(nil, []byte(text))
		if !slices.Equal(pids, want.pids) || carry != want.carry {
			t.Errorf("ParsePIDs(%q) = %v, %d; want %v, %d", text, pids, carry, want.pids, want.carry)
		}
	}
}

func TestParseFdinfoPID(t *testing.T) {
	for text, want := range map[string]int32{
		"pos:\t0\nflags:\t02000002\nmnt_id:\t15\nino:\t99\nPid:\t77\nNSpid:\t77\n": 77,
		"pos:\t0\nPid:\t-1\n": 0, // reaped
		"pos:\t0\n":           0,
	} {
		pid, ok := ParseFdinfoPID([]byte(text))
		if ok != (want != 0) || ok && pid != want {
			t.Errorf("ParseFdinfoPID(%q) = %d, %v; want %d", text, pid, ok, want)
		}
	}
}

func FuzzParseStat(f *testing.F) {
	f.Add([]byte(plain))
	f.Add([]byte("7 () Z 1 1 1) R 2 3 4 0 -1 0 0 0 0 0 0 0 0 0 20 0 5 0 6 0"))
	f.Fuzz(func(t *testing.T, b []byte) {
		var s Stat
		if ParseStat(b, &s) && len(s.Comm) > len(b) {
			t.Error("a name longer than the text")
		}
	})
}

func FuzzParsePIDs(f *testing.F) {
	f.Add([]byte("1 22 333 "), 3)
	f.Fuzz(func(t *testing.T, b []byte, cut int) {
		// Wherever a read is cut, the numbers are the same: what is carried over is put before the
		// next.
		whole, rest := ParsePIDs(nil, b)
		if rest > len(b) {
			t.Fatal("carries more than there was")
		}
		cut = max(0, min(cut, len(b)))
		first, carry := ParsePIDs(nil, b[:cut])
		both, _ := ParsePIDs(first, b[cut-carry:])
		if !slices.Equal(whole, both) {
			t.Errorf("cut at %d: %v, want %v", cut, both, whole)
		}
	})
}
