package main

import (
	"io"
	"os"

	"lastout/cmd/lastout/internal/facts"
	"lastout/cmd/lastout/internal/fdwrite"
	"lastout/cmd/lastout/internal/holdback"
)

// note says something that is of interest only if the run fails in the end.
func (w *watch) note(format string, args ...any) {
	if w.output == nil {
		w.e.m.say(format, args...)
		return
	}
	held := messages{w: heldStderr{w.output}}
	held.say(format, args...)
}

// heldStderr is standard error as far as it is held back.
type heldStderr struct{ *holdback.Output }

func (h heldStderr) Write(b []byte) (int, error) {
	h.Output.Write(holdback.Stderr, b)
	return len(b), nil
}

// show shows what was held back, if anybody is to see it.
func (w *watch) show(run *facts.Run) {
	if w == nil || w.output == nil || !w.begun || run.Succeeded() && !run.TimedOut() && run.Leaks == 0 {
		return
	}
	out := [...]*os.File{holdback.Stdout: stdStream(w.e.job.Stdout), holdback.Stderr: stdStream(w.e.job.Stderr)}
	if n, unit := w.output.Cut(w.want.tail.Tail); n > 0 {
		w.e.m.say("the first %d %s of the output are not shown", n, unit)
	}
	var unshown int
	var refused error
	err := fdwrite.Until(w.e.last.ended, func() error {
		w.output.Show(w.want.tail.Tail, func(s holdback.Stream, data []byte) {
			err := os.ErrClosed
			if out[s] != nil {
				err = writeFile(out[s], data)
			}
			if err != nil {
				unshown, refused = unshown+len(data), err
			}
		})
		return nil
	})
	if err != nil { // nobody reads, and somebody does not want to wait for that
		w.aborted = true
		return
	}
	if refused != nil {
		w.e.m.say("%d bytes of the output could not be written, and are lost: %v", unshown, refused)
	}
	if n, err := w.output.Lost(); err != nil {
		w.e.m.say("%d bytes of the output could not be held back, and are lost: %v", n, err)
	}
	if !run.Succeeded() && run.Started() && !run.TimedOut() {
		w.e.m.say("%s", outcome(run))
	}
}

func stdStream(s io.Writer) *os.File {
	f, _ := s.(*os.File)
	return f
}

// sameFile reports whether two streams lead to the same place (fstat(2)).
func sameFile(a, b io.Writer) bool {
	f, ok1 := a.(*os.File)
	g, ok2 := b.(*os.File)
	if !ok1 || !ok2 {
		return a == b
	}
	fi, err1 := f.Stat()
	gi, err2 := g.Stat()
	return err1 == nil && err2 == nil && os.SameFile(fi, gi)
}
