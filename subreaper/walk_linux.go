package subreaper

import (
	"slices"
	"syscall"

	"lastout/subreaper/internal/proc"

	"golang.org/x/sys/unix"
)

// walker goes through the tree below us. All of its methods need the Reaper's lock: while it is
// held, nothing is reaped, so the number of a direct child cannot be recycled. The number of
// anything deeper can; there a pidfd holds the process.
type walker struct {
	r      *Reaper
	self   int32
	path   []node  // from a direct child down to where we are
	lists  []int32 // the child lists along the path, one after another
	roots  []int32
	search search // without /proc
	depth  int    // how many pidfds may be open at once; what is deeper is adopted by us when its ancestors die
}

// node is a process that is known to be ours as long as alive says so.
type node struct {
	pid   int32
	pidfd int // -1: a direct child
}

func (w *walker) init(r *Reaper) {
	w.r, w.self = r, int32(syscall.Getpid())
	w.search.init(w.self)
	var limit unix.Rlimit
	_ = unix.Getrlimit(unix.RLIMIT_NOFILE, &limit)
	w.depth = int(min(limit.Cur/2, 1024))
}

// directChildren lists our children, commands of others aside. The slice is valid until the next
// call.
func (w *walker) directChildren() []int32 {
	if w.r.fs == nil {
		w.roots = bruteForce(w.roots[:0])
	} else {
		w.r.fs.Refresh()
		w.roots = w.r.fs.Adopted(w.roots[:0])
		for pid := range w.r.watched {
			if !slices.Contains(w.roots, pid) { // at most one or two are watched
				w.roots = append(w.roots, pid)
			}
		}
	}
	return w.withoutCommands()
}

// knownChildren is directChildren where there is a /proc. Without it is those that a short search
// has found so far.
func (w *walker) knownChildren() []int32 {
	if w.r.fs != nil {
		return w.directChildren()
	}
	w.roots = w.search.look(w.roots[:0])
	return w.withoutCommands()
}

// allChildren is directChildren with the children of all our threads: one may have been forked by a
// thread that is not the main one, without our knowing.
func (w *walker) allChildren() []int32 {
	if w.r.fs == nil {
		return w.directChildren()
	}
	w.r.fs.Refresh()
	w.roots = w.r.fs.Children(w.roots[:0], w.self, 0)
	return w.withoutCommands()
}

func (w *walker) withoutCommands() []int32 {
	w.r.noticeCommands()
	if len(w.r.commands) > 0 {
		w.roots = slices.DeleteFunc(w.roots, w.r.ownedByCommand)
	}
	return w.roots
}

// onlyChild reports whether a child that has exited was the last of the tree. Its own children are
// ours by then: the kernel finds them a new parent before it makes the zombie (exit_notify in
// kernel/exit.c).
func (w *walker) onlyChild(c *Child) bool {
	for _, pid := range w.directChildren() {
		if int(pid) != c.PID {
			return false
		}
	}
	return true
}

// bruteForce lists our children without /proc. It is complete, and takes seconds.
func bruteForce(dst []int32) []int32 {
	for pid := int32(1); pid < numbers; pid++ {
		if isChild(pid) {
			dst = append(dst, pid)
		}
	}
	return dst
}

func (n node) signal(sig syscall.Signal) syscall.Errno {
	if n.pidfd < 0 {
		return kill(n.pid, sig)
	}
	return pidfdSignal(n.pidfd, sig, 0)
}

// unreaped reports whether the number is still this process's. EPERM says so too.
func (n node) unreaped() bool {
	return n.pidfd < 0 || pidfdSignal(n.pidfd, 0, 0) != unix.ESRCH
}

func (n node) close() {
	if n.pidfd >= 0 {
		proc.CloseFD(n.pidfd)
	}
}

// hold opens a process that a child list of ours named and makes sure that it is a descendant: its
// parent is on our path, or it has been adopted by us since. A pidfd first, the check after: what
// is held cannot become another process.
func (w *walker) hold(pid int32, st *proc.Stat) (node, bool) {
	fd, errno := pidfdOpen(pid)
	if errno != 0 {
		// ESRCH: gone. ENOSYS, EMFILE: left alone until its parent is dead and it is our direct
		// child.
		return node{}, false
	}
	n := node{pid, fd}
	if w.r.fs.Stat(pid, st) && (st.PPID == w.self || w.onPath(st.PPID)) {
		return n, true
	}
	n.close()
	return node{}, false
}

// onPath reports whether pid is an ancestor that we came through, and not a recycled number.
func (w *walker) onPath(pid int32) bool {
	for i := len(w.path) - 1; i >= 0; i-- {
		if w.path[i].pid == pid {
			return w.path[i].unreaped()
		}
	}
	return false
}

// push makes n the end of the path and lists its children. pop undoes it.
func (w *walker) push(n node, threads int32) (children []int32) {
	if threads != 1 {
		w.r.threaded[n.pid] = true
	}
	w.path = append(w.path, n)
	from := len(w.lists)
	w.lists = w.r.fs.Children(w.lists, n.pid, threads)
	return w.lists[from:]
}

func (w *walker) pop(children []int32) {
	w.path = w.path[:len(w.path)-1]
	w.lists = w.lists[:len(w.lists)-len(children)]
}

// deep reports whether there is a way to look below direct children, and room for it.
func (w *walker) deep() bool { return w.r.fs != nil && len(w.path) < w.depth }
