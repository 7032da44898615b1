//go:build linux

package realworld

import (
	"compress/gzip"
	"flag"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"lastout/testdata/box"
)

var runs = flag.Int("runs", 5, "how often each reader and each clean program is run")

// busy keeps every processor busy until the test is over: whoever is on its way out has to wait for
// one.
func busy(t *testing.T) {
	t.Helper()
	for range runtime.NumCPU() {
		cmd := exec.Command("timeout", "600", "sh", "-c", "while :; do :; done")
		cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true, Pdeathsig: syscall.SIGKILL}
		if err := cmd.Start(); err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() {
			syscall.Kill(-cmd.Process.Pid, syscall.SIGKILL)
			cmd.Wait()
		})
	}
}

// reader is a command whose output goes through a process that nobody waits for. All of it has to
// be there when lastout returns.
type reader struct {
	name   string
	needs  []string
	flags  []string
	argv   []string
	status int
	leaks  int // that there really are
	out    map[string]string
}

// numbers is what seq(1) prints.
func numbers(n int) string {
	var b strings.Builder
	for i := range n {
		fmt.Fprintln(&b, i+1)
	}
	return b.String()
}

const (
	python = `
import os, subprocess
gzip = subprocess.Popen(["gzip"], stdin=subprocess.PIPE, stdout=open("o.gz", "wb"))
for i in range(20000):
    gzip.stdin.write(b"%d\n" % (i + 1))
gzip.stdin.flush()
os._exit(0)
`
	// The shell that popen(3) starts waits for its gzip.
	popen = `
import os
pipe = os.popen("gzip >part; mv part o.gz", "w")
pipe.write("".join("%d\n" % (i + 1) for i in range(20000)))
pipe.flush()
os._exit(0)
`
	node = `
const fs = require("fs"), gzip = require("child_process").spawn("gzip", {stdio: ["pipe", fs.openSync("o.gz", "w"), "inherit"]});
let text = "";
for (let i = 1; i <= 20000; i++) text += i + "\n";
gzip.stdin.write(text, () => process.exit(0));
`
	perl = `use POSIX; open(my $gzip, "|-", "gzip >o.gz") or die; $gzip->autoflush(1); print $gzip "$_\n" for 1..20000; POSIX::_exit(0);`
)

// The shapes in which people write to a process that they do not wait for.
func readers() []reader {
	zipped := map[string]string{"o.gz": numbers(20000)}
	built := map[string]string{"log": "built\n", ".stdout": "built\n"}
	bash := func(script string) []string { return []string{"bash", "-c", script} }
	const slow = `exec > >(while read -r line; do sleep .01; echo "<$line>"; done >out); seq 20`
	return []reader{
		{name: "bash, tee", argv: bash("exec > >(tee log) 2>&1; echo built"), out: built},
		{name: "bash, tee, -c", flags: []string{"-c", "exec bash -c 'exec > >(tee log) 2>&1; echo built'"}, out: built},
		{name: "bash, gzip", argv: bash("seq 20000 > >(gzip >o.gz)"), out: zipped},
		{name: "bash, gzip, and then another thing", argv: bash("seq 20000 > >(gzip >part; mv part o.gz)"),
			out: zipped},
		{name: "bash, several in a row", argv: bash("exec > >(sed s/x/1/ | cat | gzip >o.gz); seq 20000 | sed s/^1/x/"), out: zipped},
		{name: "bash, two at once", argv: bash("exec > >(tee log) 2> >(sed s/x/y/ >err); echo built; echo x >&2"),
			out: map[string]string{"log": "built\n", ".stdout": "built\n", "err": "y\n"}},
		{name: "bash, asleep between two lines", argv: bash(slow),
			out: map[string]string{"out": "<" + strings.ReplaceAll(strings.TrimSpace(numbers(20)), "\n",
				">\n<") + ">\n"}},
		{name: "bash, a process for each line", argv: bash(`exec > >(while read -r line; do expr "$line" + 1 </dev/null; done >out); seq 0 49`), out: map[string]string{"out": numbers(50)}},
		{name: "bash, a coprocess", argv: bash(`coproc sed -u s/x/y/ >out; echo x >&"${COPROC[1]}"`),
			out: map[string]string{"out": "y\n"}},
		{name: "bash, a writer that is left over", leaks: 1,
			argv: bash("exec > >(sed s/x/y/ >out); sleep 300 & for i in 1 2 3; do echo x; done"),
			out:  map[string]string{"out": "y\ny\ny\n"}},
		{name: "bash, such a writer, and no grace", flags: []string{"-g", "0"}, leaks: 1,
			argv: bash("exec > >(sed s/x/y/ >out); sleep 300 & for i in 1 2 3; do echo x; done"),
			out:  map[string]string{"out": "y\ny\ny\n"}},
		{name: "bash, such a writer that ignores TERM", flags: []string{"-g", "200ms"}, leaks: 1,
			argv: bash("exec > >(sed s/x/y/ >out); (trap '' TERM; exec sleep 300) & for i in 1 2 3; do echo x; done"), out: map[string]string{"out": "y\ny\ny\n"}},
		{name: "bash, tee, and a time limit", flags: []string{"-t", "1s"}, status: 124,
			argv: bash("trap 'echo last words; exit' TERM; exec > >(tee log); echo built; sleep 300 & wait"),
			out:  map[string]string{"log": "built\nlast words\n"}},
		{name: "bash, tee, and a signal that is passed on",
			argv: bash("trap 'echo last words; exit 0' TERM; exec > >(tee log); echo built; sleep 300 & kill -TERM $(awk '/^PPid/ {print $2}' /proc/$PPID/status); wait"), out: map[string]string{"log": "built\nlast words\n"}},
		{name: "dash, a FIFO", argv: []string{"dash", "-c", "mkfifo f; sed s/x/y/ <f >out & exec >f; echo x"},
			out: map[string]string{"out": "y\n"}},
		{name: "zsh, tee", needs: []string{"zsh"},
			argv: []string{"zsh", "-fc", "exec > >(tee log); echo built"}, out: built},
		{name: "zsh, gzip", needs: []string{"zsh"}, argv: []string{"zsh", "-fc", "seq 20000 > >(gzip >o.gz)"},
			out: zipped},
		{name: "python", needs: []string{"python3"}, argv: []string{"python3", "-c", python}, out: zipped},
		{name: "python, popen", needs: []string{"python3"}, argv: []string{"python3", "-c", popen}, out: zipped},
		{name: "perl", needs: []string{"perl"}, argv: []string{"perl", "-e", perl}, out: zipped},
		{name: "node", needs: []string{"node"}, argv: []string{"node", "-e", node}, out: zipped},
		{name: "without a keeper", flags: []string{"--keeper=off"},
			argv: bash("exec > >(tee log) 2>&1; echo built"), out: built},
		{name: "held back", flags: []string{"--quiet-success"}, status: 3,
			argv: bash("exec > >(tee log) 2>&1; echo built; exit 3"), out: built},
		{name: "tried again", flags: []string{"--retry", "1", "--retry-delay", "1ms"}, status: 3,
			argv: bash("exec > >(sleep .05; tee -a log); echo $(cat log | wc -l); exit 3"),
			out:  map[string]string{"log": "0\n1\n", ".stdout": "0\n1\n"}},
	}
}

// TestReaders: not a byte is lost, and nobody who ends by itself is called a leak.
func TestReaders(t *testing.T) {
	busy(t)
	for _, r := range readers() {
		t.Run(r.name, func(t *testing.T) {
			require(t, r.needs...)
			for n := range *runs {
				if r.run(t); t.Failed() {
					t.Fatalf("run %d of %d", n+1, *runs)
				}
			}
		})
	}
}

// TestReadersOfPID1: the same where lastout is the first process of a PID namespace.
func TestReadersOfPID1(t *testing.T) {
	if os.Geteuid() != 0 {
		t.Skip("making a PID namespace takes root")
	}
	for _, r := range readers() {
		if slices.Contains(r.flags, "--keeper=off") || strings.Contains(strings.Join(r.argv, " "), "PPID") {
			continue
		}
		t.Run(r.name, func(t *testing.T) {
			require(t, r.needs...)
			r.run(t, "unshare", "--pid", "--fork", "--kill-child", "--mount-proc")
		})
	}
}

func (r reader) run(t *testing.T, before ...string) {
	t.Helper()
	b, dir := box.New(t), scratch(t)
	argv := slices.Concat(before, []string{box.Lastout(t), "--report", "report"}, r.flags, r.argv)
	cmd := start(t, b, dir, argv)
	out := box.Run(t, b, cmd, time.Minute)
	report := contentsOf(filepath.Join(dir, "report"))
	if out.Status != r.status || !strings.Contains(report, fmt.Sprintf(`"leftover_count":%d,`, r.leaks)) {
		t.Errorf("status %d, stderr %q, report %s; want status %d and %d leftovers", out.Status, out.Stderr,
			report, r.status, r.leaks)
	}
	for name, want := range r.out {
		got := out.Stdout
		if name != ".stdout" {
			got = contentsOf(filepath.Join(dir, name))
		}
		if got != want {
			t.Errorf("%s has %s, want %s", name, brief(got), brief(want))
		}
	}
}

// contentsOf reads a file, and unpacks what gzip has packed. An error is what it says.
func contentsOf(path string) string {
	f, err := os.Open(path)
	if err != nil {
		return err.Error()
	}
	defer f.Close()
	var in io.Reader = f
	if strings.HasSuffix(path, ".gz") {
		if in, err = gzip.NewReader(f); err != nil {
			return err.Error()
		}
	}
	data, err := io.ReadAll(in)
	if err != nil {
		return string(data) + err.Error()
	}
	return string(data)
}

func brief(s string) string {
	if len(s) > 100 {
		return fmt.Sprintf("%d bytes, the last %q", len(s), s[len(s)-40:])
	}
	return fmt.Sprintf("%q", s)
}
