package jobs

import (
	"time"

	"lastout/subreaper"
)

// flow is one look at processes as far as one waits for what another writes. Processes are named by
// their place in list.
//
// A reader is a process whose standard input the pipe is. Another descriptor says nothing: many a
// program leaves its children the read end of a pipe that is none of their business, or has them
// watch one for the death of their parent (PostgreSQL).
type flow struct {
	list     []subreaper.Activity
	byPID    map[int]int
	children map[int][]int // by process id
	readers  map[subreaper.PipeID][]int
	writers  map[subreaper.PipeID][]int
	steps    int // how many more are taken: see overrun
}

// maxSteps bounds the work on one look: each of a bomb's members may read from each other one.
const maxSteps = 50_000

// overrun reports whether that was not enough, so that what the flow says is incomplete.
func (f *flow) overrun() bool { return f.steps < 0 }

func newFlow(list []subreaper.Activity) *flow {
	f := &flow{
		list: list, byPID: make(map[int]int, len(list)), children: make(map[int][]int, len(list)),
		readers: make(map[subreaper.PipeID][]int), writers: make(map[subreaper.PipeID][]int), steps: maxSteps,
	}
	for i := range list {
		p := &list[i]
		f.byPID[p.PID] = i
		f.children[p.PPID] = append(f.children[p.PPID], i)
		young := justBorn(p)
		for _, pipe := range p.Pipes {
			if pipe.Reads && (pipe.Stdin || young && !pipe.Writes) {
				f.readers[pipe.ID] = append(f.readers[pipe.ID], i)
			}
			if pipe.Writes && !(young && readsToo(p, pipe.ID)) {
				f.writers[pipe.ID] = append(f.writers[pipe.ID], i)
			}
		}
	}
	return f
}

func readsToo(p *subreaper.Activity, pipe subreaper.PipeID) bool {
	for _, other := range p.Pipes {
		if other.ID == pipe && other.Reads && !other.Writes {
			return true
		}
	}
	return false
}

// justBorn reports whether a process may not have got round yet to make the pipe that it is to
// read its standard input, and to close the other end: it has both from its parent.
func justBorn(p *subreaper.Activity) bool { return p.Busy && p.Age < childhood }

// childhood is how long that may take. Process.Age counts in hundredths of a second.
const childhood = 100 * time.Millisecond

// waitsFor reports whether reader waits for what writer writes into a pipe that both have open. It
// does not if it can write there, too, and would never see an end; nor if it has started the
// writer: then it is no filter but looks after the writer, and is to be told as early.
func (f *flow) waitsFor(reader, writer int, pipe subreaper.PipeID) bool {
	if f.steps--; f.overrun() {
		return false
	}
	return reader != writer && !contains(f.writers[pipe], reader) && !f.descends(writer, reader)
}

func contains(list []int, i int) bool {
	for _, v := range list {
		if v == i {
			return true
		}
	}
	return false
}

// descends reports whether i is below ancestor.
func (f *flow) descends(i, ancestor int) bool {
	for range f.list { // a number that is used again could make a circle
		up, known := f.byPID[f.list[i].PPID]
		if !known || up == i {
			return false
		}
		if i = up; i == ancestor {
			return true
		}
	}
	return false
}

// downstream calls visit with those that wait for i.
func (f *flow) downstream(i int, visit func(int)) {
	for _, pipe := range f.list[i].Pipes {
		if !pipe.Writes {
			continue
		}
		for _, reader := range f.readers[pipe.ID] {
			if f.waitsFor(reader, i, pipe.ID) {
				visit(reader)
			}
		}
	}
}

// written calls visit with whoever has a pipe open for reading that i writes.
func (f *flow) written(i int, visit func(int)) {
	for _, pipe := range f.list[i].Pipes {
		if pipe.Writes {
			for _, reader := range f.readers[pipe.ID] {
				if f.steps--; !f.overrun() {
					visit(reader)
				}
			}
		}
	}
}

// upstream calls visit with those that i waits for.
func (f *flow) upstream(i int, visit func(int)) {
	for _, pipe := range f.list[i].Pipes {
		if !pipe.Reads || !pipe.Stdin {
			continue
		}
		for _, writer := range f.writers[pipe.ID] {
			if f.waitsFor(i, writer, pipe.ID) {
				visit(writer)
			}
		}
	}
}

// reach returns whom one gets to from i by steps, i itself only if there is a circle.
func (f *flow) reach(i int, step func(int, func(int))) set {
	return f.reachAny(set{i: true}, step)
}

// reachAny is reach from any of some.
func (f *flow) reachAny(from set, step func(int, func(int))) set {
	reached, todo := make(set), make([]int, 0, len(from))
	for i := range from {
		todo = append(todo, i)
	}
	for len(todo) > 0 {
		i := todo[len(todo)-1]
		todo = todo[:len(todo)-1]
		step(i, func(to int) {
			if !reached[to] {
				reached[to] = true
				todo = append(todo, to)
			}
		})
	}
	return reached
}

// set is a set of processes of a flow.
type set map[int]bool

// after returns who goes on with those of from: themselves, what they have started, who waits for
// any of them, and so on.
func (f *flow) after(from set) set {
	all := f.reachAny(from, f.next)
	for i := range from {
		all[i] = true
	}
	return all
}

func (f *flow) next(i int, visit func(int)) {
	f.downstream(i, visit)
	for _, child := range f.children[f.list[i].PID] {
		visit(child)
	}
}

// draining returns who goes on because of those that drain: them with whatever comes after them,
// and who may be waiting for their exit, as a shell is that will rename a file when its gzip is
// done.
func (f *flow) draining(drains set) set {
	all := f.after(drains)
	for i := range drains {
		for range f.list {
			up, known := f.byPID[f.list[i].PPID]
			if !known || up == i {
				break
			}
			i = up
			all[i] = true
		}
	}
	return all
}

// waiting returns who is not to be told to stop yet, of those that go on without a leader: whoever
// waits for another one, with what it has started. In a circle, where each waits for the other,
// nobody comes first: those that wait for none outside of it are told, all of them.
func (f *flow) waiting() set {
	first := make(set)
	for i := range f.list {
		up := f.reach(i, f.upstream)
		if delete(up, i); len(up) == 0 {
			continue
		}
		down := f.reach(i, f.downstream)
		for j := range up {
			if !down[j] {
				first[i] = true
				break
			}
		}
	}
	return f.after(first)
}

// behind returns who reads what a process writes, and so on, with what they have started; but for
// those that it waits for in turn.
func (f *flow) behind(pid int) set {
	i, known := f.byPID[pid]
	if !known {
		return set{}
	}
	readers := make(set)
	f.downstream(i, func(reader int) {
		if !f.reach(reader, f.written)[i] {
			readers[reader] = true
		}
	})
	all := f.after(readers)
	delete(all, i)
	return all
}

// ids names the members of a set, for later looks.
func ids(list []subreaper.Activity, s set) map[subreaper.ID]bool {
	named := make(map[subreaper.ID]bool, len(s))
	for i := range s {
		named[list[i].ID()] = true
	}
	return named
}

// family is a set of processes, and of what they start while it is in use: they may fork between a
// look and a signal. A process must be asked for after its parent.
type family struct {
	ids  map[subreaper.ID]bool
	pids map[int]bool
}

func familyOf(ids map[subreaper.ID]bool) *family { return &family{ids, make(map[int]bool)} }

func (f *family) has(p subreaper.Process) bool {
	if f.ids[p.ID()] || f.pids[p.PPID] {
		f.ids[p.ID()], f.pids[p.PID] = true, true
		return true
	}
	return false
}
