package holdback

import (
	"io"
	"os"
	"strings"
	"testing"

	"golang.org/x/sys/unix"
)

func collect(t *testing.T, o *Output, one bool) *Pipes {
	t.Helper()
	p, err := o.Collect(one)
	if err != nil {
		t.Fatal(err)
	}
	return p
}

func write(t *testing.T, w io.Writer, text string) {
	t.Helper()
	if _, err := io.WriteString(w, text); err != nil {
		t.Fatal(err)
	}
}

// TestPipes: what is written to the pipes is in the output, each stream in its order, when Finish
// has returned.
func TestPipes(t *testing.T) {
	o := New(Tail{}, 0)
	for range 2 { // one attempt after another
		p := collect(t, o, false)
		for range 50 {
			write(t, p.Stdout, strings.Repeat("out ", 4000))
			write(t, p.Stderr, strings.Repeat("err ", 4000))
		}
		p.Finish()
	}
	got := show(o, Tail{})
	for s, word := range []string{"out ", "err "} {
		if text := got.streams[s].String(); text != strings.Repeat(word, 400000) {
			t.Errorf("stream %d has %d bytes, want %d times %q", s, len(text), 400000, word)
		}
	}
}

// TestPipesAreReadInOrder: of two pipes, what was written before the other could be read comes
// before it.
func TestPipesAreReadInOrder(t *testing.T) {
	o := New(Tail{}, 0)
	p := collect(t, o, false)
	var want strings.Builder
	for i := range 200 {
		w := []*os.File{p.Stdout, p.Stderr}[i%2]
		piece := strings.Repeat("x", i%7) + "\n"
		write(t, w, piece)
		want.WriteString(piece)
		for readable(p.ends[i%2]) { // it is taken out: the next comes after it
		}
	}
	p.Finish()
	if got := show(o, Tail{}); got.all.String() != want.String() {
		t.Errorf("got %q, want %q", got.all.String(), want.String())
	}
}

func readable(fd int) bool {
	n, err := unix.IoctlGetInt(fd, unix.TIOCINQ)
	return err == nil && n > 0
}

// TestOnePipe: where both are one, the order is the writer's own, to the byte.
func TestOnePipe(t *testing.T) {
	o := New(Tail{}, 0)
	p := collect(t, o, true)
	if p.Stdout != p.Stderr {
		t.Fatal("there are two")
	}
	write(t, p.Stdout, "a")
	write(t, p.Stderr, "b")
	write(t, p.Stdout, "c\n")
	p.Finish()
	if got := show(o, Tail{}); got.streams[Stdout].String() != "abc\n" {
		t.Errorf("got %q", got.all.String())
	}
}

// TestStranger: somebody who holds the pipe, and goes on to write to it, is not waited for.
func TestStranger(t *testing.T) {
	for _, one := range []bool{true, false} {
		o := New(Tail{}, 0)
		p := collect(t, o, one)
		fd, err := unix.Dup(int(p.Stdout.Fd()))
		if err != nil {
			t.Fatal(err)
		}
		stranger := os.NewFile(uintptr(fd), "stranger")
		done := make(chan error, 1)
		go func() {
			noise := make([]byte, 4096)
			for {
				if _, err := stranger.Write(noise); err != nil {
					done <- err
					return
				}
			}
		}()
		write(t, p.Stderr, "words\n")
		p.Finish()
		if err := <-done; err == nil { // EPIPE: nobody reads any more
			t.Error("the stranger's writing goes on")
		}
		stranger.Close()
		if got := show(o, Tail{}); !strings.Contains(got.all.String(), "words\n") {
			t.Errorf("what the job wrote is missing from %d bytes", got.all.Len())
		}
	}
}
