package main

import (
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
	"syscall"

	"lastout/jobs"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"
)

// options is what the command line and the environment say.
type options struct {
	job           jobs.Job
	linger, grace duration
	settle        duration
	timeout       duration
	killAfter     duration
	giveUp        duration
	stopSignal    signalValue
	deathSignal   signalValue
	forward       choice
	keeper        choice
	cgroup        choice
	ignore        signalList
	rewrite       rewrites
	expect        statuses
	dieWithParent bool
	undumpable    bool
	failOnLeak    leakStatus
	allowLeak     patterns
	annotate      choice
	reportFile    filename
	traceFile     filename
	usage         bool
	line          string
	lineGiven     bool
	quiet         bool
	verbose       int
	version       bool
	doctor        bool
	completion    string
	unattended    unattended

	env     []string // is the command's
	heeded  []string // the same, for what lastout itself reads
	actions []string // the variables of actions that were there
}

// actions are the flags that run or write something. Their variables are for us alone: a lastout
// below the command would write over our report, or run our hook.
var actions = [...]string{
	"report", "trace", "metrics", "log", "lock", "command", "on-start", "on-success", "on-failure", "on-leak",
}

// noRun are the flags that ask for something else than running a command.
var noRun = [...]string{"help", "version", "doctor", "completion"}

// usageError is a mistake of the caller's: one line, status 125, nothing started.
type usageError struct{ error }

const usage = `lastout [flags] [--] COMMAND [ARG...]

Runs COMMAND, and when it returns every process that descends from it is gone: background children, daemons,
processes in sessions of their own, those that ignore TERM. The exit status is the command's.

Every long flag that says how to run a command can be set in the environment: LASTOUT_GRACE=30s, LASTOUT_FAIL_ON_LEAK=true.`

const examples = `  lastout make test              run the tests; servers that they leave behind are ended, and named
  lastout -t 10m -k 30s ./build  TERM after ten minutes, KILL after another 30 seconds
  lastout --linger forever nginx stay while the daemon lives
  lastout -c 'cd /srv && ./job'  a command line`

// newCommand returns the one command there is. There are no subcommands: they would shadow programs
// of the same name.
func newCommand(o *options) *cobra.Command {
	c := &cobra.Command{
		Use: "lastout [flags] [--] COMMAND [ARG...]", Long: usage, Example: examples,
		Args: cobra.ArbitraryArgs, SilenceErrors: true, SilenceUsage: true, DisableFlagsInUseLine: true,
	}
	c.CompletionOptions.DisableDefaultCmd = true
	c.SetFlagErrorFunc(func(_ *cobra.Command, err error) error { return usageError{err} })
	o.addFlags(c.Flags())
	return c
}

// defaults are what is so if nothing says otherwise.
func (o *options) defaults() {
	o.linger.forever = true
	o.grace.d, o.settle.d = jobs.DefaultGrace, jobs.DefaultSettle
	o.stopSignal.sig, o.deathSignal.sig = syscall.SIGTERM, syscall.SIGKILL
	o.forward = choice{"group", []string{"leader", "group", "tree"}}
	o.keeper = choice{"auto", []string{"auto", "off"}}
	o.cgroup = choice{"off", []string{"off", "auto", "require"}}
	o.annotate = choice{"auto", []string{"auto", "github", "gitlab", "none"}}
	o.rewrite, o.expect = rewrites{}, statuses{}
	o.unattended.defaults()
}

func (o *options) addFlags(f *pflag.FlagSet) {
	o.defaults()
	f.SortFlags = false
	f.SetInterspersed(false) // flags end at the first word that is none
	f.Var(&o.linger, "linger", "let descendants go on this long after the command, or forever")
	f.Var(&o.settle, "settle",
		"let what is busy when the command has ended end by itself for this long; who reads a pipe to its end has --grace")
	f.VarP(&o.grace, "grace", "g", "time from the stop signal to SIGKILL")
	f.VarP(&o.timeout, "timeout", "t", "stop the command after this time")
	f.VarP(&o.killAfter, "kill-after", "k", "send SIGKILL if the command runs this long after a stop signal")
	f.VarP(&o.stopSignal, "signal", "s", "the stop signal")
	f.Var(&o.forward, "forward", "who gets signals that lastout receives: leader, group or tree")
	f.Var(o.rewrite, "rewrite", "forward signal FROM as TO; TO 0 drops it (repeatable)")
	f.VarP(o.expect, "expect", "e", "exit status that counts as success, 128+n for signal n (repeatable)")
	f.Var(&o.ignore, "ignore", "start the command with a signal ignored (repeatable)")
	f.Var(&o.deathSignal, "pdeathsig", "what the command gets when the process that started it dies")
	f.BoolVar(&o.dieWithParent, "die-with-parent", false, "end everything when the caller dies")
	f.BoolVar(&o.job.NoNewPrivs, "no-new-privs", false,
		"keep the command from gaining privileges (set-user-ID, capabilities)")
	f.BoolVar(&o.undumpable, "undumpable", false,
		"keep processes of the same user from tracing lastout, or taking its descriptors")
	f.Var(&o.keeper, "keeper", "auto, or off to do without the process that survives lastout")
	f.Var(&o.cgroup, "cgroup",
		"auto: give the command a cgroup of its own, to kill it by, where one can be made; require: or fail; off")
	f.Var(&o.giveUp, "give-up", "return, with status 125, if something lives this long after SIGKILL (default never)")
	f.BoolVar(&o.job.Foreground, "foreground", false,
		"leave the command in the process group of lastout, where the terminal's signals reach both")
	f.BoolVar(&o.job.Session, "setsid", false,
		"run the command in a session of its own, with the terminal if lastout leads its session")
	f.Var(&o.failOnLeak, "fail-on-leak",
		"exit with 123, or STATUS, if the command succeeds but leaves processes behind")
	f.Lookup("fail-on-leak").NoOptDefVal = "true"
	f.Var(&o.allowLeak, "allow-leak",
		"leftovers whose name or command line matches PATTERN are ended, but are no leak (repeatable)")
	f.Var(&o.annotate, "annotate", "tell the CI system of leaks and time-outs: auto, github, gitlab or none")
	f.Var(&o.reportFile, "report", "write what became of the run to FILE, or descriptor fd:N, as JSON")
	f.Var(&o.traceFile, "trace", "write which process lived when to FILE, for Perfetto or chrome://tracing")
	f.BoolVar(&o.usage, "usage", false, "say at the end what time, memory and processes were used")
	o.unattended.addFlags(f)
	f.StringVarP(&o.job.Dir, "chdir", "C", "", "run the command in this directory")
	f.StringVarP(&o.line, "command", "c", "", "run a command line; by /bin/sh unless it is simple")
	f.BoolVarP(&o.quiet, "quiet", "q", false, "do not report leftovers")
	f.CountVarP(&o.verbose, "verbose", "v", "say what is started and signalled; twice: what is adopted and reaped, too")
	f.BoolVar(&o.doctor, "doctor", false,
		"print what this machine offers, and what is lost without it; status 1 if any of the promise is")
	f.BoolVar(&o.version, "version", false, "print the version")
	f.StringVar(&o.completion, "completion", "", "print a completion script for bash, zsh, fish or powershell")
}

// readEnvironment sets flags that the command line does not set from LASTOUT_… variables.
func (o *options) readEnvironment(f *pflag.FlagSet, env []string, hasCommand bool) error {
	values := make(map[string]string)
	for _, e := range env {
		name, value, ok := strings.Cut(e, "=")
		// getenv(3), too, returns the first
		if _, again := values[name]; ok && !again && strings.HasPrefix(name, "LASTOUT_") {
			values[name] = value
		}
	}
	if len(values) == 0 {
		return nil
	}
	given := func(name string) bool { return f.Lookup(name).Changed }
	var err error
	f.VisitAll(func(flag *pflag.Flag) {
		name := "LASTOUT_" + strings.ToUpper(strings.ReplaceAll(flag.Name, "-", "_"))
		value, ok := values[name]
		if ok && slices.Contains(actions[:], flag.Name) {
			o.actions = append(o.actions, name)
		}
		switch {
		case !ok || flag.Changed || slices.Contains(noRun[:], flag.Name) || value == "":
		// What is written out wins, over its opposite too.
		case flag.Name == "command" && hasCommand, flag.Name == "quiet" && given("verbose"),
			flag.Name == "verbose" && given("quiet"):
		case err == nil:
			if e := flag.Value.Set(value); e != nil {
				err = usageError{fmt.Errorf("%s=%s: %w", name, quoted(value), e)}
			}
			o.lineGiven = o.lineGiven || flag.Name == "command"
		}
	})
	return err
}

// commandEnv is the environment of the command.
func (o *options) commandEnv() []string {
	if len(o.actions) == 0 {
		return o.env
	}
	return slices.DeleteFunc(slices.Clone(o.env), func(v string) bool {
		name, _, _ := strings.Cut(v, "=")
		return slices.Contains(o.actions, name)
	})
}

// complete checks what flags alone cannot tell, and makes the job of it.
func (o *options) complete(args []string) error {
	switch {
	case o.lineGiven && len(args) > 0:
		return usageError{fmt.Errorf("both -c and a command are given: %s", quoted(args[0]))}
	case o.verbose < 0:
		return usageError{errors.New("--verbose cannot be negative")}
	case o.quiet && o.verbose > 0:
		return usageError{errors.New("-q and -v contradict each other")}
	case o.job.Session && o.job.Foreground:
		return usageError{errors.New("--setsid and --foreground contradict each other")}
	case len(args) == 0 && strings.TrimSpace(o.line) == "":
		return usageError{errors.New("no command is given; try lastout --help")}
	}
	if err := o.unattended.check(); err != nil {
		return err
	}
	if err := checkDirectory(o.job.Dir); err != nil {
		return usageError{err}
	}
	j := &o.job
	j.Args, j.Path = args, ""
	if o.lineGiven {
		j.Args = commandLine(o.line, o.env, j.Dir)
	}
	j.Linger, j.Timeout, j.KillAfter, j.GiveUp = o.linger.d, o.timeout.d, o.killAfter.d, o.giveUp.d
	if j.Grace = o.grace.d; j.Grace == 0 {
		j.Grace = -1
	}
	if j.Settle = o.settle.d; j.Settle == 0 {
		j.Settle = -1
	}
	j.Terminal = true
	j.StopSignal, j.DeathSignal, j.Ignore = o.stopSignal.sig, o.deathSignal.sig, o.ignore
	j.Forward = map[string]jobs.Target{"leader": jobs.Leader, "group": jobs.Group, "tree": jobs.Tree}[o.forward.word]
	j.Cgroup = map[string]jobs.CgroupMode{"off": jobs.CgroupOff, "auto": jobs.CgroupAuto,
		"require": jobs.CgroupRequire}[o.cgroup.word]
	return nil
}

func writeCompletion(c *cobra.Command, shell string, w io.Writer) error {
	switch shell {
	case "bash":
		return c.GenBashCompletionV2(w, true)
	case "zsh":
		return c.GenZshCompletion(w)
	case "fish":
		return c.GenFishCompletion(w, true)
	case "powershell":
		return c.GenPowerShellCompletionWithDesc(w)
	}
	return usageError{fmt.Errorf("no completion for %s: want bash, zsh, fish or powershell", quoted(shell))}
}
