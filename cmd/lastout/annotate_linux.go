package main

import (
	"errors"
	"fmt"
	"os"
	"strings"

	"lastout/cmd/lastout/internal/annotate"
	"lastout/cmd/lastout/internal/facts"
	"lastout/cmd/lastout/internal/guardian"
	"lastout/cmd/lastout/internal/safepath"
	"lastout/subreaper"

	"golang.org/x/sys/unix"
)

// report says what happened, to people and to the CI system.
func (e *execution) report(run *facts.Run) {
	late := e.lateness(run)
	if late != "" {
		e.m.say("%s", late)
	}
	if run.Started() {
		e.m.outOfMemory(e.options, run.Name, run.Result)
	}
	var survivors *subreaper.SurvivorError
	if errors.As(run.Err, &survivors) {
		e.m.survivors(survivors.Procs)
		e.m.say("gave up after %s", e.giveUp.d)
	}
	why := e.why(run)
	if late == "" && why == "" && run.Leaks+run.Allowed == 0 {
		return
	}
	k := lookOf(e.heeded, isTerminal(e.m.w))
	left := e.leaksOf(run, home(run), k)
	if !e.quiet && left.title != "" {
		e.sayLeaks(run, &left, k)
	}
	if e.platform() == "github" && (late != "" || why != "" || run.Leaks > 0) {
		e.annotateGitHub(run, late, why, &left)
	}
}

// why says what made a run fail that the command did not, "" for nothing. -q is for leaks, and for
// a lock that somebody else holds.
func (o *options) why(run *facts.Run) string {
	if run.Because == "" || run.Succeeded() || o.quiet && (run.Because == becauseLeak || run.Because == becauseLock) {
		return ""
	}
	return fmt.Sprintf("exit status %d, because %s", run.Status, run.Because)
}

// lateness says that the job timed out, "" where it did not.
func (o *options) lateness(run *facts.Run) string {
	if !run.TimedOut() {
		return ""
	}
	return fmt.Sprintf("%s: timed out after %s", shorten(run.Name, maxCommand), o.timeout.d)
}

// home is where the job's own processes are.
func home(run *facts.Run) place {
	p := place{}
	if run.Started() {
		p.pgid = run.Result.PID
	}
	p.sid, _ = unix.Getsid(0)
	return p
}

// platform is whom annotations are for. -q silences what nobody has asked for.
func (o *options) platform() string {
	switch {
	case o.annotate.word != "auto":
		return o.annotate.word
	case o.quiet:
	case variable(o.heeded, "GITHUB_ACTIONS") == "true":
		return "github"
	case variable(o.heeded, "GITLAB_CI") == "true":
		return "gitlab"
	}
	return "none"
}

// sayLeaks says what was left over. Where GitLab shows it, only the first line is seen before one
// asks for the others.
func (e *execution) sayLeaks(run *facts.Run, left *leaks, k look) {
	if e.platform() != "gitlab" {
		e.m.say("%s", left.title)
		left.say(e.m, k)
		return
	}
	name := fmt.Sprintf("lastout_%d_%d", guardian.PID(), run.Attempt)
	begin, end := annotate.Section(name, "lastout: "+printable(left.title), run.Start.Unix(), run.End.Unix())
	e.m.raw(begin)
	left.say(e.m, k)
	e.m.raw(end)
}

// annotateGitHub writes an annotation, and the table for the page of the job's summary. It is an
// error where lastout made the run fail.
func (e *execution) annotateGitHub(run *facts.Run, late, why string, left *leaks) {
	level, title, lines := annotate.Warning, "lastout: processes left behind", []string{}
	if why != "" {
		level = annotate.Error
	}
	switch {
	case late != "":
		title = "lastout: timed out"
		lines = append(lines, late)
	case run.Because == becauseLock:
		title = "lastout: locked"
		lines = append(lines, run.Err.Error())
	case why != "" && run.Because != becauseLeak:
		title = "lastout: failed"
	}
	if run.Leaks > 0 {
		lines = append(lines, left.title)
	}
	for _, r := range left.rows {
		lines = append(lines, r.plain())
	}
	if rest := left.rest(); rest != "" {
		lines = append(lines, rest)
	}
	if why != "" {
		lines = append(lines, why)
	}
	if e.quiet && late == "" { // a line of the command's that has not ended would hide it
		e.m.raw("\n")
	}
	e.m.raw(annotate.GitHub(level, title, printableLines(lines)))
	if late == "" && run.Leaks == 0 {
		return // there is no table
	}
	if err := e.summarize(run, late, left); err != nil {
		e.m.say("GITHUB_STEP_SUMMARY: %v", err)
	}
}

func printableLines(lines []string) string {
	for i, l := range lines {
		lines[i] = printable(l)
	}
	return strings.Join(lines, "\n")
}

// maxSummary is how large a step's summary may be; GitHub shows nothing of a larger one.
const maxSummary = 1 << 20

// summarize adds a table to the file that GitHub shows on the page of the workflow's run.
func (e *execution) summarize(run *facts.Run, late string, left *leaks) error {
	name := variable(e.heeded, "GITHUB_STEP_SUMMARY")
	if name == "" {
		return nil
	}
	title, head, rows := left.title, []string{"Process", "Command", "Remarks", "Age", "End"}, [][]string{}
	if late != "" {
		title = late
	}
	for _, r := range left.rows {
		rows = append(rows, []string{r.branches + r.pid, r.command, r.notes, strings.TrimSuffix(r.age, " old"), r.end})
	}
	return appendSummary(name, annotate.Table(printable(title), head, rows, left.rest()))
}

// appendSummary opens the file without waiting: it might be a FIFO that nobody reads.
func appendSummary(name, text string) error {
	p, err := safepath.Find(name)
	if err != nil {
		return err
	}
	defer p.Close()
	fd, err := p.Open(unix.O_WRONLY|unix.O_APPEND|unix.O_CREAT, 0o644)
	if err != nil {
		return err
	}
	f := os.NewFile(uintptr(fd), name)
	defer f.Close()
	info, err := f.Stat()
	if err != nil {
		return err
	}
	if info.Size()+int64(len(text)) > maxSummary {
		return fmt.Errorf("%s is full: GitHub takes 1 MiB", name)
	}
	_, err = f.WriteString(text)
	return err
}
