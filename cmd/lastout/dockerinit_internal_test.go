package main

import (
	"strings"
	"testing"
)

// TestVersionLine: dockerd splits what its init says at " - ", looks for the commit after that and
// for tini's words before it.
func TestVersionLine(t *testing.T) {
	for name, start := range map[string]string{
		"docker-init": "tini version ", "/sbin/docker-init": "tini version ", "lastout": "lastout ",
		"/usr/bin/lastout": "lastout ", "": "lastout ",
	} {
		got := versionLine(name)
		if !strings.HasPrefix(got, start) || len(got) == len(start) || strings.Contains(got, " - ") {
			t.Errorf("%q: %q", name, got)
		}
	}
}
