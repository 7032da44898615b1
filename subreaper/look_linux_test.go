package subreaper

import (
	"os"
	"path/filepath"
	"slices"
	"testing"
	"time"

	"golang.org/x/sys/unix"
)

// lookUntil looks until what is seen is as it is to be, which it must become.
func lookUntil(t *testing.T, r *Reaper, opts LookOptions, ok func([]Activity) bool) []Activity {
	t.Helper()
	for deadline := time.Now().Add(20 * time.Second); ; {
		list, _ := r.Look(opts)
		if ok(list) {
			return list
		}
		if time.Now().After(deadline) {
			t.Fatalf("%+v", list)
		}
	}
}

func find(list []Activity, comm string) *Activity {
	for i := range list {
		if list[i].Comm == comm {
			return &list[i]
		}
	}
	return nil
}

// TestLook: children and what is below them, who is busy, and who reads what.
func TestLook(t *testing.T) {
	r := newReaper(t, Options{})
	fifo := filepath.Join(t.TempDir(), "fifo")
	if err := unix.Mkfifo(fifo, 0o600); err != nil {
		t.Fatal(err)
	}
	c, _, _ := start(t, r, `sleep 300 | cat >/dev/null & (while :; do :; done) & exec 9<>`+fifo+`; echo x >&9; cat <`+fifo+` >/dev/null & exec 9>&-; echo ready; wait`)
	all := LookOptions{Max: 100, Pipes: true}
	var pipe PipeID
	list := lookUntil(t, r, all, func(list []Activity) (ok bool) {
		pipe, ok = between(find(list, "sleep"), list)
		return len(list) == 5 && ok && !find(list, "sleep").Busy
	})
	if list[0].PID != c.PID || !slices.ContainsFunc(list[1:],
		func(a Activity) bool { return a.Busy && a.PPID == c.PID }) {
		t.Errorf("%+v: want the shell first, and a busy one below it", list)
	}
	if some, complete := r.Look(LookOptions{Max: 2}); len(some) != 2 || complete || some[0].Pipes != nil {
		t.Errorf("two at most: %+v, all %v", some, complete)
	}
	if one, complete := r.Look(LookOptions{Only: c.PID, Max: 1}); len(one) != 1 || one[0].PID != c.PID || !complete {
		t.Errorf("only one: %+v, all %v", one, complete)
	}
	ours := LookOptions{Max: 100, Pipes: true, Ours: func(id PipeID) bool { return id == pipe }}
	list, _ = r.Look(ours)
	if again, there := between(find(list, "sleep"), list); there && again == pipe {
		t.Errorf("%+v: what is ours is left out", list)
	}
}

// between returns the pipe that a process writes and another one has as its standard input.
func between(a *Activity, list []Activity) (PipeID, bool) {
	if a == nil {
		return PipeID{}, false
	}
	for _, p := range a.Pipes {
		reads := func(q Pipe) bool { return q.ID == p.ID && q.Reads && q.Stdin }
		if p.Writes && slices.ContainsFunc(list, func(b Activity) bool { return slices.ContainsFunc(b.Pipes, reads) }) {
			return p.ID, true
		}
	}
	return PipeID{}, false
}

// A FIFO has ended if no descendant can write to it.
func TestLookAtFIFOs(t *testing.T) {
	r := newReaper(t, Options{})
	fifo := filepath.Join(t.TempDir(), "fifo")
	if err := unix.Mkfifo(fifo, 0o600); err != nil {
		t.Fatal(err)
	}
	_, _, _ = start(t, r, `exec 9<>`+fifo+`; echo x >&9; sleep 300 <`+fifo+` 9>&- & (exec 8>`+fifo+` 9>&-; exec sleep 301) & exec 9>&-; echo ready; wait`)
	stdin := func(list []Activity) *Pipe {
		for i := range list {
			for j, p := range list[i].Pipes {
				if p.Stdin && p.Unread > 0 {
					return &list[i].Pipes[j]
				}
			}
		}
		return nil
	}
	all := LookOptions{Max: 100, Pipes: true}
	list := lookUntil(t, r, all, func(list []Activity) bool { // both have been executed
		p, first := stdin(list), find(list, "sleep")
		return len(list) == 3 && p != nil && !p.Ended && first != nil &&
			find(slices.DeleteFunc(slices.Clone(list), func(a Activity) bool { return a.PID == first.PID }),
				"sleep") != nil
	})
	id := stdin(list).ID
	for _, a := range list {
		if slices.ContainsFunc(a.Pipes, func(p Pipe) bool { return p.ID == id && p.Writes }) {
			_ = unix.Kill(a.PID, unix.SIGKILL)
		}
	}
	lookUntil(t, r, all, func(list []Activity) bool { p := stdin(list); return p != nil && p.Ended })
}

func TestOpenPipes(t *testing.T) {
	r := newReaper(t, Options{})
	read, write, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	defer read.Close()
	defer write.Close()
	one := r.OpenPipes([]int{int(read.Fd())})
	if len(one) != 1 || !one[0].Reads || one[0].Writes || !slices.Contains(r.OpenPipes(nil), one[0]) ||
		len(r.OpenPipes([]int{})) != 0 {
		t.Errorf("%v of %v", one, r.OpenPipes(nil))
	}
}
