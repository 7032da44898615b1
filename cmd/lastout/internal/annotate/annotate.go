// Package annotate writes what a CI system shows outside of the log of a step.
//
// Annotations go to stderr. GitHub's runner parses both streams of a step for them, a line at a
// time, and so does GitLab's; and stdout is the command's: what reads it is not to find anything of
// ours in it.
package annotate

import (
	"fmt"
	"strings"
	"unicode/utf8"
)

// maxMessage is how many bytes of a message GitHub's runner keeps (ExecutionContext.cs in
// actions/runner).
const maxMessage = 4096

// Levels of a GitHub annotation. Ten of each are shown of one step; lastout makes one.
const (
	Warning = "warning"
	Error   = "error"
)

// GitHub returns a workflow command, a line: see "Workflow commands for GitHub Actions" in GitHub's
// documentation.
func GitHub(level, title, message string) string {
	return "::" + level + " title=" + escapeProperty(title) + "::" + escapeData(cut(message, maxMessage)) + "\n"
}

// Escapes of workflow commands: ActionCommand.cs in actions/runner.
func escapeData(s string) string {
	return strings.NewReplacer("%", "%25", "\r", "%0D", "\n", "%0A").Replace(s)
}

func escapeProperty(s string) string {
	return strings.NewReplacer("%", "%25", "\r", "%0D", "\n", "%0A", ":", "%3A", ",", "%2C").Replace(s)
}

// cut cuts a text to n bytes, between characters.
func cut(s string, n int) string {
	const more = "..."
	if len(s) <= n {
		return s
	}
	n -= len(more)
	for n > 0 && !utf8.RuneStart(s[n]) {
		n--
	}
	return s[:n] + more
}

// Section returns what begins and ends a part of a GitLab job log that can be folded: see "Custom
// collapsible sections" in GitLab's documentation. The name is made of letters, digits and _.-;
// header is shown where the part is folded, too. The times are in seconds since 1970.
func Section(name, header string, from, to int64) (begin, end string) {
	const clear = "\x1b[0K"
	begin = fmt.Sprintf("%ssection_start:%d:%s[collapsed=true]\r%s%s\n", clear, from, name, clear, header)
	end = fmt.Sprintf("%ssection_end:%d:%s\r%s\n", clear, to, name, clear)
	return begin, end
}

// Table returns a title and a table in GitHub's Markdown. What stands in it is text, whatever
// characters it is made of.
func Table(title string, head []string, rows [][]string, after string) string {
	var b strings.Builder
	fmt.Fprintf(&b, "\n#### %s\n\n", markdown(title))
	if len(rows) > 0 {
		tableRow(&b, head)
		b.WriteString("|" + strings.Repeat(" --- |", len(head)) + "\n")
		for _, r := range rows {
			tableRow(&b, r)
		}
	}
	if after != "" {
		fmt.Fprintf(&b, "\n%s\n", markdown(after))
	}
	return b.String()
}

func tableRow(b *strings.Builder, cells []string) {
	for _, c := range cells {
		b.WriteString("| " + markdown(c) + " ")
	}
	b.WriteString("|\n")
}

// markdown writes the characters by their number that mean something within a line, to Markdown, to
// HTML, or to GitHub: emoji, mentions, formulas, addresses (CommonMark 0.31 and GitHub Flavored
// Markdown); and control characters as a space.
func markdown(s string) string {
	var b strings.Builder
	for _, r := range s {
		switch {
		case r < ' ' || r == 0x7f:
			b.WriteByte(' ')
		case r == '@': // an address of mail is found after that: the comment takes it apart
			b.WriteString("&#64;<!-- -->")
		case r < utf8.RuneSelf && strings.ContainsRune("!#$&*.:<>[\\]^_`|~", r):
			fmt.Fprintf(&b, "&#%d;", r)
		default:
			b.WriteRune(r)
		}
	}
	return b.String()
}
