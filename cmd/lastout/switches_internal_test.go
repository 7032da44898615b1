//go:build linux && (amd64 || arm64)

package main

import (
	"testing"

	"github.com/spf13/pflag"

	"lastout/cmd/lastout/internal/guardian"
)

// TestSwitches: what runs before the runtime has a list of its own of the flags that take no value.
func TestSwitches(t *testing.T) {
	c := newCommand(&options{})
	c.InitDefaultHelpFlag()
	names := map[string]bool{}
	for _, name := range guardian.Switches() {
		names[name] = true
	}
	c.Flags().VisitAll(func(f *pflag.Flag) {
		takesNone := f.NoOptDefVal != ""
		if names[f.Name] != takesNone {
			t.Errorf("--%s takes no value: %v, and before the runtime %v", f.Name, takesNone, names[f.Name])
		}
		if f.Shorthand != "" && names[f.Shorthand] != takesNone {
			t.Errorf("-%s takes no value: %v, and before the runtime %v", f.Shorthand, takesNone, names[f.Shorthand])
		}
		delete(names, f.Name)
		delete(names, f.Shorthand)
	})
	if len(names) > 0 {
		t.Errorf("there are no such flags: %v", names)
	}
}
