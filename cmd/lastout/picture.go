package main

import (
	"cmp"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"lastout/cmd/lastout/internal/facts"
	"lastout/cmd/lastout/internal/guardian"
	"lastout/jobs"
)

// picture draws leftovers as pstree(1) draws processes, a line each. Those that needed SIGKILL come
// first, with those they descend from: there the misbehaving programs are.
type picture struct {
	o        *options
	look     look
	home     place // of the job itself
	list     []facts.Leftover
	children map[int][]int // indices into list, by the parent's process id
	drawn    []bool
	lines    []row
	most     int // lines
}

// place is where a process is: who moves to another process group or session gets away from signals
// to that.
type place struct{ pgid, sid int }

// row is one line of a picture: what is drawn, what it says, and how the process came to its end.
type row struct {
	branches, pid, command, notes, age, end string
	bad                                     bool // it needed SIGKILL
}

// draw returns the lines of the first few, and how many there are in all.
func (p *picture) draw() []row {
	p.children, p.drawn = make(map[int][]int), make([]bool, len(p.list))
	known := make(map[int]bool)
	for _, l := range p.list {
		known[l.PID] = true
	}
	var roots []int
	for i, l := range p.list {
		if known[l.PPID] && l.PPID != l.PID {
			p.children[l.PPID] = append(p.children[l.PPID], i)
		} else {
			roots = append(roots, i)
		}
	}
	for _, i := range p.worstFirst(roots) {
		p.add(i, p.home, "", "")
	}
	for i := range p.list { // numbers that are used again could make a circle
		p.add(i, p.home, "", "")
	}
	return p.lines
}

// add draws a process and those below it. first is what stands before its own line, rest what
// stands before the others.
func (p *picture) add(i int, parent place, first, rest string) {
	if p.drawn[i] || len(p.lines) == p.most {
		return
	}
	p.drawn[i] = true
	l := &p.list[i]
	p.lines = append(p.lines, p.row(l, parent, first))
	below := p.worstFirst(p.children[l.PID])
	for n, child := range below {
		branch, trunk := p.look.branch, p.look.trunk
		if n == len(below)-1 {
			branch, trunk = p.look.corner, "   "
		}
		p.add(child, place{l.PGID, l.SID}, rest+branch, rest+trunk)
	}
}

func (p *picture) worstFirst(list []int) []int {
	rank := func(i int) int {
		if p.worst(i, len(p.list)) {
			return 0
		}
		return 1
	}
	slices.SortStableFunc(list, func(a, b int) int { return cmp.Compare(rank(a), rank(b)) })
	return list
}

// worst reports whether a process, or one below it, needed SIGKILL.
func (p *picture) worst(i, depth int) bool {
	return bad(&p.list[i]) || depth > 0 && slices.ContainsFunc(p.children[p.list[i].PID],
		func(c int) bool { return p.worst(c, depth-1) })
}

func bad(l *facts.Leftover) bool { return l.End == jobs.ByKill || l.End == jobs.NotEnded }

// maxWidth is how wide a line may become, in characters: the command line is what gives way.
const maxWidth = 140

func (p *picture) row(l *facts.Leftover, parent place, branches string) row {
	r := row{
		branches: branches, pid: strconv.Itoa(l.PID), notes: strings.Join(p.notes(l, parent), ", "),
		age: old(l.Age) + " old",
		end: ending(p.o, &l.Leftover), bad: bad(l),
	}
	if l.Allowed {
		r.end += ", allowed"
	}
	room := maxWidth - len("lastout:   ") - len([]rune(branches+r.text()+r.end))
	r.command = printable(shorten(l.Cmdline, max(40, min(room, maxCommand))))
	return r
}

// text is a line but for its end.
func (r row) text() string {
	text := r.pid + " " + r.command + ", "
	if r.notes != "" {
		text += r.notes + ", "
	}
	return text + r.age + ", "
}

// notes says what is remarkable about a leftover.
func (p *picture) notes(l *facts.Leftover, parent place) (notes []string) {
	switch {
	case l.SID == 0: // without /proc
	case l.SID != parent.sid && (parent != p.home || l.SID != p.home.pgid): // the command may lead a session itself
		notes = append(notes, "new session")
	case l.PGID != parent.pgid && (parent != p.home || l.PGID != guardian.Group()):
		notes = append(notes, "new process group")
	}
	switch l.Holds {
	case jobs.Stdout:
		notes = append(notes, "holds stdout open")
	case jobs.Stderr:
		notes = append(notes, "holds stderr open")
	case jobs.Stdout | jobs.Stderr:
		notes = append(notes, "holds stdout and stderr open")
	}
	return notes
}

func ending(o *options, l *jobs.Leftover) string {
	switch {
	case l.End == jobs.ByStopSignal:
		return "ended by " + signalName(o.stopSignal.sig)
	case l.End == jobs.ByKill:
		return "ended by KILL"
	case l.End == jobs.NotEnded:
		return "still alive"
	case l.Reaped && l.Status.Signaled(): // one that was forwarded, or somebody else's
		return "died of " + signalName(l.Status.Signal())
	}
	return "ended by itself"
}

// old is the age of a process. Of a young one, a clock tick more or less would make each run look
// different.
func old(d time.Duration) string {
	if d < time.Second {
		return "under 1s"
	}
	return age(d)
}

// age rounds to what a reader wants to know.
func age(d time.Duration) string {
	switch {
	case d < time.Second:
		return d.Round(time.Millisecond).String()
	case d < time.Minute:
		return d.Round(100 * time.Millisecond).String()
	}
	return d.Round(time.Second).String()
}

// plain is a line as it stands where there is no colour.
func (r row) plain() string { return r.branches + r.text() + r.end }

// dressed is a line for a terminal: an end that took SIGKILL stands out.
func (r row) dressed(k look) string {
	if !k.color {
		return r.plain()
	}
	end := r.end
	if r.bad {
		end = k.paint("1;31", r.end)
	}
	return k.paint("2", r.branches) + r.text() + end
}

// title says how many there are.
func title(run *facts.Run, verbose bool) string {
	name, allowed := shorten(run.Name, maxCommand), 0
	if verbose {
		allowed = run.Allowed
	}
	noun := func(n int) string { return plural(n, "process", "processes") }
	switch {
	case run.Leaks > 0 && allowed > 0:
		return fmt.Sprintf("%s left %d %s behind, and %d allowed", name, run.Leaks, noun(run.Leaks), allowed)
	case run.Leaks > 0:
		return fmt.Sprintf("%s left %d %s behind", name, run.Leaks, noun(run.Leaks))
	case allowed > 0:
		return fmt.Sprintf("%s left %d allowed %s behind", name, allowed, noun(allowed))
	}
	return ""
}
