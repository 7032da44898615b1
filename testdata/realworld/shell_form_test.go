//go:build linux

package realworld

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
)

// TestShellForms holds the table of docs/containers.md against the shells that it speaks of. A
// shell that executes lastout in its own place has made it what the shell was: PID 1, in a
// container.
func TestShellForms(t *testing.T) {
	shells := [][]string{{program(t, "dash")}, {program(t, "bash")}, {program(t, "busybox"), "ash"}}
	columns, rows := shellForms(t)
	for i, name := range []string{"dash", "bash", "busybox"} {
		sameVersion(t, name, columns[i])
	}
	dir := t.TempDir()
	// It stands for lastout, and tells which process it is.
	if err := os.WriteFile(filepath.Join(dir, "lastout"), []byte("#!/bin/sh\necho $$\n"), 0o755); err != nil {
		t.Fatal(err)
	}
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

// sameVersion leaves the test out where the table is about another version of a shell; in CI it
// fails, for the table is out of date.
func sameVersion(t *testing.T, name, column string) {
	t.Helper()
	out, err := exec.Command("dpkg-query", "--show", "--showformat=${source:Upstream-Version}", name).Output()
	if version := string(out); err == nil && strings.HasPrefix(version, column[strings.LastIndexByte(column, ' ')+1:]) {
		return
	}
	text := fmt.Sprintf("the table is about %s, and here is %q of Debian's (%v)", column, out, err)
	if os.Getenv("LASTOUT_REQUIRE_PEERS") == "1" {
		t.Fatal(text)
	}
	t.Skip(text)
}

// shellForms reads the table: what its columns are about, and for each line what it says of each
// shell.
func shellForms(t *testing.T) (columns []string, rows map[string][]string) {
	t.Helper()
	text, err := os.ReadFile(filepath.Join("..", "..", "docs", "containers.md"))
	if err != nil {
		t.Fatal(err)
	}
	rows = make(map[string][]string)
	for row := range strings.Lines(string(text)) {
		if rest, ok := strings.CutPrefix(row, "| line |"); ok {
			columns = cells(rest)
		}
		line, rest, ok := strings.Cut(strings.TrimPrefix(row, "| `"), "` |")
		if !ok || !strings.HasPrefix(row, "| `") || !strings.Contains(line, "lastout -- ./serve") {
			continue
		}
		rows[strings.ReplaceAll(line, `\|`, "|")] = cells(rest)
	}
	if len(columns) != 3 {
		t.Fatalf("the columns of the table are %q", columns)
	}
	return columns, rows
}

func cells(row string) []string {
	words := strings.Split(strings.TrimSuffix(strings.TrimSpace(row), "|"), "|")
	for i := range words {
		words[i] = strings.TrimSpace(words[i])
	}
	return words
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
