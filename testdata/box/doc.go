// Package box is the judge of the tests: it runs a command and knows, from the
// kernel and not from the command, which of its descendants still exist.
//
//	b := box.New(t)
//	out := box.Run(t, b, b.Command(box.Lastout(t), "sh", "-c", "sleep 60 &"), 5*time.Second)
//	// Run has already failed the test if anything was alive when lastout returned.
//
// A box is made of what the machine offers, best first:
//
//   - a cgroup v2 directory of its own (cgroups(7)). Membership is inherited by
//     fork and cannot be shed by a new session, a cleared environment or a new
//     parent. /proc/PID/cgroup keeps naming it for a zombie, which cgroup.procs
//     does not list.
//   - a directory of the pids controller, in either version of the hierarchy:
//     pids.current counts every task that has not been reaped, in one atomic
//     read, so a process that forks faster than a list can be read is not missed.
//   - otherwise, for want of root, a variable in the environment, LASTOUT_BOX,
//     searched for in /proc/PID/environ; zombies and processes without a
//     readable environment are attributed by their parents. A process that
//     clears its environment and loses its parent is not seen this way: see
//     [Box.Exact].
//
// The package needs Linux; tests that import it carry the same build constraint.
package box
