package main

import (
	"regexp"
	"strings"
	"testing"

	"github.com/spf13/pflag"
)

// TestReadmeCrontab: the lines for a crontab, and the variables in it, have flags that exist.
func TestReadmeCrontab(t *testing.T) {
	flags := newCommand(&options{}).Flags()
	found := 0
	check := func(name string) {
		found++
		if flags.Lookup(name) == nil {
			t.Errorf("there is no flag --%s", name)
		}
	}
	for _, block := range regexp.MustCompile("(?s)```crontab\n(.*?)```").FindAllStringSubmatch(readme(t), -1) {
		for line := range strings.Lines(block[1]) {
			if name, _, ok := strings.Cut(line, "="); ok && strings.HasPrefix(name, "LASTOUT_") {
				check(strings.ReplaceAll(strings.ToLower(name[len("LASTOUT_"):]), "_", "-"))
			}
			_, command, _ := strings.Cut(line, "/lastout ")
			for _, word := range strings.Fields(command) {
				if name, ok := strings.CutPrefix(word, "--"); ok {
					check(name)
				}
			}
		}
	}
	if found < 10 {
		t.Errorf("%d flags and variables: where are the others?", found)
	}
}

// TestHookVariablesSetNoFlag: no flag's variable begins as those do that tell a hook of a run.
func TestHookVariablesSetNoFlag(t *testing.T) {
	newCommand(&options{}).Flags().VisitAll(func(f *pflag.Flag) {
		if f.Name == "run" || strings.HasPrefix(f.Name, "run-") {
			t.Errorf("LASTOUT_RUN_ variables tell hooks of a run, and would set --%s", f.Name)
		}
	})
}
