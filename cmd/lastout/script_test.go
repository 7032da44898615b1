//go:build linux

package main_test

import (
	"fmt"
	"os"
	"os/signal"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"
	"unicode"
	"unicode/utf8"

	"lastout/testdata/box"

	"github.com/rogpeppe/go-internal/testscript"
	"golang.org/x/sys/unix"
)

// commandLimit is what a command of a script may take. It only ends what hangs.
const commandLimit = 30 * time.Second

// TestScripts runs testdata/scripts. Each script has a box of its own, which must be empty whenever
// a command of the script returns. Besides testscript's own commands there are
//
//	[!] lastout [ARG...]           run lastout in the box; stdout and stderr look at its output
//	[!] box PROGRAM [ARG...]       run another program there, such as a shell that runs lastout
//	status NUMBER|SIGNAL           the last one ended exactly so, by the kernel's account
//	fails STATUS PATTERN [ARG...]  lastout has one line to say, which matches, exits so, and has run nothing
//	messages                       the last stderr is lastout's alone, and harmless to a terminal
//
// and the condition [root]. The arguments of fails name a command that would create the file
// "started". Variables are set by env(1), as in "box env LASTOUT_QUIET=1 lastout true": what
// testscript's own env sets, programs in the box do not see. The shell parts of the scripts share
// lib.sh.
func TestScripts(t *testing.T) {
	bin := t.TempDir()
	lastout := filepath.Join(bin, "lastout")
	if err := os.Symlink(box.Lastout(t), lastout); err != nil {
		t.Fatal(err)
	}
	heedSignals(t)
	scripts, err := filepath.Abs(filepath.Join("..", "..", "testdata", "scripts"))
	if err != nil {
		t.Fatal(err)
	}
	work := t.TempDir()               // testscript's own would remain where -run selects some of the scripts
	t.Run("run", func(t *testing.T) { // scripts are parallel tests, and these have to outlive them
		testscript.Run(t, testscript.Params{
			Dir:         scripts,
			WorkdirRoot: work,
			Setup: func(env *testscript.Env) error {
				env.Setenv("PATH", searchable(bin+":"+env.Getenv("PATH")))
				env.Setenv("lastout", lastout) // for scripts that change PATH
				env.Setenv("lib", filepath.Join(scripts, "lib.sh"))
				t := env.T().(testing.TB)
				s := &script{t: t, box: box.New(t), lastout: lastout, dir: env.WorkDir}
				s.env = append(slices.Clone(env.Vars), "PWD="+env.WorkDir)
				env.Values[scriptKey{}] = s
				env.Defer(s.box.AssertEmpty)
				return nil
			},
			Cmds: map[string]func(*testscript.TestScript, bool, []string){
				"lastout": func(ts *testscript.TestScript, neg bool, args []string) {
					scriptOf(ts).run(ts, neg, append([]string{lastout}, args...))
				},
				"box": func(ts *testscript.TestScript, neg bool, args []string) {
					scriptOf(ts).run(ts, neg, args)
				},
				"status":   scriptStatus,
				"fails":    scriptFails,
				"messages": scriptMessages,
			},
			Condition: func(name string) (bool, error) {
				if name != "root" {
					return false, fmt.Errorf("unknown condition %s", name)
				}
				return os.Geteuid() == 0, nil
			},
			RequireUniqueNames: true,
			ContinueOnError:    true,
		})
	})
}

// searchable returns a PATH without what we may not search: a command that is not found would be
// one that is denied.
func searchable(path string) string {
	dirs := slices.DeleteFunc(filepath.SplitList(path),
		func(dir string) bool { return unix.Access(dir, unix.X_OK) != nil })
	return strings.Join(dirs, ":")
}

// heedSignals makes commands start with HUP and INT as they are by default, where the test itself
// is run with nohup or in the background of a script.
func heedSignals(t *testing.T) {
	for _, sig := range []os.Signal{syscall.SIGHUP, syscall.SIGINT} {
		if signal.Ignored(sig) {
			signal.Notify(make(chan os.Signal, 1), sig)
			t.Cleanup(func() { signal.Ignore(sig) })
		}
	}
}

type scriptKey struct{}

// script is what the commands of one script share.
type script struct {
	t       testing.TB
	box     *box.Box
	lastout string
	dir     string
	env     []string
	last    box.Outcome
}

func scriptOf(ts *testscript.TestScript) *script { return ts.Value(scriptKey{}).(*script) }

// run runs a program in the box, and stops the script if anything was left when it returned.
func (s *script) run(ts *testscript.TestScript, neg bool, argv []string) {
	if len(argv) == 0 {
		ts.Fatalf("usage: box PROGRAM [ARG...]")
	}
	if argv[0] == "lastout" {
		argv[0] = s.lastout
	}
	cmd := s.box.Command(argv[0], argv[1:]...)
	env := slices.Clone(s.env)
	if !s.box.Exact() {
		env = append(env, cmd.Env[len(cmd.Env)-1]) // the marker
	}
	cmd.Env, cmd.Dir = env, s.dir
	failed := s.t.Failed()
	s.last = box.Run(s.t, s.box, cmd, commandLimit)
	fmt.Fprint(ts.Stdout(), s.last.Stdout)
	fmt.Fprint(ts.Stderr(), s.last.Stderr)
	switch {
	case s.t.Failed() && !failed:
		s.t.FailNow() // of every command after this one the same would be said
	case neg && s.last.Status == 0:
		ts.Fatalf("unexpected success")
	case !neg && s.last.Status != 0:
		ts.Fatalf("ended with %s", s.ending())
	}
}

// ending is how the last program ended: its exit status, or the name of the signal that it died of.
func (s *script) ending() string {
	if s.last.Signal == 0 {
		return strconv.Itoa(s.last.Status)
	}
	return signalWord(s.last.Signal)
}

func signalWord(sig syscall.Signal) string {
	if name := unix.SignalName(sig); name != "" {
		return strings.TrimPrefix(name, "SIG")
	}
	return fmt.Sprintf("RTMIN+%d", int(sig)-34)
}

func scriptStatus(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) != 1 {
		ts.Fatalf("usage: status NUMBER|SIGNAL")
	}
	if got := scriptOf(ts).ending(); got != args[0] {
		ts.Fatalf("ended with %s, want %s", got, args[0])
	}
}

func scriptFails(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) < 2 {
		ts.Fatalf("usage: fails STATUS PATTERN [ARG...]")
	}
	s := scriptOf(ts)
	started := filepath.Join(s.dir, "started")
	os.Remove(started)
	s.run(ts, true, append([]string{s.lastout}, args[2:]...))
	pattern, err := regexp.Compile("(?m)" + args[1])
	ts.Check(err)
	scriptStatus(ts, false, args[:1])
	scriptMessages(ts, false, nil)
	switch said := s.last.Stderr; {
	case strings.Count(said, "\n") != 1:
		ts.Fatalf("stderr is not one line")
	case !pattern.MatchString(said):
		ts.Fatalf("stderr does not match %q", args[1])
	case s.last.Stdout != "":
		ts.Fatalf("there is output")
	}
	if _, err := os.Lstat(started); err == nil {
		ts.Fatalf("the command was started")
	}
}

func scriptMessages(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) != 0 {
		ts.Fatalf("usage: messages")
	}
	said := scriptOf(ts).last.Stderr
	switch {
	case !strings.HasSuffix(said, "\n"):
		ts.Fatalf("stderr does not end with a newline")
	case !utf8.ValidString(said):
		ts.Fatalf("stderr is not valid UTF-8: %q", said)
	}
	for line := range strings.SplitSeq(strings.TrimSuffix(said, "\n"), "\n") {
		if !strings.HasPrefix(line, "lastout: ") {
			ts.Fatalf("not a message: %q", line)
		}
		if strings.ContainsFunc(line, func(r rune) bool { return !unicode.IsPrint(r) }) {
			ts.Fatalf("not printable: %q", line)
		}
	}
}
