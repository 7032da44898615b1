// Package soak disturbs lastout at random moments, over and over, and looks at what is left.
//
// It is not among the tests: what it finds depends on its luck. `make soak` runs it, as root, on a
// machine where cgroups can be made; `make soak SOAKFLAGS='-soak.runs=2000'` for longer;
// `-soak.seed=N -soak.run=M` repeats one run.
//
// # A run
//
// The stage (stage/stage.c) is the first process of a fresh PID namespace, in which kernel.pid_max
// is a little more than the job can have: process ids are used again after some tens of
// milliseconds. (pid_max is per PID namespace since Linux 6.14, and 301 at least; before, it was
// the machine's, and is left alone.) Below the stage live the bystanders, siblings of lastout:
// witnesses, which take every signal that can be taken and write down who sent it, some of them in
// the process group of lastout and some of its name; and short-lived ones, which come and go to use
// up numbers, and look for signals before they exit. Their parents wait for all of them, so that a
// SIGKILL or SIGSTOP does not go unnoticed.
//
// lastout is started inside, as a child of the test, in a box of its own (package box), with random
// flags and limits. Its command (tree/tree.c) makes a random tree: daemons, chains that fork and
// exit, siblings by CLONE_PARENT, vfork, threads, stopped processes, those that ignore or block
// signals. All end by themselves after two seconds. Meanwhile the runner, the worker or the leader
// is killed, the runner gets a TERM, INT or HUP, the runner or the worker is stopped and continued;
// or nothing happens. The worker is known only as the runner's child. Each is signalled by a pidfd:
// the test does not hit a bystander.
//
// # What is judged
//
//   - The moment that lastout has returned the box is empty: nothing runs, no zombie. If the runner
//     itself was killed, it is so when its last process has died and the first process of the
//     namespace has reaped what it had to adopt.
//   - lastout has ended as the plan allows: with the command's status, of a signal that was sent,
//     with 124 or 137 after a timeout, with 125 where the worker was killed. There is no trace of a
//     crash on stderr.
//   - No bystander has got a signal, was stopped, or has died of one.
//
// Of these only those that the promise covers are drawn: no two processes of lastout are killed in
// one run, and the runner is not with --keeper off.
//
// TestSoakNotices runs stand-ins for lastout that do each of these things wrong, and wants that to
// be noticed.
//
// # What is drawn
//
// All choices of a run come from the seed and its number, and can be repeated. When things happen
// is the machine's choice: a failure may need a few repetitions of its run to be seen again. Runs
// are bounded in time and in processes (a pids limit), and the end of the stage takes the namespace
// with it.
package soak
