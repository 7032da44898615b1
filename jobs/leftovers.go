package jobs

import (
	"errors"
	"sync"
	"syscall"

	"lastout/subreaper"
)

// maxLeftovers bounds how many are described; a fork bomb leaves thousands.
const maxLeftovers = 256

// leftovers keeps track of the processes that outlived their leader: of those that have to be
// ended, which are counted, and of those that may end by themselves. Its methods are called by the
// life of the job and, as callbacks, by the reaper.
type leftovers struct {
	mu    sync.Mutex
	list  []Leftover
	over  []bool      // which of them are counted
	index map[int]int // by process id, into list: who has that number now
	more  map[int]struct{}
	sent  map[subreaper.ID]struct{} // who was sent the stop signal
	stop  syscall.Signal            // which that is
}

// noticed adds processes that may end by themselves, and describes those anew that it knows.
func (l *leftovers) noticed(procs ...subreaper.Process) {
	l.mu.Lock()
	defer l.mu.Unlock()
	for _, p := range procs {
		if i, known := l.indexOf(p); known && !l.list[i].Reaped {
			l.list[i].Process = p
		} else if !known && p.Comm != "" {
			l.add(p)
		}
	}
}

// found counts processes, and adds those that it does not know. Of very many all but the first have
// no name, and are only counted.
func (l *leftovers) found(procs ...subreaper.Process) {
	l.mu.Lock()
	defer l.mu.Unlock()
	for _, p := range procs {
		l.countIn(p)
	}
}

func (l *leftovers) countIn(p subreaper.Process) {
	if _, known := l.indexOf(p); !known && p.Comm != "" {
		l.add(p)
	}
	if i, ok := l.index[p.PID]; ok {
		l.over[i] = true
	} else {
		if l.more == nil {
			l.more = make(map[int]struct{})
		}
		l.more[p.PID] = struct{}{}
	}
}

// knows reports whether a process is counted.
func (l *leftovers) knows(pid int) bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	i, listed := l.index[pid]
	_, counted := l.more[pid]
	return listed && l.over[i] || counted
}

// indexOf finds a process in the list. It is not one that has ended and had the same number, as
// there may be where they linger for long.
func (l *leftovers) indexOf(p subreaper.Process) (i int, known bool) {
	i, known = l.index[p.PID]
	return i, known && l.list[i].ID() == p.ID()
}

func (l *leftovers) add(p subreaper.Process) {
	if len(l.list) >= maxLeftovers {
		delete(l.index, p.PID)
		return
	}
	if l.index == nil {
		l.index = make(map[int]int)
	}
	l.index[p.PID] = len(l.list)
	l.list, l.over = append(l.list, Leftover{Process: p}), append(l.over, false)
}

// hold notes what processes hold open.
func (l *leftovers) hold(held map[int]Outputs) {
	l.mu.Lock()
	defer l.mu.Unlock()
	for pid, outputs := range held {
		if i, ok := l.index[pid]; ok {
			l.list[i].Holds = outputs
		}
	}
}

// results returns those that are counted, how many there are, and those that have ended by
// themselves.
func (l *leftovers) results() (over []Leftover, count int, lingered []Leftover) {
	for i, left := range l.list {
		if l.over[i] {
			over = append(over, left)
		} else {
			lingered = append(lingered, left)
		}
	}
	return over, len(over) + len(l.more), lingered
}

// signalled notes that a process is sent the stop signal.
func (l *leftovers) signalled(p subreaper.Process) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.sent == nil {
		l.sent = make(map[subreaper.ID]struct{})
	}
	l.sent[p.ID()] = struct{}{}
}

// killed notes that a process was sent SIGKILL.
func (l *leftovers) killed(pid int) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if i, ok := l.index[pid]; ok && !l.list[i].Reaped {
		l.list[i].End = ByKill
	}
}

// reaped notes how a process ended. One that was dead when SIGKILL was sent did not die of it.
func (l *leftovers) reaped(e subreaper.Exit) {
	l.mu.Lock()
	defer l.mu.Unlock()
	i, ok := l.index[e.PID]
	if !ok || l.list[i].Reaped {
		return
	}
	left := &l.list[i]
	left.Reaped, left.Status = true, e.Status
	if left.End == ByKill && e.Status.Signaled() && e.Status.Signal() == syscall.SIGKILL {
		return
	}
	left.End = l.endUnlessKilled(left.Process)
	if e.Status.Signaled() && e.Status.Signal() != l.stop { // somebody else was faster
		left.End = ByItself
	}
}

// endUnlessKilled is how a process came to its end if not by SIGKILL.
func (l *leftovers) endUnlessKilled(p subreaper.Process) End {
	if _, sent := l.sent[p.ID()]; sent {
		return ByStopSignal
	}
	return ByItself
}

// outOfReach notes that no signal has reached those that we may not signal.
func (l *leftovers) outOfReach(procs []subreaper.Survivor) {
	l.mu.Lock()
	defer l.mu.Unlock()
	for _, p := range procs {
		if errors.Is(p.Err, syscall.EPERM) {
			delete(l.sent, p.ID())
		}
	}
}

// survived notes who lives.
func (l *leftovers) survived(procs []subreaper.Survivor) {
	l.mu.Lock()
	defer l.mu.Unlock()
	for _, p := range procs {
		l.countIn(p.Process)
		if i, ok := l.index[p.PID]; ok {
			l.list[i].End = NotEnded
		}
	}
}

// settle decides for those whose end nobody told us, because their own parent reaped them.
func (l *leftovers) settle() {
	l.mu.Lock()
	defer l.mu.Unlock()
	for i := range l.list {
		if left := &l.list[i]; !left.Reaped && left.End == ByItself {
			left.End = l.endUnlessKilled(left.Process)
		}
	}
}
