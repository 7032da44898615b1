package guardian

import "unsafe"

// What the Go runtime says where it ends the process: a line, and no page. The assembly that stands
// for its write1 and exit reads these variables, and has status 125 then.
//
//lint:file-ignore U1000 the assembly uses them
var (
	terse    uint32 // whether that is wanted
	failed   uint32 // whether it had something to say
	lastWord struct{ at, size uintptr }
)

// end sets the last words. It needs no runtime, as the assignment of a string does.
//
//go:norace
func end(words string) {
	lastWord.at, lastWord.size = uintptr(unsafe.Pointer(unsafe.StringData(words))), uintptr(len(words))
}

// Messages of a process that has no runtime, and those last words. fewFiles names neededFiles.
const (
	fewProcesses = "lastout: cannot start: no process can be made: raise the limit of processes (ulimit -u, pids.max)\n"
	deadline     = "lastout: cannot start: no process can be made under SCHED_DEADLINE: start it with SCHED_FLAG_RESET_ON_FORK (chrt -R)\n"
	fewFiles     = "lastout: cannot start: it needs 13 more file descriptors: raise their limit (ulimit -n)\n"
	cannotRun    = "lastout: cannot start: the Go runtime does not get the threads, memory or system calls that it needs: raise the limits (ulimit -u, ulimit -v, pids.max), or allow them (seccomp)\n"
	cannotGoOn   = "lastout: the Go runtime has ended it: it did not get threads, memory or system calls, or this is a bug; LASTOUT_GOTRACEBACK=all shows more\n"
	cannotStart  = "lastout: the worker was killed, and nothing else can be started: everything is ended by SIGKILL\n"
)
