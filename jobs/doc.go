// Package jobs runs commands that leave nothing behind: when [Run] returns, every process that
// descends from the command is gone, whatever its session, process group, depth or taste in
// signals.
//
//	func main() {
//		jobs.KeeperMain() // becomes the keeper where the program was re-executed as one
//		result, err := jobs.Run(context.Background(), jobs.Job{
//			Args:   []string{"sh", "-c", "sleep 300 & setsid sleep 300 & echo built"},
//			Stdout: os.Stdout,
//		})
//		if err != nil {
//			log.Fatal(err)
//		}
//		for _, l := range result.Leftovers {
//			fmt.Println(l.Cmdline, l.End)
//		}
//	}
//
// The pieces:
//
//   - [Job] is what is to be run, [Result] what became of it. Both are values.
//   - The life of a job is a table: states, and what moves a job from one to the next (state.go).
//     One goroutine goes through it (life_linux.go, with forward_linux.go and stopping_linux.go),
//     in-process or in a keeper; it is the same code.
//   - Between the command and the stop signal, those that are left may end by themselves: patience
//     (settling.go) has the rules, flow (flow.go) knows who reads what from whom at one look, and
//     settling_linux.go does what follows, look after look. While the others are stopped it spares
//     readers.
//   - A keeper is the program itself, executed again (keeper_linux.go): the subreaper of one job
//     tree at a time. It ends the tree when this process dies, even of SIGKILL; and this process, a
//     subreaper too, ends the tree when the keeper does. It knows of no terminal.
//   - [Runner] is this process's end: a link to a keeper, or the job's life in-process. It runs one
//     job after another.
//   - A leader is started by package spawn, below this one: with the signals that [Origin] says,
//     where they are known.
//   - Where there is a terminal, an in-process job is lent it, or shares it with us
//     (lender_linux.go, package terminal). That the leader has stopped is told to [Events], and is
//     for the program to answer.
//   - As PID 1, what does not descend from us but lives in our namespace is stopped, too
//     (others_linux.go).
//   - What settling needs is there before the job is: threads (threads_linux.go), which the Go
//     runtime could not make at a pids limit. A program that only runs jobs ([Options].Exclusive)
//     saves time with [Prepare], which begins to make them.
//
// The program that uses a keeper must call [KeeperMain] first thing in main. A Runner that is
// in-process needs no such call, but takes every wait of the process for itself: see package
// subreaper for how that goes with os/exec.
//
// # Between cancel and return
//
// Cancelling the context of [Runner.Run] abandons nothing: every descendant is sent the stop
// signal, but for readers of what the leader writes, has its grace period, and is killed then. Run
// returns when the tree is gone, and only with [Job.GiveUp] earlier than that.
//
// # Limits
//
// Work that a job hands to another daemon (docker, systemd, at, cron) is no descendant. A process
// that may not be signalled, or that is in an uninterruptible sleep, is reported and waited for.
// Everywhere but on Linux, Run returns [errors.ErrUnsupported].
package jobs
