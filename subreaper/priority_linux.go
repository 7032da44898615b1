package subreaper

import "golang.org/x/sys/unix"

// priority is the calling thread's, to be restored.
type priority struct {
	attr    *unix.SchedAttr
	changed bool
}

// raisePriority puts the calling thread before ordinary ones, if it may (CAP_SYS_NICE). Against a fork bomb speed decides; and
// with autogroup scheduling (sched(7)) a nice value counts only within a session, while every session that a bomb opens gets
// as much of the processor as ours. A real-time policy is above all that. Threads that the Go runtime
// makes meanwhile do not inherit it (SCHED_FLAG_RESET_ON_FORK).
func raisePriority() priority {
	old, err := unix.SchedGetAttr(0, 0)
	if err != nil || old.Policy != unix.SCHED_NORMAL && old.Policy != unix.SCHED_BATCH {
		return priority{}
	}
	old.Size = unix.SizeofSchedAttr
	fast := unix.SchedAttr{Size: unix.SizeofSchedAttr, Policy: unix.SCHED_RR, Priority: 1, Flags: unix.SCHED_FLAG_RESET_ON_FORK}
	if unix.SchedSetAttr(0, &fast, 0) == nil {
		return priority{old, true}
	}
	nice := *old
	nice.Nice, nice.Flags = -20, unix.SCHED_FLAG_RESET_ON_FORK
	return priority{old, unix.SchedSetAttr(0, &nice, 0) == nil}
}

func (p priority) restore() {
	if p.changed {
		_ = unix.SchedSetAttr(0, p.attr, 0)
	}
}
