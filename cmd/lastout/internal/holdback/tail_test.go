package holdback

import "testing"

func TestParseTail(t *testing.T) {
	for in, want := range map[string]Tail{
		"1": {Lines: 1}, "200": {Lines: 200}, "512b": {Bytes: 512}, "10k": {Bytes: 10 << 10},
		"1M": {Bytes: 1 << 20}, "3G": {Bytes: 3 << 30},
	} {
		got, err := ParseTail(in)
		if err != nil || got != want {
			t.Errorf("%q: %+v, %v; want %+v", in, got, err, want)
		}
	}
	for _, in := range []string{"", "0", "-1", "+1", "k", "0k", "-1k", "1.5M", "10 k", "10K", "10kb", "0x10",
		"99999999999999999999", "1048576G", "all"} {
		if got, err := ParseTail(in); err == nil {
			t.Errorf("%q is read as %+v", in, got)
		}
	}
}

func FuzzParseTail(f *testing.F) {
	f.Add("10k")
	f.Add("200")
	f.Fuzz(func(t *testing.T, s string) {
		tail, err := ParseTail(s)
		if err != nil {
			return
		}
		if again, err := ParseTail(tail.String()); err != nil || again != tail {
			t.Errorf("%q is %+v, and %q, which is %+v, %v", s, tail, tail.String(), again, err)
		}
	})
}
