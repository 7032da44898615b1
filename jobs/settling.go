package jobs

import (
	"time"

	"lastout/subreaper"
)

// DefaultSettle is how long a process that is busy after its leader may take to end by itself,
// where a Job does not say. What xvfb-run, dbus-run-session, fakeroot, bwrap, expect and chromium
// leave was gone after 45 ms at most, with two busy loops on two processors; after 372 ms with
// three. The rest is for slower machines.
const DefaultSettle = 2 * time.Second

const (
	// restful is how long everybody must have done nothing to be at rest.
	restful = 20 * time.Millisecond
	// firstLook is when those that are left are looked at first. Most are gone by then.
	firstLook = time.Millisecond
	// longestPause is the longest time between two looks. It is longer where a look takes long.
	longestPause = 20 * time.Millisecond
	// unmoved is how long a pipe that has ended, and that is not the standard input, may have as
	// much in it as before.
	unmoved = time.Second
	// maxSeen bounds how many processes are looked at. Of more nobody is on its way out.
	maxSeen = 2048
	// few processes are looked at with their pipes each time.
	few = 32
	// maxBorn is how many processes may be born while the others settle: a bomb forks as many
	// within some milliseconds. Where somebody drains a pipe that may be because of each line, so
	// only those count that live at the same time; and four times as many may, while there is
	// something to read.
	maxBorn = 64
	// crowd is how many may be active at the same time though nobody ends, for stuck; that is four
	// times as many as a browser has. At a pids limit a bomb cannot fork any more.
	crowd = 32
	stuck = 50 * time.Millisecond
)

// outlook is what a look at those that are left tells.
type outlook uint8

const (
	unsettled outlook = iota // somebody is on its way out, or drains a pipe
	atRest                   // everybody is idle
	tooLong                  // the time is over
	swarms                   // they multiply
)

// patience watches those that live after their leader, look by look. It decides who may go on by
// itself, for how long. The rules:
//
//   - A process that is busy, or was given a processor since the last look, is on its way out, for
//     Job.Settle at most.
//   - One whose standard input is a pipe that has ended, or that reads another such pipe, drains
//     it, for the grace period at most, or Job.Settle if that is longer. What it has started, who
//     waits for what it writes, and who may wait for its exit, goes on with it, and may go on when
//     it has ended.
//   - Everybody else is idle. When all are, for some time, they are at rest: whoever is left over
//     then is a leftover.
//
// It is used by one goroutine.
type patience struct {
	busy, drain time.Duration // the bounds
	asked       bool          // somebody waits for the end: who drains does not hold the others up

	began time.Time
	held  time.Duration // how much of the time since then does not count, because our caller does not read
	quiet time.Time     // since when nobody has done anything
	ended time.Time     // when somebody has ended
	last  time.Time     // the last look
	pause time.Duration

	seen   map[subreaper.ID]seen
	first  map[subreaper.ID]seen // the first look
	reaped int                   // how many had been reaped by then
	born   int                   // since then
	young  int                   // those of them that live

	drains   map[subreaper.ID]drain
	kin      map[subreaper.ID]kin
	spent    time.Duration // who drains since then or earlier has had its time
	extended time.Duration // until then, everybody has some more
}

// seen is what is remembered of a process from one look to the next.
type seen struct {
	runs uint64
	pid  int
	comm string
}

func (p *patience) begin(job *Job, asked bool, now time.Time) {
	p.busy, p.drain, p.asked = job.settle(), max(job.settle(), job.grace()), asked
	if asked {
		p.busy = min(p.busy, job.grace()/2)
	}
	p.began, p.quiet, p.ended, p.last = now, now, now, now
	p.seen, p.first, p.drains = nil, nil, make(map[subreaper.ID]drain)
	p.kin, p.spent, p.extended = make(map[subreaper.ID]kin), -1, 0
	p.pause, p.held, p.born = firstLook, 0, 0
}

// elapsed is how long those that are left have had so far.
func (p *patience) elapsed(now time.Time) time.Duration { return now.Sub(p.began) - p.held }

// see takes a look into account and returns who was active since the last one. gone is told of
// those that are not there any more.
func (p *patience) see(list []subreaper.Activity, reaped int, now time.Time, gone func(seen)) (active set) {
	fresh := make(map[subreaper.ID]seen, len(list))
	active = make(set)
	p.young = 0
	for i := range list {
		a := &list[i]
		before, known := p.seen[a.ID()]
		if a.Busy || !known || before.runs != a.Runs {
			active[i] = true
		}
		if _, old := p.first[a.ID()]; !old {
			p.young++
			if !known {
				p.born++
			}
		}
		fresh[a.ID()] = seen{a.Runs, a.PID, a.Comm}
	}
	if p.first == nil {
		p.first, p.reaped, p.born, p.young = fresh, reaped, 0, 0
	}
	p.born = max(p.born, reaped-p.reaped+len(list)-len(p.first)) // some were born and reaped between two looks
	for id, before := range p.seen {
		if _, there := fresh[id]; !there {
			p.ended = now
			gone(before)
		}
	}
	if len(active) > 0 || p.ended == now {
		p.quiet = now
	}
	p.seen, p.last = fresh, now
	return active
}

// goOn returns who goes on because of a pipe that has ended: who reads that, and has not done so
// for too long, with what comes after it and who waits for it; and who has gone on for that reason
// before, though the reader has ended meanwhile, or has closed its standard input.
func (p *patience) goOn(f *flow, now time.Time) set {
	elapsed := p.elapsed(now)
	filters, others := p.drainers(f, elapsed)
	all, before := f.draining(filters), make(set)
	for i := range f.list {
		id := f.list[i].ID()
		k, known := p.kin[id]
		if !known && all[i] {
			p.kin[id] = kin{since: elapsed}
		}
		if known && p.inTime(k.since, elapsed) {
			before[i] = true
		}
	}
	for i := range f.after(filters) {
		k := p.kin[f.list[i].ID()]
		k.down = true
		p.kin[f.list[i].ID()] = k
	}
	down := make(set)
	for i := range before {
		if all[i] = true; p.kin[f.list[i].ID()].down {
			down[i] = true
		}
	}
	for i := range f.after(down) {
		all[i] = true
	}
	for i := range f.draining(others) {
		all[i] = true
	}
	return all
}

// drainers returns who reads a pipe that has ended: as its standard input, or as another
// descriptor. Of the second kind it is not known whether they read it at all, so they have less
// time, unless there is less and less in it.
func (p *patience) drainers(f *flow, elapsed time.Duration) (filters, others set) {
	filters, others = make(set), make(set)
	for i := range f.list {
		stdin, other, rest := ended(f.list[i].Pipes)
		if !stdin && !other {
			continue
		}
		d, known := p.drains[f.list[i].ID()]
		if !known {
			d = drain{since: elapsed, moved: elapsed, rest: rest}
		}
		if rest != d.rest {
			d.moved, d.rest = elapsed, rest
		}
		p.drains[f.list[i].ID()] = d
		switch {
		case !p.inTime(d.since, elapsed):
		case stdin:
			filters[i] = true
		case elapsed-d.moved < unmoved:
			others[i] = true
		}
	}
	return filters, others
}

// kin is what is remembered of a process that goes on because of one that reads a pipe to its end.
type kin struct {
	since time.Duration
	down  bool // what it starts goes on, too: it does not only wait for the reader
}

// inTime reports whether one that drains since some time may go on.
func (p *patience) inTime(since, elapsed time.Duration) bool {
	return since > p.spent && elapsed-since < p.drain || elapsed < p.extended
}

// spend ends the time of those that drain.
func (p *patience) spend(now time.Time) { p.spent = p.elapsed(now) }

// extend gives those that drain, or have drained, some more time.
func (p *patience) extend(now time.Time, d time.Duration) { p.extended = p.elapsed(now) + d }

// drain is what is remembered of a process that drains a pipe. Times are as elapsed tells them.
type drain struct {
	since, moved time.Duration // since when it does; when there was less to read
	rest         int           // how much there is
}

// ended reports whether the standard input has ended, whether another pipe has, and how much is
// left to read in those.
func ended(pipes []subreaper.Pipe) (stdin, other bool, rest int) {
	for _, pipe := range pipes {
		switch {
		case !pipe.Reads || !pipe.Ended:
		case pipe.Stdin:
			stdin = true
		default:
			other = true
			rest += pipe.Unread
		}
	}
	return stdin, other, rest
}

// hold leaves the time since the last look out of account: those that drain could not write,
// because our caller does not read.
func (p *patience) hold(now time.Time) { p.held += now.Sub(p.last) }

// judge says what is to be thought of a look, pipes included, after see has said who is active.
func (p *patience) judge(f *flow, active set, now time.Time) outlook {
	drains := p.goOn(f, now)
	resting, elapsed := now.Sub(p.quiet) >= restful, p.elapsed(now)
	switch {
	case p.swarming(f, drains, active, now):
		return swarms
	case len(drains) == 0 && resting:
		return atRest
	case len(drains) > 0 && p.asked:
		if elapsed >= p.busy || elapsed >= restful && !beside(drains, active) {
			return tooLong
		}
	case elapsed >= max(p.busy, p.drain):
		p.spend(now)
		return tooLong
	case elapsed >= p.busy && beside(drains, active):
		return tooLong
	}
	return unsettled
}

// beside reports whether somebody is active who does not go on because of those that drain.
func beside(goesOn, active set) bool {
	for i := range active {
		if !goesOn[i] {
			return true
		}
	}
	return false
}

// swarming reports whether there are too many: new ones, or such as are active though nobody ends.
// A reader that still has something to read may have many at work, and what it has started may take
// longer than a process that is on its way out.
func (p *patience) swarming(f *flow, drains, active set, now time.Time) bool {
	switch {
	case f.overrun():
		return true
	case len(drains) == 0:
		return p.born > maxBorn || p.stuck(active, now, stuck)
	case unread(f, drains):
		return p.young > 4*maxBorn
	}
	return p.young > maxBorn || p.stuck(active, now, 10*stuck)
}

// stuck reports whether a crowd is active of which nobody has ended for some time.
func (p *patience) stuck(active set, now time.Time, atLeast time.Duration) bool {
	return len(active) > crowd && now.Sub(p.ended) >= atLeast
}

// unread reports whether there is something to read for those that drain.
func unread(f *flow, drains set) bool {
	for i := range drains {
		for _, pipe := range f.list[i].Pipes {
			if pipe.Reads && pipe.Ended && pipe.Unread > 0 {
				return true
			}
		}
	}
	return false
}

// worthPipes reports whether a look without pipes does not tell enough: one that has shown who is
// active, or, without that, one that is to be taken now. Of few processes it costs little, and a
// reader may have left others behind by the time that it is worth more.
func (p *patience) worthPipes(active set, now time.Time) bool {
	return len(p.seen) > 0 && len(p.seen) <= few || now.Sub(p.quiet) >= restful || p.born > maxBorn ||
		p.stuck(active, now, stuck) || p.elapsed(now) >= p.busy || len(p.drains) > 0
}

// rest returns how long to wait for the next look, after one that began now and took some time.
func (p *patience) rest(now time.Time, took time.Duration) time.Duration {
	d := p.pause
	p.pause = min(2*p.pause, longestPause)
	if left := restful - now.Sub(p.quiet); left > 0 {
		d = min(d, left+time.Millisecond)
	}
	return max(d, took)
}
