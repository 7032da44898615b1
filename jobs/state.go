package jobs

import (
	"sync"
	"syscall"
)

// state is where a job is in its life.
type state uint8

const (
	running   state = iota
	asking          // the leader alone has been sent the stop signal
	lingering       // the leader is gone, descendants are not; they may finish
	settling        // those that are on their way out, or drain a pipe, may end
	stopping        // everybody has been sent the stop signal, but for readers of what the others write
	draining        // SIGKILL to whoever has had the grace period, and time for those readers
	killing         // SIGKILL to everything until the kernel says ECHILD
	settled         // nothing is left
	states
)

func (s state) String() string {
	return [...]string{"running", "asking", "lingering", "settling", "stopping", "draining", "killing", "settled"}[s]
}

// input is what moves a job on.
type input uint8

const (
	leaderExited input = iota // and others of its tree live
	treeEmpty                 // the leader and all others are gone
	lingerOver
	rested         // everybody who is left is idle
	settleOver     // somebody is not, for too long
	graceOver      // the time of a stop signal
	readersLeft    // the same, and there are readers that have not been sent it
	killDue        // Job.KillAfter after a forwarded stop signal
	timedOut       // Job.Timeout
	leaderTimedOut // the same, where the leader is to be told alone
	stop           // somebody asks for the end: a cancelled context, a runner or caller that died
	stopSignal     // TERM or INT while the leader is gone
	oneMore        // a second one
	kill           // no grace
	inputs
)

func (i input) String() string {
	return [...]string{
		"leader exited", "tree empty", "linger over", "all idle", "settle over", "grace over",
		"grace over but for readers", "kill due",
		"timed out", "timed out with the leader", "stop", "stop signal", "another stop signal", "kill",
	}[i]
}

// next is the whole life: next[s][i] is the state that input i leads to from s. What is not listed
// changes nothing, which reads as s itself in move.
var next = [states][inputs]state{
	running: {
		leaderExited:   lingering,
		treeEmpty:      settled,
		killDue:        killing,
		timedOut:       stopping,
		leaderTimedOut: asking,
		stop:           stopping,
		kill:           killing,
	},
	asking: {
		leaderExited: settling,
		treeEmpty:    settled,
		graceOver:    stopping, // the leader is killed
		killDue:      stopping, // likewise
		stop:         stopping,
		oneMore:      killing,
		kill:         killing,
	},
	lingering: {
		treeEmpty:  settled,
		lingerOver: settling,
		timedOut:   stopping,
		stop:       stopping,
		stopSignal: stopping,
		oneMore:    killing,
		kill:       killing,
	},
	settling: {
		treeEmpty:  settled,
		rested:     stopping,
		settleOver: stopping,
		timedOut:   stopping,
		stop:       stopping,
		stopSignal: stopping,
		oneMore:    killing,
		kill:       killing,
	},
	stopping: {
		treeEmpty:   settled,
		graceOver:   killing,
		readersLeft: draining,
		killDue:     killing,
		oneMore:     killing,
		kill:        killing,
	},
	draining: {
		treeEmpty: settled,
		graceOver: killing,
		oneMore:   killing,
		kill:      killing,
	},
	killing: {
		treeEmpty: settled,
	},
}

// move returns the state that i leads to from s. No input leads back to running, the zero state, so
// zero means none.
func move(s state, i input) state {
	if to := next[s][i]; to != running {
		return to
	}
	return s
}

// request is what is asked of a running job from outside.
type request struct {
	input input          // stop or kill; signals are stopSignal
	sig   syscall.Signal // to be forwarded
	// when somebody else sent it to us and the leader, if there was one; 0: it is for us alone. See
	// now
	sent  int64
	alone bool // a leader that is stopped is not to be continued for it
}

// requests are those that nobody has taken yet. They are safe for concurrent use; who takes them is
// told by wake.
type requests struct {
	wake chan struct{} // capacity 1

	mu   sync.Mutex
	list []request
}

// maxRequests bounds what is kept while everything is being killed, when nobody takes any.
const maxRequests = 1 << 16

func newRequests() *requests { return &requests{wake: make(chan struct{}, 1)} }

func (q *requests) put(r request) {
	q.mu.Lock()
	defer q.mu.Unlock()
	if len(q.list) < maxRequests {
		q.list = append(q.list, r)
	}
	q.rouse()
}

// take takes the first, and sees to it that its taker comes back for the others.
func (q *requests) take() (r request, ok bool) {
	q.mu.Lock()
	defer q.mu.Unlock()
	if len(q.list) == 0 {
		return r, false
	}
	r, q.list = q.list[0], q.list[1:]
	q.rouse()
	return r, true
}

// rouse wakes who takes them, if there are any. mu is held.
func (q *requests) rouse() {
	if len(q.list) == 0 {
		return
	}
	select {
	case q.wake <- struct{}{}:
	default:
	}
}

func (q *requests) any() bool {
	q.mu.Lock()
	defer q.mu.Unlock()
	return len(q.list) > 0
}

// drop forgets what nobody has taken.
func (q *requests) drop() {
	q.mu.Lock()
	defer q.mu.Unlock()
	q.list = nil
}
