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
	// unmoved is how long there may be as much to read as before.
	unmoved = time.Second
	// maxSeen bounds how many processes are looked at. Of more nobody is on its way out.
	maxSeen = 2048
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
//     waits for what it writes, and who may wait for its exit, goes on with it.
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
	drains map[subreaper.ID]drain
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

// drainers returns who reads a pipe that has ended, and has not done so for too long. Of one that
// is not a process's standard input it is not known whether the process reads it, so there has to
// be something in it, which gets less.
func (p *patience) drainers(f *flow, now time.Time) set {
	drains, elapsed := make(set), p.elapsed(now)
	for i := range f.list {
		stdin, rest := ended(f.list[i].Pipes)
		if !stdin && rest == 0 {
			continue
		}
		id := f.list[i].ID()
		d, known := p.drains[id]
		if !known {
			d = drain{since: elapsed, moved: elapsed, rest: rest}
		}
		if rest != d.rest {
			d.moved, d.rest = elapsed, rest
		}
		p.drains[id] = d
		if elapsed-d.since < p.drain && (stdin || elapsed-d.moved < unmoved) {
			drains[i] = true
		}
	}
	return drains
}

// drain is what is remembered of a process that drains a pipe. Times are as elapsed tells them.
type drain struct {
	since, moved time.Duration // since when it does; when there was less to read
	rest         int           // how much there is
}

// ended reports whether the standard input has ended, and how much is left to read in other pipes
// that have.
func ended(pipes []subreaper.Pipe) (stdin bool, rest int) {
	for _, pipe := range pipes {
		switch {
		case !pipe.Reads || !pipe.Ended:
		case pipe.Stdin:
			stdin = true
		default:
			rest += pipe.Unread
		}
	}
	return stdin, rest
}

// hold leaves the time since the last look out of account: those that drain could not write,
// because our caller does not read.
func (p *patience) hold(now time.Time) { p.held += now.Sub(p.last) }

// judge says what is to be thought of a look, pipes included, after see has said who is active.
func (p *patience) judge(f *flow, active set, now time.Time) outlook {
	drains := p.drainers(f, now)
	resting, elapsed := now.Sub(p.quiet) >= restful, p.elapsed(now)
	switch {
	case p.swarming(f, drains, active, now):
		return swarms
	case len(drains) == 0 && resting:
		return atRest
	case len(drains) > 0 && p.asked:
		if elapsed >= p.busy || elapsed >= restful && !p.hasOthers(f, drains, active) {
			return tooLong
		}
	case elapsed >= max(p.busy, p.drain), elapsed >= p.busy && p.hasOthers(f, drains, active):
		return tooLong
	}
	return unsettled
}

// hasOthers reports whether somebody is active who does not go on because of those that drain.
func (p *patience) hasOthers(f *flow, drains, active set) bool {
	goesOn := f.draining(drains)
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
// active, or, without that, one that is to be taken now.
func (p *patience) worthPipes(active set, now time.Time) bool {
	return now.Sub(p.quiet) >= restful || p.born > maxBorn || p.stuck(active, now, stuck) || p.elapsed(now) >= p.busy || len(p.drains) > 0
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
