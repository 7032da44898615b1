// Package ahead does at once what everything else waits for. A package that is initialized is initialized before those that come
// after it in the order of import paths and that it does not need (Go specification, program initialization): so a
// keeper never sets up the packages that read flags, and a runner's keeper gets ready while the runner does. Together that is
// a third of what a run costs. It is the one place where something happens in an init function.
package ahead

import (
	"os"
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
	if !jobs.InKeeper() && likely(os.Args[1:], os.Environ()) {
		Keeper, _ = jobs.StartKeeper() // what is wrong with it will be said when it is needed
	}
}

// likely reports whether it looks as if a keeper will be needed. It may be wrong both ways.
func likely(args, env []string) bool {
	return len(args) > 0 && os.Getpid() != 1 && !slices.ContainsFunc(args, without) && !slices.ContainsFunc(env, func(e string) bool {
		return strings.HasPrefix(e, "LASTOUT_KEEPER=")
	})
}

// without is true for arguments that ask for something else than running a command in a keeper.
func without(arg string) bool {
	name, _, _ := strings.Cut(arg, "=")
	return slices.Contains([]string{"--keeper", "--help", "-h", "--version", "--completion", "--doctor"}, name)
}
