package main

import (
	"os"
	"strings"
	"unicode/utf8"

	"lastout/jobs"

	"github.com/mattn/go-shellwords"
)

// commandLine returns the arguments for a command line: the words themselves where it is simple, so
// that no shell stands between a signal and the program, and /bin/sh -c otherwise.
func commandLine(line string, env []string, dir string) []string {
	if words, ok := simple(line, func(name string) bool { return found(name, env, dir) }); ok {
		return words
	}
	return []string{"/bin/sh", "-c", line}
}

// shellWords are keywords of dash and bash, and builtins that are no programs or are something else
// as programs.
var shellWords = func() map[string]bool {
	m := make(map[string]bool)
	for w := range strings.FieldsSeq(`
		! { } case coproc do done elif else esac fi for function if in select then time until while [[ ]]
		. : [ alias bg bind break builtin caller cd chdir command compgen complete compopt continue declare dirs disown
		echo enable eval exec exit export false fc fg getopts hash help history jobs kill let local logout
		mapfile newgrp popd printf pushd pwd read readarray readonly return set shift shopt source suspend test times trap true
		type typeset ulimit umask unalias unset wait`) {
		m[w] = true
	}
	return m
}()

// simple reports whether a line means the same to the shell as its words executed directly, and
// returns those.
func simple(line string, exists func(string) bool) ([]string, bool) {
	if !utf8.ValidString(line) || strings.ContainsAny(line, "\\$`*?[]{}~#!") || strings.ContainsFunc(line, isControl) {
		return nil, false
	}
	p := shellwords.NewParser()
	words, err := p.Parse(line)
	if err != nil || p.Position != -1 || len(words) == 0 {
		return nil, false
	}
	first := words[0]
	if strings.Contains(first, "=") || shellWords[first] || !exists(first) {
		return nil, false
	}
	return words, true
}

// isControl is true for control characters other than tab; among them is the newline.
func isControl(r rune) bool { return r < ' ' && r != '\t' || r >= 0x7f && r < 0xa0 }

// found reports whether a command resolves, in the PATH or as a file.
func found(name string, env []string, dir string) bool {
	if strings.Contains(name, "/") {
		if dir != "" && !strings.HasPrefix(name, "/") {
			name = dir + "/" + name
		}
		info, err := os.Stat(name)
		return err == nil && info.Mode().IsRegular()
	}
	_, err := jobs.LookPath(name, env, dir)
	return err == nil
}
