//go:build linux

package main

import (
	"math"
	"testing"
)

func TestParseLimit(t *testing.T) {
	for text, want := range map[string]int64{
		"400\n": 400, "0\n": 0, "max\n": -1, "": -1, "9223372036854771712\n": -1, "9223372036854775807": -1,
		"50331648\n": 50331648, "-1\n": -1, "12x": -1,
		"99999999999999999999": -1,
	} {
		got, ok := parseLimit(text)
		if ok != (want >= 0) || ok && got != want {
			t.Errorf("%q is %d, %v; want %d", text, got, ok, want)
		}
	}
}

func TestStatusField(t *testing.T) {
	const status = "Name:\tSeccomp:\\n2\nUmask:\t0022\nNoNewPrivs:\t1\nSeccomp:\t2\nSeccomp_filters:\t3\n"
	for name, want := range map[string]string{"Seccomp": "2", "NoNewPrivs": "1", "Seccomp_filters": "3",
		"Pid": "", "": ""} {
		if got := statusField(status, name); got != want {
			t.Errorf("%s is %q, want %q", name, got, want)
		}
	}
}

func TestHidden(t *testing.T) {
	const plain = "23 1 0:21 / /proc rw,nosuid shared:12 - proc proc rw\n"
	for text, want := range map[string]string{
		plain: "",
		"23 1 0:21 / /proc rw - proc proc rw,hidepid=invisible\n":             "hidepid=invisible",
		"23 1 0:21 / /proc rw - proc proc rw,gid=4,hidepid=2\n":               "hidepid=2",
		"23 1 0:21 / /proc rw - proc proc rw,hidepid=off\n":                   "",
		plain + "24 23 0:22 / /proc rw - proc proc rw,hidepid=1\n":            "hidepid=1",
		"23 1 0:21 / /proc rw - proc proc rw,hidepid=1\n" + plain:             "",
		plain + "24 23 0:22 / /chroot/proc rw - proc proc rw,hidepid=1\n":     "",
		plain + "24 23 0:22 / /proc/sys rw - tmpfs tmpfs rw,hidepid=1\nnoise": "",
		"23 1 0:21 / /proc rw - proc proc rw,subset=pid,hidepid=ptraceable\n": "hidepid=ptraceable",
	} {
		if got := hidden(text); got != want {
			t.Errorf("%q: %q, want %q", text, got, want)
		}
	}
}

func FuzzDoctor(f *testing.F) {
	for _, s := range []string{"400\n", "max", "Seccomp:\t2\n", "23 1 0:21 / /proc rw - proc proc rw,hidepid=1\n"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		if n, ok := parseLimit(s); ok && (n < 0 || n == math.MaxInt64) {
			t.Errorf("%q is a limit of %d", s, n)
		}
		_ = statusField(s, "Seccomp")
		_ = hidden(s)
	})
}
