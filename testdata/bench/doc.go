// Bench runs lastout and its peers side by side and prints what each of them costs.
//
//	make bench                                   # everything but liveness, about five minutes
//	make bench BENCHFLAGS='-only overhead -quick'
//	make bench BENCHFLAGS='-only liveness -n 200 -o results'
//
// # Method
//
// Only figures of one run are compared. The programs under comparison take turns: in each round
// each of them runs once, in an order that is shuffled anew, so that a machine that grows slower,
// or an aftermath of one of them, falls on all alike. What is printed is the median, the 10th, 90th
// and 99th percentile and the maximum of the n single values, and the ratio of a median to that of
// the program that the title names. The machine, and its load before the run, are printed first; a
// load above 0.5 is warned of.
//
// All time is CLOCK_MONOTONIC, which processes share: where something begins inside of the job (a
// leader exits, an orphan dies), the job itself writes the time down right before it. The work is
// done by small static programs (directory work), so that what is measured is not their start. None
// of them outlives its own alarm.
//
//   - overhead: a static program that does nothing, started by vfork(2) and execve(2) from a locked
//     thread, the clock read right before and right after wait4(2). Of each time the one of the
//     same program alone, in the same round, is taken away. Processor time is what wait4(2) says,
//     children included.
//   - reaping: how fast a job can double-fork orphans until all their numbers are free again; and
//     the time from right before an orphan's _exit(2) until kill(2) does not find it any more,
//     watched from another processor by a process that does nothing else. "kernel" is a subreaper
//     that ignores SIGCHLD, the floor.
//   - teardown: from right before the leader's exit until wait4(2) for the runner returns; 10 to
//     5,000 descendants that ignore TERM; lastout without grace and settling (-g 0 --settle 0), and
//     with its report, to /dev/null. Shapes: "group", all children of the leader and in its process
//     group; "wide", all children of the leader, each in a session; "chain", each the child of the
//     one before. The peers are the kernel's: a PID namespace whose first process is the leader,
//     and cgroup.kill (Linux 5.14) on a cgroup with the same tree, until cgroup.events says that it
//     is empty. "Gone" is when the last descendant has closed its files; for cgroup.kill, when the
//     last is reaped.
//   - settling: a shell that sleeps for a tenth of a second and leaves nobody, a sleeper, or a
//     sleeper that it has told to end; with and without the time in which lastout looks whether
//     somebody ends by itself.
//   - bystanders: teardown of 100 (wide) while other processes sleep on the machine.
//   - idle: context switches of all threads of the guardian, and of its worker, while the job
//     sleeps.
//   - memory: PSS and RSS (/proc/PID/smaps_rollup) of the guardian, and of its worker, during an
//     idle job; and how PSS grows while orphans are reaped.
//   - liveness, only by name: programs of testdata/hostile under a pids limit, while as many busy
//     loops as there are processors run, each of them and lastout in a session (see autogroup in
//     sched(7)). The time counts from when the trick stands, the grace period of -grace included.
//     What is left in the box when lastout returns is printed as LOST.
//
// Peers are run where they are installed (make bench-peers); which are missing is said. Ratios have
// goals, which are printed with what was reached. A missed goal does not change the exit status,
// which is 0, or 1 where something could not be measured, or 125 for a wrong flag.
//
// With -o DIR the results are written to DIR/bench.json and DIR/bench.svg as well, with -o
// FILE.json to it and FILE.svg.
package main
