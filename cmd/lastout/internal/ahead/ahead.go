// Package ahead does at once what everything else waits for. A package that is initialized is initialized before those that come
// after it in the order of import paths and that it does not need (Go specification, program initialization): so a
// keeper never sets up the packages that read flags, and a runner's keeper gets ready while the runner does. Together that is
// a third of what a run costs. It is the one place where something happens in an init function.
package ahead

import "lastout/jobs"

// NoRun are the flags that ask for something else than running a command.
var NoRun = [...]string{"help", "version", "doctor", "completion"}

var (
	// Caller is the process that started us: should that one die, we get another parent.
	Caller int
	// Keeper was started already; nil where none is likely to be needed.
	Keeper *jobs.Keeper
)
