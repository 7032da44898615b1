// Package guardian is what lastout is before its Go runtime starts, and, in the process that the
// caller has started, most often all that it ever is.
//
//	caller
//	└─ guardian   the process that was executed: one thread, no runtime; it passes signals on, stops, goes on, and waits
//	   └─ worker     forked before the runtime starts: reads flags, and runs the job
//	      └─ the command
//
// The first instruction of the program is ours (entry_linux_*.s in package main). [Enter] runs
// then, in compiled Go that needs no runtime; docs/before-the-runtime.md says how. It blocks all
// signals, so that none is lost or acts before its time, records what was inherited and what the Go
// runtime is going to change, and forks. The worker goes on into the Go runtime; the guardian
// stays.
//
// The pieces:
//
//   - entry_linux.go records and forks; flags_linux.go finds out whether a guardian is wanted.
//   - guard_linux.go is the guardian's life: signals to the worker, by a pipe; its answers, in a
//     page that both share.
//   - suspend_linux.go stops the process so that no SIGCONT is lost; a process without a guardian
//     uses it, too.
//   - last_linux.go kills what a worker that was killed has left, before the Go runtime starts.
//   - worker_linux.go is the worker's end, and the first file whose functions need the runtime;
//     receive_linux.go is how any of our processes receives signals.
//
// Guardian and worker share their table of descriptors (CLONE_FILES, clone(2)). So a lock that the
// worker has taken is not free before both are gone, and what the worker closes is closed.
//
// The guardian needs the runtime after all in two cases, and goes on into it then, in the same
// process: as the heir of a worker that was killed, whose orphans are its children now; and to
// settle children that an exec has handed to it, which the worker asks for when its job is over.
// [Started] says what this process is.
package guardian
