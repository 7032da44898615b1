// Package cgroup makes a directory of our own in the cgroup v2 hierarchy (cgroups(7)), for a
// process tree to be started in: membership is inherited by fork, and one write to cgroup.kill ends
// every member, whatever forks meanwhile.
//
//	dir, err := cgroup.Make(syscall.ForkExec)
//	if err != nil {
//		return err // this machine does not offer it
//	}
//	defer dir.Remove()
//	leave, err := dir.Into(cmd.SysProcAttr)
//	…
//	dir.Kill()
//
// # Where
//
// The directory is made below the cgroup that we are in, and nowhere else: what limits and accounts
// for us goes on to do so for the job, and whoever ends our cgroup ends the job. That works for
// root, and for others where the cgroup has been delegated to them (the session of systemd-run
// --user, say). No controller is enabled in it, so that the rule against processes in inner cgroups
// does not apply.
//
// # Limits
//
// A member that may write to other cgroups can leave, so an empty directory proves nothing: the
// kernel's ECHILD does, see package subreaper. And whoever may write to ours can move a stranger
// into it; who does that says that the stranger belongs to the job. It takes Linux 5.7 to start a
// child inside, without a moment outside (CLONE_INTO_CGROUP, clone(2)), and 5.14 for cgroup.kill.
// Whoever is killed between Make and Remove leaves an empty directory behind; its name begins with
// [Prefix].
package cgroup
