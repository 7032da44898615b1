//go:build linux

package realworld

import (
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
)

// programDirs are where Debian puts programs. Not $PATH: a python or postgres of somebody's own
// in front of them would not be the program that the record is about.
var programDirs = []string{"/usr/sbin", "/usr/bin", "/sbin", "/bin"}

// packages says which Debian package has a program. What is not here is in every Debian system.
var packages = map[string]string{
	"busybox":                 "busybox",
	"bwrap":                   "bubblewrap",
	"chromium":                "chromium",
	"chronic":                 "moreutils",
	"cron":                    "cron",
	"dbus-daemon":             "dbus-daemon",
	"dbus-run-session":        "dbus-daemon",
	"expect":                  "expect",
	"fakeroot":                "fakeroot",
	"git":                     "git",
	"gpg":                     "gnupg",
	"gunicorn":                "gunicorn",
	"make":                    "make",
	"nginx":                   "nginx",
	"node":                    "nodejs",
	"parallel":                "parallel",
	"perl":                    "perl",
	"pg_ctl":                  "postgresql",
	"promtool":                "prometheus", // cmd/lastout/internal/prom and the script of --metrics run it
	"python3":                 "python3",
	"redis-server":            "redis-server",
	"screen":                  "screen",
	"ssh":                     "openssh-client",
	"ssh-agent":               "openssh-client",
	"ssh-keygen":              "openssh-client",
	"sshd":                    "openssh-server",
	"systemd-run":             "systemd",
	"systemd-socket-activate": "systemd",
	"tini":                    "tini",
	"tmux":                    "tmux",
	"xauth":                   "xauth",
	"xvfb-run":                "xvfb", // with xauth,
	// The tests at a terminal, in cmd/lastout, run these.
	"less": "less",
	"sudo": "sudo",
	"vim":  "vim",
	"zsh":  "zsh",
	// Its test of a worker that is killed while it writes runs this.
	"strace": "strace",
}

// program returns the path of a program, or skips the test.
func program(t *testing.T, name string) string {
	t.Helper()
	for _, dir := range append(slices.Clone(programDirs), postgresDirs()...) {
		path := filepath.Join(dir, name)
		if info, err := os.Stat(path); err == nil && info.Mode().IsRegular() && info.Mode()&0o111 != 0 {
			return path
		}
	}
	missing := name + " is not installed"
	if p, ok := packages[name]; ok {
		missing += ": it is in Debian's package " + p
	}
	if os.Getenv("LASTOUT_REQUIRE_PEERS") == "1" {
		t.Fatal(missing)
	}
	t.Skip(missing)
	return ""
}

// require skips the test if one of the programs is not installed.
func require(t *testing.T, names ...string) {
	t.Helper()
	for _, name := range names {
		program(t, name)
	}
}

// postgresDirs are the directories of PostgreSQL's programs, the newest version's first: Debian
// keeps them out of PATH because several versions can be installed.
func postgresDirs() []string {
	dirs, _ := filepath.Glob("/usr/lib/postgresql/*/bin")
	version := func(dir string) int {
		n, _ := strconv.Atoi(filepath.Base(filepath.Dir(dir)))
		return n
	}
	slices.SortFunc(dirs, func(a, b string) int { return version(b) - version(a) })
	return dirs
}

// here returns the path of a file of this directory.
func here(t *testing.T, name string) string {
	t.Helper()
	path, err := filepath.Abs(name)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := os.Stat(path); err != nil {
		t.Fatal(err)
	}
	return path
}

// TestPackages keeps the list that CI installs and the programs that tests ask for the same.
func TestPackages(t *testing.T) {
	data, err := os.ReadFile("packages")
	if err != nil {
		t.Fatal(err)
	}
	var want []string
	for _, name := range packages {
		want = append(want, name)
	}
	slices.Sort(want)
	want = slices.Compact(want)
	if got := strings.Fields(string(data)); !slices.Equal(got, want) {
		t.Errorf("the file packages lists %q, the tests need %q", got, want)
	}
}
