// Package clone starts a thread or a process that runs compiled Go on a stack of its own, unknown
// to the Go runtime.
//
// The Go runtime cannot fork: a child has one thread, and all that the runtime believes of its
// others is wrong. It can do what the runtime is not needed for: functions that neither allocate,
// nor grow the stack, nor panic, nor take locks, and that make system calls themselves. What is
// started here may do that and no more:
//
//   - its functions are go:nosplit, since the stack is not the one that the g of its thread tells
//     of;
//   - they are go:norace and go:nocheckptr, since the race detector belongs to the runtime;
//   - the child starts with the signal mask of its parent. Block what the runtime has handlers for:
//     these must not run.
//
// The pieces: [Clone] makes the system call, in assembly, since the child must not come back on the
// parent's stack; [Task] is what the child runs.
package clone
