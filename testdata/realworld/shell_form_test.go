//go:build linux

package realworld

import (
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
)

// TestShellForms holds the table of docs/containers.md against the shells that it speaks of. A shell that executes lastout in its own
// place has made it what the shell was: PID 1, in a container.
func TestShellForms(t *testing.T) {
	shells := [][]string{{program(t, "dash")}, {program(t, "bash")}, {program(t, "busybox"), "ash"}}
	dir := t.TempDir()
	// It stands for lastout, and tells which process it is.
	if err := os.WriteFile(filepath.Join(dir, "lastout"), []byte("#!/bin/sh\necho $$\n"), 0o755); err != nil {
		t.Fatal(err)
	}
	rows := shellForms(t)
	if len(rows) < 20 {
		t.Fatalf("%d rows in the table: it has been moved, or written in another way", len(rows))
	}
	for line, want := range rows {
		var got []string
		for _, shell := range shells {
			got = append(got, inPlaceOf(t, dir, append(slices.Clone(shell), "-c", line)))
		}
		if !slices.Equal(got, want) {
			t.Errorf("%s: %q, and the table says %q", line, got, want)
		}
	}
}

// shellForms reads the rows of the table: the line, and what it says of each shell.
func shellForms(t *testing.T) map[string][]string {
	t.Helper()
	text, err := os.ReadFile(filepath.Join("..", "..", "docs", "containers.md"))
	if err != nil {
		t.Fatal(err)
	}
	rows := make(map[string][]string)
	for row := range strings.Lines(string(text)) {
		line, rest, ok := strings.Cut(strings.TrimPrefix(row, "| `"), "` |")
		if !ok || !strings.HasPrefix(row, "| `") || !strings.Contains(line, "lastout -- ./serve") {
			continue
		}
		cells := strings.Split(strings.TrimSuffix(strings.TrimSpace(rest), "|"), "|")
		for i := range cells {
			cells[i] = strings.TrimSpace(cells[i])
		}
		rows[strings.ReplaceAll(line, `\|`, "|")] = cells
	}
	return rows
}

// inPlaceOf runs a shell, and says what has become of the lastout in its line.
func inPlaceOf(t *testing.T, dir string, argv []string) string {
	t.Helper()
	cmd := exec.Command(argv[0], argv[1:]...)
	cmd.Dir, cmd.Env = dir, environ(nil, dir)
	cmd.Env[0] = "PATH=" + dir + ":" + strings.TrimPrefix(cmd.Env[0], "PATH=")
	said, _ := cmd.Output() // up to the end of file, so that one in the background is waited for
	if slices.Contains(strings.Fields(string(said)), strconv.Itoa(cmd.Process.Pid)) {
		return "PID 1"
	}
	return "child"
}
