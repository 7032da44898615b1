// The runtime would read cgroup files at the start, to find out how many processors there are for
// it: two are enough.
//
//go:debug containermaxprocs=0
//go:debug updatemaxprocs=0

// Command lastout runs a command and is the last one out: when it returns, every process that
// descends from the command is gone.
//
// The pieces: flags.go says what there is to set and options.go reads it, from the command line and
// from LASTOUT_… variables; line.go decides whether -c needs a shell; execute_linux.go runs the job
// and passes signals on; report.go and picture.go say what there is to say, annotate_linux.go to a
// CI system, outputs_linux.go to files; unattended_linux.go does what is asked for around a run
// that nobody watches; jobcontrol_linux.go stops lastout with its job; status.go is the one place
// where a result becomes an exit status. entry_linux.go is what runs before all that, and
// guardian_linux.go what a guardian does that needs the runtime after all: see package guardian.
package main

import (
	"context"
	"os"
	"runtime/debug"

	"lastout/cmd/lastout/internal/guardian"
	"lastout/jobs"
)

func main() {
	guardian.Block()
	jobs.Prepare() // while flags are read
	// Where the machine has no thread to give, the runtime ends the process: that is to be a line,
	// not a page.
	debug.SetTraceback("none")
	guardian.Exit(run(context.Background(), os.Args[1:], environment(), os.Stdin, os.Stdout, os.Stderr))
}
