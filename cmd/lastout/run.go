package main

import (
	"context"
	"fmt"
	"io"
	"os"
	"runtime/debug"

	"lastout/jobs"

	"github.com/spf13/cobra"
)

// version is set by the Makefile, from git.
var version = ""

// run is the whole program but for the process it runs in: it returns the exit status.
func run(ctx context.Context, args, env []string, stdin io.Reader, stdout, stderr io.Writer) int {
	o := &options{env: env}
	m := &messages{w: stderr}
	status := 0
	c := newCommand(o)
	c.RunE = func(_ *cobra.Command, args []string) error {
		switch {
		case o.version:
			_, err := fmt.Fprintln(stdout, versionLine(os.Args[0]))
			return err
		case o.doctor:
			var err error
			status, err = doctor(stdout)
			return err
		case c.Flags().Changed("completion"):
			return writeCompletion(c, o.completion, stdout)
		}
		jobs.Prepare()
		o.lineGiven = c.Flags().Changed("command")
		if err := o.readEnvironment(c.Flags(), env, len(args) > 0); err != nil {
			return err
		}
		if err := o.complete(args); err != nil {
			return err
		}
		if o.verbose > 0 {
			m.warnBehindShell()
		}
		status = o.execute(ctx, m, stdin, stdout, stderr)
		return nil
	}
	c.SetArgs(append([]string{}, args...))
	c.SetOut(stdout)
	c.SetErr(stderr)
	if err := c.ExecuteContext(ctx); err != nil {
		m.say("%v", err)
		return statusFailed
	}
	return status
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
