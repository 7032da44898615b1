//go:build linux

package docker

import (
	"context"
	"crypto/rand"
	"fmt"
	"os"
	"os/exec"
	"strings"
	"testing"
	"time"
)

// limit is far beyond what anything here takes: a hang fails a test, a slow machine does not.
const limit = 2 * time.Minute

// label marks what belongs to these tests, run to this run of them.
const label = "lastout-test"

var run = strings.ToLower(rand.Text()[:10])

// TestMain looks after the engine: nothing of ours may be left in it.
func TestMain(m *testing.M) {
	if out, err := exec.Command("docker", "version", "--format", "{{.Server.Version}}").CombinedOutput(); err != nil {
		fmt.Fprintf(os.Stderr, "no Docker engine answers (%v): start one, or leave these tests out\n%s", err, out)
		os.Exit(1)
	}
	status := m.Run()
	removeImages()
	if left := leftInEngine(); left != "" {
		fmt.Fprintf(os.Stderr, "left in the engine:\n%s\n", left)
		status = 1
	}
	os.Exit(status)
}

// ours is the filter for what this run has made.
func ours() string { return "label=" + label + "=" + run }

// leftInEngine returns a line for each container and image of this run, and removes them.
func leftInEngine() string {
	var left []string
	for _, what := range []struct{ list, remove []string }{
		{[]string{"ps", "--all", "--quiet"}, []string{"rm", "--force", "--volumes"}},
		{[]string{"images", "--all", "--quiet"}, []string{"rmi", "--force"}},
	} {
		out, err := exec.Command("docker", append(what.list, "--filter", ours())...).Output()
		if err != nil {
			left = append(left, fmt.Sprintf("docker %s: %v", what.list[0], err))
		}
		for _, id := range strings.Fields(string(out)) {
			left = append(left, what.list[0]+" "+id)
			_ = exec.Command("docker", append(what.remove, id)...).Run()
		}
	}
	return strings.Join(left, "\n")
}

// docker runs the client and returns what it prints on stdout, without the last newline.
func docker(t testing.TB, args ...string) string {
	t.Helper()
	out, err := tryDocker(t, args...)
	if err != nil {
		t.Fatal(err)
	}
	return out
}

func tryDocker(t testing.TB, args ...string) (string, error) {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), limit)
	defer cancel()
	cmd := exec.CommandContext(ctx, "docker", args...)
	var stderr strings.Builder
	cmd.Stderr = &stderr
	out, err := cmd.Output()
	if err != nil {
		err = fmt.Errorf("docker %q: %w\n%s%s", args, err, out, stderr.String())
	}
	return strings.TrimSuffix(string(out), "\n"), err
}

// until returns when fact has become true, and fails the test if that takes too long. It is for
// what the kernel and the engine do after a call has returned, and tell nobody.
func until(t testing.TB, what string, fact func() bool) {
	t.Helper()
	if !within(limit, fact) {
		t.Fatalf("not after %v: %s", limit, what)
	}
}

// within reports whether fact becomes true in some time.
func within(patience time.Duration, fact func() bool) bool {
	tick := time.NewTicker(5 * time.Millisecond)
	defer tick.Stop()
	for over := time.After(patience); ; {
		if fact() {
			return true
		}
		select {
		case <-tick.C:
		case <-over:
			return fact()
		}
	}
}
