//go:build linux

package main_test

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/santhosh-tekuri/jsonschema/v6"
	"golang.org/x/sys/unix"

	"lastout/testdata/box"
)

// reportSchema is the published schema, but stricter: what it does not describe is a mistake of
// ours.
func reportSchema(t testing.TB) *jsonschema.Schema {
	t.Helper()
	data, err := os.ReadFile(filepath.Join("..", "..", "testdata", "schema", "report-v1.schema.json"))
	if err != nil {
		t.Fatal(err)
	}
	doc, err := jsonschema.UnmarshalJSON(bytes.NewReader(data))
	if err != nil {
		t.Fatal(err)
	}
	forbidOthers(doc)
	c := jsonschema.NewCompiler()
	c.AssertFormat()
	if err := c.AddResource("report.json", doc); err != nil {
		t.Fatal(err)
	}
	schema, err := c.Compile("report.json")
	if err != nil {
		t.Fatal(err)
	}
	return schema
}

func forbidOthers(node any) {
	switch node := node.(type) {
	case map[string]any:
		if _, ok := node["properties"].(map[string]any); ok {
			node["additionalProperties"] = false
		}
		for _, v := range node {
			forbidOthers(v)
		}
	case []any:
		for _, v := range node {
			forbidOthers(v)
		}
	}
}

// report is a decoded report.
type report map[string]any

// readReport reads a report, which must be one valid object of UTF-8 and a newline.
func readReport(t testing.TB, schema *jsonschema.Schema, data []byte) report {
	t.Helper()
	if !utf8.Valid(data) || bytes.Count(data, []byte{'\n'}) != 1 || !bytes.HasSuffix(data, []byte("}\n")) {
		t.Errorf("no single line of UTF-8: %q", data)
	}
	doc, err := jsonschema.UnmarshalJSON(bytes.NewReader(data))
	if err != nil {
		t.Fatalf("%v: %q", err, data)
	}
	if err := schema.Validate(doc); err != nil {
		t.Errorf("%v\n%s", err, data)
	}
	return doc.(map[string]any)
}

// want asserts values of fields, written as JSON.
func (r report) want(t testing.TB, fields map[string]string) {
	t.Helper()
	for name, want := range fields {
		got, err := json.Marshal(r[name])
		if err != nil || string(got) != want {
			t.Errorf("%s is %s, %v; want %s", name, got, err, want)
		}
	}
}

func (r report) number(t testing.TB, name string) float64 {
	t.Helper()
	n, ok := r[name].(json.Number)
	if !ok {
		t.Fatalf("%s is %v, want a number", name, r[name])
	}
	f, err := n.Float64()
	if err != nil {
		t.Fatal(err)
	}
	return f
}

// TestReport: what a report says of runs that end in every way there is. Each is valid by the
// published schema.
func TestReport(t *testing.T) {
	schema := reportSchema(t)
	for _, c := range []struct {
		name   string
		args   []string
		status int
		signal unix.Signal
		want   map[string]string
	}{
		{"success", []string{"true"}, 0, 0, map[string]string{
			"name": `"true"`, "command": `["true"]`, "exit_status": "0", "signal": "null", "started": "true",
			"command_exit_status": "0",
			"leftover_count":      "0", "leftovers": "[]", "signals": "[]", "attempt": "1", "error": "null",
			"command_line": "null",
		}},
		{"failure", []string{"-c", "exit 3"}, 3, 0, map[string]string{
			"command_line": `"exit 3"`, "command": `["/bin/sh","-c","exit 3"]`, "exit_status": "3",
			"command_exit_status": "3",
		}},
		{"expected", []string{"-e", "3", "sh", "-c", "exit 3"}, 0, 0,
			map[string]string{"exit_status": "0", "command_exit_status": "3"}},
		{"signal", []string{"sh", "-c", "kill -TERM $$"}, -1, unix.SIGTERM, map[string]string{
			"exit_status": "null", "signal": `"TERM"`, "command_exit_status": "null", "command_signal": `"TERM"`,
		}},
		{"core", []string{"sh", "-c", "ulimit -c 0; kill -SEGV $$"}, 139, 0, map[string]string{
			"exit_status": "139", "signal": "null", "command_signal": `"SEGV"`,
		}},
		{"leak", []string{"--fail-on-leak", "sh", "-c", "sleep 300 & exit 0"}, 123, 0, map[string]string{
			"exit_status": "123", "command_exit_status": "0", "leftover_count": "1", "leak_count": "1",
			"allowed_count": "0",
		}},
		{"allowed", []string{"--fail-on-leak=9", "--allow-leak", "sh,sleep", "sh", "-c", "sleep 300 & exit 0"}, 0, 0,
			map[string]string{"exit_status": "0", "leftover_count": "1", "leak_count": "0", "allowed_count": "1"}},
		{"timeout", []string{"-t", "50ms", "sleep", "300"}, 124, 0, map[string]string{
			"exit_status": "124", "timed_out": "true", "killed": "false", "command_signal": `"TERM"`,
		}},
		{"killed", []string{"-t", "50ms", "-k", "1ms", "sh", "-c", "trap '' TERM; sleep 300"}, 137, 0,
			map[string]string{
				"exit_status": "137", "timed_out": "true", "killed": "true", "command_signal": `"KILL"`,
			}},
		{"not found", []string{"no-such-command"}, 127, 0, map[string]string{
			"exit_status": "127", "started": "false", "error": `"no-such-command: command not found"`,
			"command_exit_status": "null", "pid": "null",
		}},
		{"not executable", []string{"/"}, 126, 0, map[string]string{"exit_status": "126", "started": "false"}},
		{"no UTF-8", []string{"true", "\xff\xfe", "a\"b\\c\n<\x00"[:7]}, 0, 0, map[string]string{
			"command": `["true","��","a\"b\\c\n\u003c"]`,
		}},
		{"no guardian", []string{"--keeper=off", "sh", "-c", "exit 3"}, 3, 0, map[string]string{"exit_status": "3"}},
	} {
		t.Run(c.name, func(t *testing.T) {
			b := box.New(t)
			path := filepath.Join(t.TempDir(), "report.json")
			out := box.Run(t, b, b.Command(box.Lastout(t),
				slices.Concat([]string{"--report", path}, c.args)...), patience)
			if out.Status != c.status || out.Signal != c.signal {
				t.Errorf("status %d, signal %d; stderr %q", out.Status, out.Signal, out.Stderr)
			}
			data, err := os.ReadFile(path)
			if err != nil {
				t.Fatal(err)
			}
			r := readReport(t, schema, data)
			r.want(t, c.want)
			checkTimes(t, r)
		})
	}
}

func checkTimes(t *testing.T, r report) {
	t.Helper()
	if wall, command := r.number(t, "wall_seconds"), r.number(t, "command_seconds"); wall < command ||
		r["started"] == true && command == 0 {
		t.Errorf("the command took %vs of %vs", command, wall)
	}
}

// TestReportedLeftovers: each with where it was, what it held open and how it ended.
func TestReportedLeftovers(t *testing.T) {
	schema := reportSchema(t)
	underBoth(t, func(t *testing.T, b *box.Box, flag string) {
		path := filepath.Join(t.TempDir(), "report.json")
		s := play(t, b, b.Command(box.Lastout(t), flag, "--grace", "300ms", "--report", path, trap(t, "grove")))
		leader, _ := s.ready()
		s.signal(s.pid(), unix.SIGWINCH)
		s.in.Close()
		s.end(7)
		data, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		r := readReport(t, schema, data)
		r.want(t, map[string]string{"pid": fmt.Sprint(leader)})
		left := r["leftovers"].([]any)
		ends := map[string]int{}
		for _, l := range left {
			l := l.(map[string]any)
			ends[l["end"].(string)]++
			if !slices.Equal(l["holds"].([]any), []any{"stdout", "stderr"}) {
				t.Errorf("%v holds %v", l["command_line"], l["holds"])
			}
		}
		if len(left) == 0 || ends["kill"] == 0 || ends["stop-signal"]+ends["itself"] == 0 {
			t.Errorf("of %d leftovers, the ends are %v: want some by SIGKILL and some not", len(left), ends)
		}
		used := report(r["usage"].(map[string]any))
		if n := used.number(t, "processes_reaped"); n < float64(len(left)) {
			t.Errorf("%v were reaped, of at least %d", n, len(left))
		}
		for _, name := range []string{"peak_memory_bytes", "minor_faults", "voluntary_context_switches"} {
			if used.number(t, name) <= 0 {
				t.Errorf("%s is 0", name)
			}
		}
		checkSignals(t, r, s.pid())
	})
}

func checkSignals(t *testing.T, r report, runner int) {
	t.Helper()
	signals := r["signals"].([]any)
	if len(signals) != 1 {
		t.Fatalf("signals %v, want one", signals)
	}
	got := signals[0].(map[string]any)
	if got["signal"] != "WINCH" || got["forwarded_as"] != "WINCH" ||
		fmt.Sprint(got["sender_pid"]) != fmt.Sprint(os.Getpid()) {
		t.Errorf("received %v, want WINCH of %d", got, os.Getpid())
	}
}

// TestReportOfHandedChildren: children that an exec has handed to lastout hold its outputs, too.
func TestReportOfHandedChildren(t *testing.T) {
	underBoth(t, func(t *testing.T, b *box.Box, flag string) {
		cmd := noInput(b.Command("sh", "-c", `sleep 300 & exec "$@"`, "sh", box.Lastout(t), flag, "true"))
		if out := box.Run(t, b, cmd, patience); lineWith(out.Stderr, "sleep 300",
			"holds stdout and stderr open") == "" {
			t.Errorf("stderr %q", out.Stderr)
		}
	})
}

// TestReportOfALostWorker: SIGKILL to the worker. The report says so, and its times make sense.
func TestReportOfALostWorker(t *testing.T) {
	schema, b := reportSchema(t), box.New(t, box.PidsCap(600))
	path := filepath.Join(t.TempDir(), "report.json")
	s := play(t, b, b.Command(box.Lastout(t), "--grace", "300ms", "--report", path, trap(t, "grove")))
	_, worker := s.ready()
	s.signal(worker, unix.SIGKILL)
	s.end(125)
	data, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	r := readReport(t, schema, data)
	r.want(t, map[string]string{"exit_status": "125", "started": "true", "command_exit_status": "null",
		"command_signal": "null"})
	if text, _ := r["error"].(string); !strings.Contains(text, "worker") {
		t.Errorf("error %q does not name the worker", text)
	}
	checkTimes(t, r)
}

// TestOutputDescriptors: a report and a trace can go to descriptors that the caller has passed, and
// the job has neither.
func TestOutputDescriptors(t *testing.T) {
	schema := reportSchema(t)
	underBoth(t, func(t *testing.T, b *box.Box, flag string) {
		dir := t.TempDir()
		list := filepath.Join(dir, "list")
		cmd := b.Command("sh", "-c", `exec "$@" 5>report 7>trace`, "sh", box.Lastout(t), flag, "--report",
			"fd:5", "--trace", "fd:7", trap(t, "lists-descriptors"), list)
		cmd.Dir = dir
		if out := box.Run(t, b, cmd, patience); out.Status != 0 || out.Stderr != "" {
			t.Fatalf("status %d, stderr %q", out.Status, out.Stderr)
		}
		text, err1 := os.ReadFile(list)
		data, err2 := os.ReadFile(dir + "/report")
		trace, err3 := os.ReadFile(dir + "/trace")
		if err := errors.Join(err1, err2, err3); err != nil {
			t.Fatal(err)
		}
		for line := range strings.Lines(string(text)) {
			if strings.HasSuffix(strings.TrimSpace(line), dir+"/report") ||
				strings.HasSuffix(strings.TrimSpace(line), dir+"/trace") {
				t.Errorf("the job has %s", line)
			}
		}
		if !strings.Contains(string(text), "0 ") {
			t.Errorf("the list of the job's descriptors is %q", text)
		}
		readReport(t, schema, data)
		if !json.Valid(trace) || !bytes.Contains(trace, []byte(`"traceEvents"`)) {
			t.Errorf("the trace is %q", trace)
		}
	})
}

// TestOutputsLost: where a report or a trace cannot be written any more, that is said in a line
// each, and the job's own status stands.
func TestOutputsLost(t *testing.T) {
	underBoth(t, func(t *testing.T, b *box.Box, flag string) {
		dir := t.TempDir()
		fifo := filepath.Join(dir, "fifo")
		if err := unix.Mkfifo(fifo, 0o600); err != nil {
			t.Fatal(err)
		}
		for name, why := range map[string]string{"/dev/full": "no space left on device",
			fifo: "nobody reads it", dir + "/gone/out": "no such file or directory"} {
			for _, output := range []string{"--report", "--trace"} {
				if err := os.Mkdir(dir+"/gone", 0o700); err != nil {
					t.Fatal(err)
				}
				out := box.Run(t, b, b.Command(box.Lastout(t), flag, output, name, "sh", "-c",
					"rmdir "+dir+"/gone; exit 3"), patience)
				want := fmt.Sprintf("lastout: %s: %s: %s: it is lost\n", output, name, why)
				if out.Status != 3 || !strings.HasSuffix(out.Stderr, want) {
					t.Errorf("status %d, stderr %q, want %q", out.Status, out.Stderr, want)
				}
			}
		}
	})
}

// terminal returns both ends of a pseudo-terminal (pts(4)).
func terminal(t *testing.T) (master, slave *os.File) {
	t.Helper()
	master, err := os.OpenFile("/dev/ptmx", os.O_RDWR|unix.O_NOCTTY, 0)
	if err != nil {
		lacking(t, "%v", err)
	}
	t.Cleanup(func() { master.Close() })
	n, err1 := unix.IoctlGetInt(int(master.Fd()), unix.TIOCGPTN)
	err2 := unix.IoctlSetPointerInt(int(master.Fd()), unix.TIOCSPTLCK, 0)
	slave, err3 := os.OpenFile(fmt.Sprintf("/dev/pts/%d", n), os.O_RDWR|unix.O_NOCTTY, 0)
	if err := errors.Join(err1, err2, err3); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { slave.Close() })
	return master, slave
}

// TestColour: on a terminal who needed SIGKILL stands out, unless NO_COLOR says otherwise; and it
// is said who holds the terminal.
func TestColour(t *testing.T) {
	for env, want := range map[string]string{"NO_COLOR=": "\x1b[1;31mended by KILL\x1b[m",
		"NO_COLOR=1": ", ended by KILL"} {
		b := box.New(t)
		master, slave := terminal(t)
		cmd := b.Command(box.Lastout(t), "-g", "0", "sh", "-c", "sleep 300 & exit 0")
		cmd.Env = append(cmd.Env, "TERM=xterm", "CLICOLOR=", "FORCE_COLOR=", "CLICOLOR_FORCE=", env)
		cmd.Stderr = slave
		box.Run(t, b, cmd, patience)
		buf := make([]byte, 4096) // what a terminal holds at once
		n, err := master.Read(buf)
		if said := string(buf[:max(n, 0)]); err != nil || !strings.Contains(said, want) ||
			!strings.Contains(said, "holds stdout and stderr open") {
			t.Errorf("%s: %q, %v; want %q", env, said, err, want)
		}
	}
}

// TestFullDisk: neither a half report nor a temporary file is left on a file system that is full,
// and the old report stays.
func TestFullDisk(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	b := box.New(t, box.PidsCap(600))
	// Of its 64 KiB, the job leaves one page: the report of a long command line takes more.
	preparation := fmt.Sprintf("mount -t tmpfs -o size=64k none %s && echo old >%[1]s/report", dir)
	script := `head -c 56k /dev/zero >$1/fill; exit 3`
	long := strings.Repeat("0123456789abcdef", 1<<10)
	show := `"$@"; echo $?; ls -A $0; cat $0/report`
	cmd := unshared(t, b, preparation, "sh", "-c", show, dir, box.Lastout(t), "--report", dir+"/report", "sh",
		"-c", script, long, dir)
	out := box.Run(t, b, cmd, patience)
	if want := "3\nfill\nreport\nold\n"; out.Stdout != want {
		t.Errorf("there is %q, want %q; stderr %q", out.Stdout, want, out.Stderr)
	}
	if want := fmt.Sprintf("lastout: --report: %s/report: no space left on device: it is lost\n", dir); out.Stderr != want {
		t.Errorf("stderr %q, want %q", out.Stderr, want)
	}
}

// TestNumberUsedAgain: a leftover is described as itself, not as one that lingered, has ended, and
// had the same process id.
func TestNumberUsedAgain(t *testing.T) {
	needRoot(t)
	b := box.New(t, box.PidsCap(600))
	report := filepath.Join(t.TempDir(), "report")
	const job = `
		sh -c 'read x; exit' first <&3 & first=$!
		sh -c '
			while [ -d /proc/'$$' ]; do :; done
			echo >&3
			while [ -d /proc/'$first' ]; do :; done
			echo '$((first - 1))' >/proc/sys/kernel/ns_last_pid
			sleep 300 &
			[ $! = '$first' ] || echo "there is $!, not '$first'" >&2
			exec sh -c "kill $0; exec sleep 301"' $PPID &
		echo $first`
	inside := fmt.Sprintf(`mkfifo %s/fifo && exec 3<>%[1]s/fifo && "$@"`, t.TempDir())
	cmd := noInput(b.Command("unshare", "--pid", "--fork", "--kill-child", "--mount-proc", "sh", "-c", inside, "sh",
		box.Lastout(t), "--report", report, "--linger", "forever", "--settle", "0", "sh", "-c", job))
	out := box.Run(t, b, cmd, patience)
	data, err := os.ReadFile(report)
	if err != nil {
		t.Fatalf("%v; stderr %q", err, out.Stderr)
	}
	first := strings.TrimSpace(out.Stdout)
	said := lineWith(out.Stderr, " "+first+" ")
	if !strings.Contains(said, first+" sleep 300,") || strings.Contains(out.Stderr, "there is") {
		t.Errorf("stderr %q, want of %s that it is sleep 300", out.Stderr, first)
	}
	r := readReport(t, reportSchema(t), data)
	r.want(t, map[string]string{"leftover_count": "2"})
	if lingered, err := json.Marshal(r["lingered"]); err != nil || !strings.Contains(string(lingered), "first") {
		t.Errorf("lingered: %s, %v", lingered, err)
	}
}
