// Package ahead does at once what everything else waits for. A package that is initialized is initialized before those that come
// after it in the order of import paths and that it does not need (Go specification, program initialization): so a
// keeper never sets up the packages that read flags, and a runner's keeper gets ready while the runner does. Together that is
// a third of what a run costs. It is the one place where something happens in an init function.
package ahead

import (
	"os"
	"runtime/debug"
	"slices"
	"strings"

	"lastout/jobs"
)

var (
	// Caller is the process that started us: should that one die, we get another parent.
	Caller int
	// Keeper was started already; nil where none is likely to be needed.
	Keeper *jobs.Keeper
)

func init() {
	Caller = os.Getppid()
	// Where the machine has no thread to give, the runtime ends the process: that is to be a line, not a page.
	debug.SetTraceback("none")
	if !jobs.InKeeper() && likely(os.Args[1:], os.Environ()) {
		Keeper, _ = jobs.StartKeeper() // what is wrong with it will be said when it is needed
	}
}

// likely reports whether it looks as if a keeper will be needed. It may be wrong both ways.
func likely(args, env []string) bool {
	for i, arg := range args {
		name, value, joined := strings.Cut(arg, "=")
		if name == "--keeper" && !joined && i+1 < len(args) {
			value = args[i+1]
		}
		if name == "--keeper" && value == "off" || slices.Contains([]string{"--help", "-h", "--version", "--completion", "--doctor"}, name) {
			return false
		}
	}
	test := strings.HasSuffix(os.Args[0], ".test") // of this command, as go test builds it
	return len(args) > 0 && os.Getpid() != 1 && !test && !slices.Contains(env, "LASTOUT_KEEPER=off")
}
