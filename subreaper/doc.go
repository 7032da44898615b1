// Package subreaper makes the calling process the one that adopts the orphans among its descendants
// (PR_SET_CHILD_SUBREAPER, prctl(2), Linux 3.4), reaps them at once, lists and signals its
// descendants, and ends them all.
//
// The pieces:
//
//   - [New] makes the process a subreaper and returns a [Reaper]: the one owner of every wait. One
//     thread is blocked in waitid(2); no SIGCHLD, no polling, no wake-up while nothing happens.
//   - [Reaper.Start] starts a child that is watched: its exit and its stops are reported. When it
//     exits while others of its tree live, its zombie is held, which pins its process group's
//     number.
//   - [Reaper.StartCommand] starts an [os/exec.Cmd] that its owner waits for, as usual.
//   - [Reaper.Look] tells what every descendant does: whether it is busy, and which pipes it reads
//     and writes.
//   - [Reaper.SignalAll] signals every descendant that is alive, once each.
//   - [Reaper.End] kills until the kernel says that no child is left.
//
// A process that is sent a signal is known to be a descendant at that moment: a direct child cannot
// be recycled before it is reaped, and nothing is reaped meanwhile; anything deeper is held by a
// pidfd (Linux 5.3) while its parent is checked again.
//
// A program that leaves nothing behind:
//
//	r, err := subreaper.New(subreaper.Options{})
//	if err != nil {
//		return err
//	}
//	defer r.Close()
//	cmd := exec.Command("sh", "-c", "sleep 300 & setsid sleep 300 & echo built")
//	if err := r.StartCommand(cmd); err != nil {
//		return err
//	}
//	err = cmd.Wait()
//	return errors.Join(err, r.End(ctx, subreaper.EndOptions{}))
//
// # Beside os/exec
//
// A reaper that waits for any child would steal the exit status that exec.Cmd.Wait is waiting for.
// So start commands with [Reaper.StartCommand] in place of cmd.Start, and wait for them with
// cmd.Wait as always. Commands that somebody else starts (cmd.Run in a library) are recognised by
// the pidfd that package os keeps for each until it has been waited for; that takes Go 1.23, Linux
// 5.4 and a /proc, and some time for every exit, which [Options.Exclusive] saves. A child that was
// started in any other way (syscall.ForkExec, cgo) is taken for an adopted orphan: it is reaped,
// its status is lost to whoever waits for it, and End kills it. There is one Reaper at most in a
// process.
//
// # Limits
//
// Descendants are found through /proc/PID/task/TID/children (CONFIG_PROC_CHILDREN, Linux 4.2), the
// parents in /proc/PID/stat where that is missing, and, without /proc, by asking waitid(2) about
// numbers: every call tries some of them, and End goes on until nobody is left. A process that may
// not be signalled (set-user-ID, uninterruptible sleep) is reported as a [Survivor]. Everywhere but
// on Linux, New returns [errors.ErrUnsupported].
package subreaper
