package ahead

import (
	"os"
	"runtime/debug"
	"slices"
	"strings"

	"lastout/jobs"
	"lastout/jobs/siginfo"
)

// Signals receives what comes while flags are read; nil where it looks as if no command is to be run.
var Signals *siginfo.Receiver

func init() {
	Caller = os.Getppid()
	// Where the machine has no thread to give, the runtime ends the process: that is to be a line, not a page.
	debug.SetTraceback("none")
	if jobs.InKeeper() || !runs(os.Args[1:]) {
		return
	}
	if r, err := siginfo.New(); err == nil { // what is wrong with it will be said when it is needed; so with the keeper
		r.AskAll()
		Signals = r
	}
	if keeps(os.Args[1:], os.Environ()) {
		Keeper, _ = jobs.StartKeeper()
	}
}

// runs reports whether it looks as if a command is to be run. A test of this package's importers is not, as go test builds it.
func runs(args []string) bool {
	other := func(arg string) bool {
		name, _, _ := strings.Cut(arg, "=")
		return name == "-h" || strings.HasPrefix(name, "--") && slices.Contains(NoRun[:], name[2:])
	}
	return len(args) > 0 && !slices.ContainsFunc(args, other) && !strings.HasSuffix(os.Args[0], ".test")
}

// keeps reports whether it looks as if a keeper will be needed. It may be wrong both ways.
func keeps(args, env []string) bool {
	for i, arg := range args {
		name, value, joined := strings.Cut(arg, "=")
		if name == "--keeper" && !joined && i+1 < len(args) {
			value = args[i+1]
		}
		if name == "--keeper" && value == "off" {
			return false
		}
	}
	return os.Getpid() != 1 && !slices.Contains(env, "LASTOUT_KEEPER=off")
}
