package subreaper

import (
	"slices"

	"lastout/subreaper/internal/proc"
)

// Look tells what every descendant does that is alive, parents before their children. all is false
// where there are more than opts.Max, or too many descriptors, or where /proc does not tell: there
// is none, it hides somebody (hidepid in proc(5)), or we have no descriptor for it (EMFILE). Nobody
// is signalled, and nothing is reaped meanwhile.
func (r *Reaper) Look(opts LookOptions) (list []Activity, all bool) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.closed || r.fs == nil {
		return nil, false
	}
	o := onlooker{r: r, walker: &r.walk, opts: opts, all: true, now: clockTicks(), before: r.fs.Looked}
	var st proc.Stat
	children := slices.Clone(o.directChildren())
	if len(children) > 2*opts.Max && opts.Only == 0 { // though some may be dead
		return nil, false
	}
	for _, pid := range children {
		switch {
		case opts.Only != 0 && int(pid) != opts.Only:
		case r.fs.Stat(pid, &st):
			o.visit(node{pid, -1}, &st)
		case !exited(pid):
			o.all = false
		}
	}
	if opts.Pipes {
		endFIFOs(o.list, o.fifos)
	}
	return o.list, o.all
}

// maxLooked bounds how many descriptors one look takes in: that is half a second.
const maxLooked = 1 << 16

// onlooker is one call of Look.
type onlooker struct {
	r *Reaper
	*walker
	opts   LookOptions
	now    uint64
	list   []Activity
	all    bool
	before int // how many descriptors had been looked at
	pipes  []proc.Pipe
	fifos  map[PipeID]bool // that are read; true where somebody has it open for writing
}

func (o *onlooker) visit(n node, st *proc.Stat) {
	if st.Dead() {
		return
	}
	if len(o.list) >= o.opts.Max || o.r.fs.Looked-o.before > maxLooked {
		o.all = false
		return
	}
	a := Activity{Process: describe(n.pid, st, o.now)}
	if st.Threads != 1 {
		o.r.threaded[n.pid] = true
	}
	a.Busy, a.Runs = o.r.fs.Activity(n.pid, st)
	if o.opts.Pipes {
		a.Pipes = o.pipesOf(n.pid)
	}
	if !n.unreaped() { // what was read may be another's
		return
	}
	o.list = append(o.list, a)
	if !o.deep() || o.opts.Only != 0 {
		return
	}
	children := o.push(n, st.Threads)
	defer o.pop(children)
	for _, pid := range children {
		if child, ok := o.hold(pid, st); ok {
			o.visit(child, st)
			child.close()
		}
	}
}

func (o *onlooker) ours(id PipeID) bool { return o.opts.Ours != nil && o.opts.Ours(id) }

func (o *onlooker) pipesOf(pid int32) (pipes []Pipe) {
	o.pipes = o.r.fs.Pipes(o.pipes[:0], pid, maxDescriptors,
		func(dev, ino uint64) bool { return !o.ours(PipeID{dev, ino}) })
	for _, p := range o.pipes {
		id := PipeID{p.Dev, p.Ino}
		if o.ours(id) {
			continue
		}
		if p.NoEnd {
			if o.fifos == nil {
				o.fifos = make(map[PipeID]bool)
			}
			o.fifos[id] = o.fifos[id] || p.Writes
		}
		pipes = append(pipes, Pipe{ID: id, Stdin: p.FD == 0, Reads: p.Reads, Writes: p.Writes, Ended: p.Ended,
			Unread: p.Unread})
	}
	return pipes
}

// endFIFOs notes which FIFOs nobody has open for writing. (We have those open that are left out.)
func endFIFOs(list []Activity, written map[PipeID]bool) {
	for i := range list {
		for j := range list[i].Pipes {
			p := &list[i].Pipes[j]
			if w, fifo := written[p.ID]; fifo {
				p.Ended = p.Reads && !w
			}
		}
	}
}

// OpenPipes returns the pipes, FIFOs and sockets that this process has open with one of some
// descriptors; nil means all of them.
func (r *Reaper) OpenPipes(fds []int) (open []Pipe) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.closed || r.fs == nil {
		return nil
	}
	var pipes []proc.Pipe
	if fds == nil {
		pipes = r.fs.Pipes(nil, r.walk.self, maxOpen, nil)
	}
	for _, fd := range fds {
		pipes = r.fs.Pipe(pipes, r.walk.self, int32(fd), nil)
	}
	for _, p := range pipes {
		open = append(open, Pipe{ID: PipeID{p.Dev, p.Ino}, Stdin: p.FD == 0, Reads: p.Reads, Writes: p.Writes})
	}
	return open
}

// maxOpen bounds how many of our own descriptors are looked at.
const maxOpen = 1 << 16
