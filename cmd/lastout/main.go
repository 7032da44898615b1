// Command lastout runs a command and is the last one out: when it returns, every process that descends from the
// command is gone.
//
// The pieces: flags.go says what there is to set and options.go reads it, from the command line and from LASTOUT_… variables;
// line.go decides whether -c needs a shell; execute_linux.go runs the job and passes signals on; report.go writes
// messages; status.go is the one place where a result becomes an exit status.
package main

import (
	"context"
	"os"
	"runtime"
	"runtime/debug"

	"lastout/jobs"
)

// caller is who started us, noted as early as can be: should that one die, we get another parent.
var caller int

func main() {
	caller = os.Getppid()
	// With more processors the runtime would wake more threads than there is work for.
	if runtime.NumCPU() > 2 {
		runtime.GOMAXPROCS(2)
	}
	// Where the machine has no thread to give, the runtime ends the process: that is to be a line, not a page.
	debug.SetTraceback("none")
	// A run allocates next to nothing, and a collection every two minutes would be a wake-up.
	debug.SetGCPercent(-1)
	debug.SetMemoryLimit(64 << 20)
	jobs.KeeperMain()
	os.Exit(run(context.Background(), os.Args[1:], os.Environ(), os.Stdin, os.Stdout, os.Stderr))
}
