//go:build linux

package realworld

import (
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"lastout/testdata/box"
)

// cronLimit bounds the test: cron wakes at the beginning of a minute, and two of those are needed.
const cronLimit = 150 * time.Second

// crontab has a line for each promise: silence on success, one mail of use on failure, no overlap
// of a run that outlives its minute, and nothing left.
const crontab = `MAILTO=root
* * * * * %[1]s --quiet-success --log %[2]s/succeeds.log sh -c 'echo noise; echo noise >&2'
* * * * * %[1]s --quiet-success --tail 2 --log %[2]s/fails.log sh -c 'seq 1000; echo the reason >&2; exit 3'
* * * * * %[1]s -q --lock %[2]s/lock --log %[2]s/overlaps.log sh -c 'echo run >>%[2]s/runs; exec sleep 100'
* * * * * %[1]s -q --log %[2]s/strays.log sh -c 'setsid -f sleep 1000; nohup sleep 1000 & echo left >>%[2]s/left'
`

// TestCron runs Debian's cron until its second minute is over.
func TestCron(t *testing.T) {
	if os.Getuid() != 0 {
		t.Skip("cron needs root")
	}
	t.Parallel()
	program(t, "cron")
	dir := scratch(t)
	if err := os.WriteFile(filepath.Join(dir, "crontab"), fmt.Appendf(nil, crontab, box.Lastout(t), dir),
		0o600); err != nil {
		t.Fatal(err)
	}
	b := box.New(t)
	if !b.Exact() {
		t.Skip("without a cgroup, what cron has started could not be found again")
	}
	cmd := b.Command("unshare", "--mount", "--pid", "--fork", "--kill-child", "--mount-proc",
		here(t, "in-cron.sh"), dir)
	said, err := os.Create(filepath.Join(dir, "said"))
	if err != nil {
		t.Fatal(err)
	}
	defer said.Close()
	cmd.Stdout, cmd.Stderr = said, said
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	c := cronRun{t, dir, b}
	defer func() {
		b.Kill()
		cmd.Wait() // it was killed
		end(b)
	}()
	c.awaitSecondMinute()
	c.check()
}

type cronRun struct {
	t   *testing.T
	dir string
	box *box.Box
}

func (c cronRun) read(name string) string {
	data, err := os.ReadFile(filepath.Join(c.dir, name))
	if err != nil && !os.IsNotExist(err) {
		c.t.Fatal(err)
	}
	return string(data)
}

func (c cronRun) mails() (texts []string) {
	files, _ := filepath.Glob(filepath.Join(c.dir, "mail", "[0-9]*"))
	for _, file := range files {
		data, err := os.ReadFile(file)
		if err != nil {
			c.t.Fatal(err)
		}
		texts = append(texts, string(data))
	}
	return texts
}

// awaitSecondMinute returns when every line has run twice, and what it mails has been mailed. A run
// that outlives its minute has turned the next one away.
func (c cronRun) awaitSecondMinute() {
	c.t.Helper()
	over := func(log string) int { return strings.Count(c.read(log), `"msg":"over"`) }
	for end := time.Now().Add(cronLimit); ; time.Sleep(50 * time.Millisecond) {
		if over("succeeds.log") >= 2 && over("fails.log") >= 2 && over("strays.log") >= 2 &&
			over("overlaps.log") >= 1 && len(c.mails()) >= 2 {
			return
		}
		if time.Now().After(end) {
			c.t.Fatalf("not after %v; mails %q, cron says %q, in the box:\n\t%s", cronLimit, c.mails(),
				c.read("said"), strings.Join(describe(c.box.Procs()), "\n\t"))
		}
	}
}

func (c cronRun) check() {
	for _, mail := range c.mails() {
		for _, words := range []string{"Subject: Cron", "\n1000\nthe reason\n",
			"lastout: the first 999 lines of the output are not shown\n", "exit status 3 after "} {
			if !strings.Contains(mail, words) {
				c.t.Errorf("a mail lacks %q:\n%s", words, mail)
			}
		}
	}
	if n := len(c.mails()); n != 2 {
		c.t.Errorf("%d mails, want one for each failure: %q", n, c.mails())
	}
	if runs := strings.Count(c.read("runs"), "run\n"); runs != 1 {
		c.t.Errorf("%d runs at a time, want 1", runs)
	}
	if log := c.read("overlaps.log"); !strings.Contains(log, `"status":75`) {
		c.t.Errorf("the second run was not turned away:\n%s", log)
	}
	if left := strings.Count(c.read("left"), "left\n"); left != 2 {
		c.t.Errorf("%d runs have left something behind, want 2", left)
	}
	strays := slices.DeleteFunc(describe(c.box.Procs()),
		func(line string) bool { return !strings.Contains(line, "sleep 1000") })
	if len(strays) > 0 {
		c.t.Errorf("left behind: %q", strays)
	}
}
