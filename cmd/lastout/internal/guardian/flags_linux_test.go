//go:build amd64 || arm64

package guardian

import (
	"testing"
	"unsafe"
)

// stackOf makes what execve(2) puts on the stack.
func stackOf(args, env []string) unsafe.Pointer {
	words := []unsafe.Pointer{nil}
	list := func(texts []string) {
		for _, s := range texts {
			b := append([]byte(s), 0)
			words = append(words, unsafe.Pointer(&b[0]))
		}
		words = append(words, nil)
	}
	list(args)
	list(env)
	*(*int)(unsafe.Pointer(&words[0])) = len(args)
	return unsafe.Pointer(&words[0])
}

func TestOff(t *testing.T) {
	for _, c := range []struct {
		args []string
		env  []string
		off  bool
	}{
		{args: nil},
		{args: []string{"true"}},
		{args: []string{"--keeper=off", "true"}, off: true},
		{args: []string{"--keeper", "off", "true"}, off: true},
		{args: []string{"--keeper", "off"}, off: true},
		{args: []string{"--keeper"}},
		{args: []string{"--keeper=", "off"}},
		{args: []string{"--keeper=offer", "true"}},
		{args: []string{"--keepers=off", "true"}},
		{args: []string{"--keeper=off", "--keeper=auto", "true"}},
		{args: []string{"--keeper", "auto", "--keeper", "off"}, off: true},
		{args: []string{"true", "--keeper=off"}},
		{args: []string{"--", "--keeper=off"}},
		{args: []string{"-", "--keeper=off"}},
		{args: []string{"--name", "--keeper=off", "true"}},
		{args: []string{"--name=x", "--keeper=off", "true"}, off: true},
		{args: []string{"--quiet", "--keeper=off", "true"}, off: true},
		{args: []string{"--fail-on-leak", "--keeper=off", "true"}, off: true},
		{args: []string{"-q", "--keeper=off", "true"}, off: true},
		{args: []string{"-qv", "--keeper=off", "true"}, off: true},
		{args: []string{"-g", "--keeper=off", "true"}},
		{args: []string{"-qg", "--keeper=off", "true"}},
		{args: []string{"-g5s", "--keeper=off", "true"}, off: true},
		{args: []string{"-g=5s", "--keeper=off", "true"}, off: true},
		{args: []string{"-c", "--keeper=off"}},
		{args: []string{"true"}, env: []string{"X=1", "LASTOUT_KEEPER=off"}, off: true},
		{args: []string{"true"}, env: []string{"LASTOUT_KEEPER=auto", "LASTOUT_KEEPER=off"}},
		{args: []string{"true"}, env: []string{"LASTOUT_KEEPER=offer"}},
		{args: []string{"--keeper=auto", "true"}, env: []string{"LASTOUT_KEEPER=off"}},
		{args: []string{"true", "--keeper=auto"}, env: []string{"LASTOUT_KEEPER=off"}, off: true},
	} {
		v := vectorsOf(stackOf(append([]string{"lastout"}, c.args...), c.env))
		if got := v.off(); got != c.off {
			t.Errorf("%q with %q: off is %v, want %v", c.args, c.env, got, c.off)
		}
	}
	if vectorsOf(stackOf(nil, nil)).off() {
		t.Error("off without arguments")
	}
}

func TestIsTest(t *testing.T) {
	for arg, want := range map[string]bool{"lastout": false, "": false, "x/lastout.test": true, ".test": true,
		"lastout.tests": false, "test": false} {
		if got := vectorsOf(stackOf([]string{arg}, nil)).isTest(); got != want {
			t.Errorf("%q: %v, want %v", arg, got, want)
		}
	}
}
