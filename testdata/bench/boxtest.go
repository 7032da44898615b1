//go:build linux

package main

import (
	"errors"
	"fmt"
	"os"
	"slices"
	"sync"
	"testing"
)

// errNotHere is returned where the machine does not allow what was asked for.
var errNotHere = errors.New("not possible here")

// boxTest is the test that package box wants to be used by. It lives for one box.
type boxTest struct {
	testing.TB // nil: the methods below are those that box calls
	b          *bench
	mu         sync.Mutex // guards cleanups
	cleanups   []func()
	failures   []error
}

// stopped is what Fatalf and Skipf end a boxTest with.
type stopped struct{ err error }

// inBox calls body with a boxTest, and closes its boxes.
func (b *bench) inBox(body func(*boxTest)) (err error) {
	t := &boxTest{b: b}
	b.later(t.close) // for Ctrl-C
	defer b.never()
	defer func() {
		switch s := recover().(type) {
		case nil:
		case stopped:
			err = s.err
		default:
			panic(s)
		}
		t.close()
		err = errors.Join(err, errors.Join(t.failures...))
	}()
	body(t)
	return nil
}

func (t *boxTest) close() {
	for f := t.pop(); f != nil; f = t.pop() {
		f()
	}
}

// pop takes the last of the cleanups.
func (t *boxTest) pop() func() {
	t.mu.Lock()
	defer t.mu.Unlock()
	last := len(t.cleanups) - 1
	if last < 0 {
		return nil
	}
	f := t.cleanups[last]
	t.cleanups = t.cleanups[:last]
	return f
}

// later has f called at the end of the program if that comes first.
func (b *bench) later(f func()) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.undo = append(b.undo, f)
}

// never takes the last f back.
func (b *bench) never() {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.undo = slices.Delete(b.undo, len(b.undo)-1, len(b.undo))
}

func (t *boxTest) Helper() {}

func (t *boxTest) Cleanup(f func()) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.cleanups = append(t.cleanups, f)
}

func (t *boxTest) Errorf(format string, args ...any) {
	t.failures = append(t.failures, fmt.Errorf(format, args...))
}

func (t *boxTest) Fatalf(format string, args ...any) {
	panic(stopped{fmt.Errorf(format, args...)})
}

func (t *boxTest) Skipf(format string, args ...any) {
	reason := fmt.Sprintf(format, args...)
	t.b.missing("%s", reason)
	panic(stopped{fmt.Errorf("%s: %w", reason, errNotHere)})
}

func (t *boxTest) TempDir() string {
	dir, err := os.MkdirTemp(t.b.dir, "box-")
	if err != nil {
		t.Fatalf("%v", err)
	}
	return dir
}
