package subreaper

import (
	"context"
	"slices"
	"time"

	"lastout/subreaper/internal/proc"

	"golang.org/x/sys/unix"
)

// End kills every descendant and reaps until the kernel says that no child is left. Commands of
// StartCommand that have not been waited for are spared, their own orphans are not. New processes
// that descendants fork meanwhile are killed too.
//
// A pass goes through the whole tree and kills on sight: all direct children, then those below
// them, parents first. Only when a pass has found nobody new is anything reaped: zombies keep their
// places under a pids limit, so a fork bomb starves on its own dead. A crowd of direct children
// that leaves nobody while it is killed may die undisturbed: it is reaped before anybody looks
// below it.
//
// If ctx ends first, End returns a [*SurvivorError]; it looks at ctx at least once a second.
// Nothing is reaped by the Reaper's own loop before End returns.
func (r *Reaper) End(ctx context.Context, opts EndOptions) error {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.closed {
		return errClosed
	}
	defer r.stay()()
	r.hurry()
	defer r.calm()
	e := ender{r: r, walker: &r.walk, opts: opts, killed: make(map[int32]mark), until: clockTicks(),
		started: time.Now()}
	e.moved = e.started
	e.introduce()
	if opts.AtOnce != nil {
		opts.AtOnce()
	}
	if err := e.run(ctx); err != nil {
		r.held = nil
		r.expect()
		return err
	}
	r.held = nil
	r.waiting = len(r.commands) > 0
	r.wake.Signal()
	r.empty()
	return nil
}

// mark is what we know of a process that was sent SIGKILL.
type mark struct {
	start uint64     // start time; 0 for a direct child, whose number cannot be recycled
	errno unix.Errno // why it could not be sent
}

// ender is one call of End.
type ender struct {
	r *Reaper
	*walker
	opts   EndOptions
	killed map[int32]mark // direct children until they are reaped; deeper ones as a hint against looking anew
	direct []int32        // the direct children of the last pass; of those, after reaping, the living
	living []int32
	struck []int32 // those that the last pass was the first to kill
	unseen []int32 // those that were killed, and not yet looked below
	quiet  bool    // see dyingQuietly
	until  uint64  // start time in clock ticks of the youngest that is told to Found

	met     int           // how many were described to Found
	asked   int           // how many direct children were asked for their age
	passes  int           // so far
	passed  time.Duration // when the last one ended, since started
	passing time.Duration // how long it took

	started time.Time
	blocked int       // waits in a row without progress
	moved   time.Time // when there was progress
	told    time.Time // when Survivors was last called
	tell    time.Duration
}

// mayKeep is the number of direct children up to which nobody is reaped after a pass that found
// somebody new. A list that grows without end is as bad as a freed place. Without /proc a pass
// finds so few that only a list as long as most pids limits starves a bomb.
func (e *ender) mayKeep() int {
	if e.r.fs == nil {
		return 1 << 13
	}
	return 256
}

func (e *ender) run(ctx context.Context) error {
	for !e.done() {
		if e.passes > 0 && ctx.Err() != nil { // everybody is killed at least once
			return &SurvivorError{Procs: e.survivors(), Err: ctx.Err()}
		}
		began := time.Since(e.started)
		fresh := e.pass()
		e.passes++
		e.passed = time.Since(e.started)
		e.passing = e.passed - began
		if fresh > 0 {
			e.progress()
			if len(e.direct) <= e.mayKeep() {
				continue
			}
		}
		e.reapOrWait(ctx, fresh)
	}
	return nil
}

// reapOrWait reaps the dead of the last pass. Where it found nobody new, it goes on while they die:
// a pass more would find nothing, and take time from those that are dying.
func (e *ender) reapOrWait(ctx context.Context, fresh int) {
	if e.starves() {
		e.waitForDeath(nil, dying) // who is dying needs a processor, too
		return
	}
	reaped := e.sweep()
	for fresh == 0 && reaped > 0 && len(e.direct) > 0 {
		e.progress()
		rest := e.passed + max(4*e.passing, dying) - time.Since(e.started)
		if rest <= 0 {
			return
		}
		// One of the last on the list, which were sent SIGKILL first: when it is dead, those after
		// it will be too.
		i := max(0, len(e.direct)-ahead)
		e.waitForDeath(e.direct[i:i+1], rest)
		reaped = e.sweep()
	}
	switch {
	case reaped > 0:
		e.progress()
	case fresh > 0:
	case e.searching() && (len(e.direct) == 0 || e.blocked >= stubborn): // whoever is missing is to be found first
	default:
		e.wait(ctx)
	}
}

// searching reports whether there may be children that have not been found, without /proc.
func (e *ender) searching() bool { return e.r.fs == nil && !e.search.round() }

// starves reports whether nobody is to be reaped before all numbers have been tried, without /proc:
// to reap shows whether the dead were the last, but where there is a bomb it gives it places. Fork
// attempts that fail at a pids limit use numbers up, too, so its processes may have any.
func (e *ender) starves() bool {
	return e.searching() && e.passes > trusting && len(e.direct) <= e.mayKeep()
}

// trusting is the number of passes in which everybody is taken for found, without /proc. Without a
// bomb they are.
const trusting = 16

// dying is how long those that die are waited for at least before the next pass. Whoever is new is
// not to have much longer than that.
const dying = 2 * time.Millisecond

// ahead is how many deaths are waited for at once.
const ahead = 16

// crowd is how many direct children make it worth while to let them die before anybody is looked
// for below them.
const crowd = 32

func (e *ender) progress() { e.blocked, e.moved = 0, time.Now() }

// done reports whether nobody is left. ECHILD is the proof; commands of others make it unavailable.
func (e *ender) done() bool {
	return childless() || len(e.r.commands) > 0 && len(e.allChildren()) == 0
}

// pass kills whom it finds and returns how many were new. The direct children come first, all of
// them: to look below one takes ten times as long as to kill it.
func (e *ender) pass() (fresh int) {
	e.direct = append(e.direct[:0], e.knownChildren()...)
	if len(e.direct) == 0 && e.r.fs != nil {
		e.direct = append(e.direct, e.allChildren()...)
	}
	fresh = e.killChildren()
	e.meetChildren()
	if e.dyingQuietly(fresh) {
		return 0
	}
	for _, pid := range e.unseen {
		if e.deep() && !exited(pid) { // the children of the dead are ours already
			fresh += e.below(node{pid, -1}, e.r.fs.ThreadCount(pid))
		}
	}
	e.unseen = e.unseen[:0]
	if e.blocked >= stubborn {
		// Those that do not die may get children yet: their grandchildren can make them for them
		// (CLONE_PARENT).
		e.unseen = append(e.unseen, e.direct...)
	}
	return fresh
}

// killChildren kills the direct children that have not been killed yet. What they have forked is
// listed after that, when they cannot fork any more.
func (e *ender) killChildren() (fresh int) {
	e.struck = e.struck[:0]
	// The youngest are last on the list: of a chain that forks and exits they are the ones that
	// still live.
	for _, pid := range slices.Backward(e.direct) {
		m, known := e.killed[pid]
		if known && m.start == 0 && m.errno == 0 {
			continue
		}
		e.killed[pid] = mark{errno: kill(pid, unix.SIGKILL)}
		e.unseen = append(e.unseen, pid)
		if !known {
			e.struck = append(e.struck, pid)
		}
	}
	return len(e.struck)
}

// dyingQuietly reports whether those that have been killed are to be let die before anybody looks
// below them: a look into /proc takes longer than most of them live, and the kernel as long again
// to forget it (proc_flush_pid in fs/proc/base.c). Of a crowd that forks, some will have left us
// children while it was killed.
func (e *ender) dyingQuietly(fresh int) bool {
	switch {
	case !e.deep():
	case e.opts.AtOnce != nil && e.passes < enoughAtOnce: // orphans of the dead are dying, too
		e.quiet = e.blocked < stubborn
	case e.passes == 0:
		e.quiet = fresh >= crowd && !e.newcomers()
	default:
		e.quiet = e.quiet && fresh == 0 && e.blocked < stubborn
	}
	return e.quiet
}

// newcomers reports whether there are direct children that have not been killed.
func (e *ender) newcomers() bool {
	return slices.ContainsFunc(e.directChildren(), func(pid int32) bool {
		_, known := e.killed[pid]
		return !known
	})
}

// below kills what is below n, which has been sent SIGKILL and so forks no more: its list is taken
// after that.
func (e *ender) below(n node, threads int32) (fresh int) {
	children := e.push(n, threads)
	defer e.pop(children)
	var st proc.Stat
	for _, pid := range children {
		child, ok := e.hold(pid, &st)
		if !ok {
			continue
		}
		fresh += e.killDeep(child, &st)
		if e.deep() {
			fresh += e.below(child, st.Threads)
		}
		child.close()
	}
	return fresh
}

// killDeep kills a process that is not our direct child, unless that was done in an earlier pass.
// State Z does not tell whether it is dead: its other threads may live.
func (e *ender) killDeep(n node, st *proc.Stat) int {
	if st.Dead() {
		return 0
	}
	m, known := e.killed[n.pid]
	known = known && m.start == st.Start
	switch {
	case known && m.errno == 0:
		return 0
	case !known:
		e.meet(n.pid, st)
	}
	m = mark{start: st.Start, errno: n.signal(unix.SIGKILL)}
	e.killed[n.pid] = m
	if known {
		return 0
	}
	e.report(n.pid, m.errno)
	return 1
}

// sweep reaps the direct children of the last pass that are dead, and only those: an unbounded loop
// of waits never ends against a chain that forks and exits faster than we reap. They die about in
// the order in which they were killed, from the last one on, so while some die it need not look at
// all of them.
func (e *ender) sweep() (reaped int) {
	var info siginfo
	var ru unix.Rusage
	e.living = e.living[:0]
	for len(e.direct) > 0 && (e.blocked > 0 || len(e.living) < 4*ahead) {
		last := len(e.direct) - 1
		pid := e.direct[last]
		e.direct = e.direct[:last]
		if e.r.reap(pid, &info, &ru) {
			delete(e.killed, pid)
			reaped++
		} else {
			e.living = append(e.living, pid)
		}
	}
	for _, pid := range slices.Backward(e.living) {
		e.direct = append(e.direct, pid)
	}
	return reaped
}

// wait blocks until one of the direct children has died or some time has passed, and tells of those
// that do not die.
func (e *ender) wait(ctx context.Context) {
	e.blocked++
	e.tellOfSurvivors()
	timeout := min(time.Millisecond<<min(e.blocked, 10), time.Second)
	if deadline, ok := ctx.Deadline(); ok {
		timeout = max(min(timeout, time.Until(deadline)), time.Millisecond)
	}
	if e.blocked > zombiesAt {
		e.waitForDeath(nil, timeout)
		return
	}
	e.waitForDeath(e.direct, timeout)
}

// enoughAtOnce is the number of passes after AtOnce in which nobody is looked for below those that
// are dying.
const enoughAtOnce = 16

// stubborn is the number of waits in a row without progress after which those that have been killed
// count as not dying.
const stubborn = 3

// zombiesAt is the number of waits in a row without progress after which descriptors are not asked
// any more: that of a zombie which somebody else traces is readable all the time, and it is not
// ours to reap before that one lets go of it (ptrace(2)).
const zombiesAt = 8

// waitForDeath waits until one of the first few processes has exited, by pidfd, or for the timeout.
// All that were signalled die in any order; which of them wakes us does not matter.
func (e *ender) waitForDeath(pids []int32, timeout time.Duration) {
	var fds [16]unix.PollFd
	n := 0
	for _, pid := range pids {
		if n == len(fds) {
			break
		}
		if fd, errno := pidfdOpen(pid); errno == 0 {
			fds[n] = unix.PollFd{Fd: int32(fd), Events: unix.POLLIN}
			n++
		}
	}
	if n == 0 && len(pids) > 0 { // no pidfds on this kernel, or no descriptors left
		timeout = min(timeout, 5*time.Millisecond)
	}
	ts := unix.NsecToTimespec(timeout.Nanoseconds())
	if e.r.opts.Exclusive && timeout <= time.Second {
		ppollNow(fds[:n], &ts)
	} else {
		_, _ = unix.Ppoll(fds[:n], &ts, nil)
	}
	for i := range n {
		proc.CloseFD(int(fds[i].Fd))
	}
}
