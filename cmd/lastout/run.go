package main

import (
	"context"
	"fmt"
	"io"
	"os"
	"runtime/debug"
	"slices"
	"strings"

	"lastout/cmd/lastout/internal/guardian"

	"github.com/spf13/cobra"
)

// version is set by the Makefile, from git.
var version = ""

// run is the whole program but for the process it runs in: it returns the exit status.
func run(ctx context.Context, args, env []string, stdin io.Reader, stdout, stderr io.Writer) int {
	p := &program{options: options{env: env}, messages: messages{w: stderr}, stdin: stdin, stdout: stdout,
		stderr: stderr}
	secure, err := guardian.Secure()
	if !secure { // or the environment is of somebody who has less rights
		p.heeded = env
	}
	switch {
	case err != nil:
	case plain(args, p.heeded):
		p.defaults()
		err = p.start(ctx, args)
	default:
		err = p.command(args).ExecuteContext(ctx)
	}
	if err != nil {
		p.say("%v", err)
		return statusFailed
	}
	return p.status
}

// plain reports whether there is nothing but a command: then no flags are made, which takes as long
// as reading some.
func plain(args, env []string) bool {
	variable := func(v string) bool { return strings.HasPrefix(v, "LASTOUT_") }
	flags := len(args) == 0 || strings.HasPrefix(args[0], "-") || strings.HasPrefix(args[0], cobra.ShellCompRequestCmd)
	return !flags && !slices.ContainsFunc(env, variable)
}

// program is a run of the program.
type program struct {
	options
	messages
	stdin          io.Reader
	stdout, stderr io.Writer
	status         int
}

// command is what reads the flags.
func (p *program) command(args []string) *cobra.Command {
	o := &p.options
	c := newCommand(o)
	c.RunE = func(_ *cobra.Command, args []string) error {
		switch {
		case o.version:
			_, err := fmt.Fprintln(p.stdout, versionLine(os.Args[0]))
			return err
		case o.doctor:
			var err error
			p.status, err = doctor(p.stdout)
			return err
		case c.Flags().Changed("completion"):
			return writeCompletion(c, o.completion, p.stdout)
		}
		o.lineGiven = c.Flags().Changed("command")
		if err := o.readEnvironment(c.Flags(), o.heeded, len(args) > 0); err != nil {
			return err
		}
		return p.start(c.Context(), args)
	}
	c.SetArgs(append([]string{}, args...))
	c.SetOut(p.stdout)
	c.SetErr(p.stderr)
	return c
}

// start runs the command.
func (p *program) start(ctx context.Context, args []string) error {
	if err := p.complete(args); err != nil {
		return err
	}
	if p.verbose > 0 {
		p.warnBehindShell()
		for _, name := range p.actions {
			p.say("the environment has %s", name)
		}
	}
	p.status = p.execute(ctx, &p.messages, p.stdin, p.stdout, p.stderr)
	return nil
}

func versionText() string {
	if version != "" {
		return version
	}
	if info, ok := debug.ReadBuildInfo(); ok && info.Main.Version != "" {
		return info.Main.Version
	}
	return "(devel)"
}
