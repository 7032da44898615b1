package main

import (
	"errors"
	"fmt"
	"path"
	"slices"
	"strings"

	"lastout/jobs"
)

// patterns is the value of --allow-leak: leftovers that are known.
type patterns []string

func (v *patterns) Type() string { return "pattern" }

func (v *patterns) String() string { return "" }

func (v *patterns) Set(s string) error {
	for p := range strings.SplitSeq(s, ",") {
		if p == "" {
			return errors.New("want a pattern such as gpg-agent or '*GradleDaemon*'")
		}
		if _, err := path.Match(p, ""); err != nil {
			return fmt.Errorf("%s: a [ without its ], or a \\ at the end", quoted(p))
		}
		*v = append(*v, p)
	}
	return nil
}

// allow reports whether a pattern matches a leftover's name, that of its program, or its whole
// command line.
func (v patterns) allow(l jobs.Leftover) bool {
	program, _, _ := strings.Cut(l.Cmdline, " ")
	return slices.ContainsFunc(v, func(p string) bool {
		return glob(p, l.Comm) || glob(p, path.Base(program)) || glob(p, l.Cmdline)
	})
}

// glob is path.Match, but for a slash, which is a character like any other: command lines are no
// paths.
func glob(pattern, s string) bool {
	flat := func(s string) string { return strings.ReplaceAll(s, "/", "\x00") } // no command line holds that
	ok, _ := path.Match(flat(pattern), flat(s))
	return ok
}
