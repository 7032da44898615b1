//go:build linux

package main

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
)

// A runner starts a job and ends with it.
type runner struct {
	name  string
	argv  func(job ...string) []string
	every int // run only in each so many rounds, since it is slow; 0 for all
}

// Found is a peer that is installed.
type Found struct {
	Name    string `json:"name"`
	Version string `json:"version"`
}

// The names that goals are about.
const (
	pair      = "lastout"
	off       = "lastout --keeper=off"
	tini      = "tini"
	isolated  = "unshare + tini"
	namespace = "PID namespace"
)

// prefix is a runner's command line that the job's is appended to.
func prefix(words ...string) func(job ...string) []string {
	return func(job ...string) []string { return slices.Concat(words, job) }
}

var userNamespace = []string{"unshare", "--user", "--map-root-user", "--pid", "--fork", "--kill-child", "--mount-proc"}

// pidNamespace returns the words that start a job in a PID namespace, without a user namespace
// where that is allowed.
func pidNamespace(then ...string) []string {
	words := userNamespace
	if os.Geteuid() == 0 {
		words = slices.Delete(slices.Clone(words), 1, 3)
	}
	return slices.Concat(words, then)
}

// lastouts returns both forms of lastout, with flags.
func (b *bench) lastouts(flags ...string) []runner {
	return []runner{
		{name: pair, argv: prefix(slices.Concat([]string{b.lastout}, flags)...)},
		{name: off, argv: prefix(slices.Concat([]string{b.lastout, "--keeper=off"}, flags)...)},
	}
}

// peers returns what lastout is compared with where any job is run.
func (b *bench) peers() []runner {
	return []runner{
		{name: tini, argv: prefix("tini", "-s", "--")},
		{name: "dumb-init", argv: prefix("dumb-init", "--")},
		{name: "catatonit", argv: prefix("catatonit", "--")},
		{name: "timeout", argv: prefix("timeout", "60")},
		{name: "unshare", argv: prefix(userNamespace...)},
		{name: isolated, argv: prefix(slices.Concat(userNamespace, []string{"tini", "--"})...)},
		{name: "bash -c", argv: func(job ...string) []string { return []string{"bash", "-c", strings.Join(job, " ")} }},
		{name: "xargs -P", argv: prefix("xargs", "-P", "2", "-n", "1", "-a", b.oneLine())},
		{name: "parallel", every: 20, argv: func(job ...string) []string {
			return slices.Concat([]string{"parallel", "-j", "2"}, job, []string{":::", "x"})
		}},
	}
}

// oneLine returns a file of one line, the one argument that xargs has to run the job with.
func (b *bench) oneLine() string {
	path := filepath.Join(b.dir, "one-line")
	_ = os.WriteFile(path, []byte("x\n"), 0o644)
	return path
}

// packages are the peers' programs and where Debian has them.
var packages = [][2]string{
	{"tini", "tini"}, {"dumb-init", "dumb-init"}, {"catatonit", "catatonit"}, {"timeout", "coreutils"},
	{"unshare", "util-linux"}, {"bash", "bash"}, {"xargs", "findutils"}, {"parallel", "parallel"},
}

// survey finds which peers there are, and says of which there are none.
func (b *bench) survey() {
	for _, p := range packages {
		name := p[0]
		if _, err := exec.LookPath(name); err != nil {
			b.missing("%s is not installed (Debian package %s; make bench-peers)", name, p[1])
			continue
		}
		b.report.Peers = append(b.report.Peers, Found{Name: name, Version: version(name)})
	}
}

func version(name string) string {
	out, _ := exec.Command(name, "--version").CombinedOutput() // catatonit has it on stderr
	line, _, _ := strings.Cut(string(out), "\n")
	return line
}

func (b *bench) missing(format string, args ...any) {
	line := fmt.Sprintf(format, args...)
	if b.ending.Load() {
		return // it was killed
	}
	if !slices.Contains(b.report.Missing, line) {
		b.report.Missing = append(b.report.Missing, line)
		b.say("MISSING: %s", line)
	}
}

// usable returns the runners that are installed and can run a program here.
func (b *bench) usable(runners []runner) []runner {
	var usable []runner
	for _, r := range runners {
		argv := r.argv(b.work("nothing"))
		if _, err := exec.LookPath(argv[0]); err != nil {
			continue // survey has said so
		}
		if err := b.try(argv); err != nil {
			b.missing("%s does not work here: %s: %v", r.name, strings.Join(argv, " "), err)
			continue
		}
		usable = append(usable, r)
	}
	return usable
}

// try runs a command for its exit status.
func (b *bench) try(argv []string) error {
	pid, err := b.start(command{argv: argv})
	if err != nil {
		return err
	}
	err = b.wait(pid)
	b.clean()
	return err
}
