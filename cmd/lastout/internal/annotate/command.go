package annotate

import (
	"bytes"
	"strings"
)

// directive begins what a CI system obeys wherever it stands in a line of a job's log: "##["
// (GitHub's older runners, Azure Pipelines), "##vso[" (Azure Pipelines), "##teamcity[" (TeamCity).
// What GitHub and GitLab obey besides stands at the beginning of a line, or after an escape
// character.
const directive = "##"

// Obeyed reports whether a text has something in it that a CI system would obey.
func Obeyed(s string) bool { return next(s) >= 0 }

// Disobeyed returns the text with an escape in place of the first character of everything that a CI
// system would obey.
func Disobeyed(s string) string {
	var b strings.Builder
	for at := next(s); at >= 0; at = next(s) {
		b.WriteString(s[:at] + `\x23`)
		s = s[at+1:]
	}
	b.WriteString(s)
	return b.String()
}

// next returns where the next directive is, or -1.
func next(s string) int {
	for from := 0; ; {
		at := strings.Index(s[from:], directive)
		if at < 0 {
			return -1
		}
		at += from
		word := strings.TrimLeftFunc(s[at+len(directive):], isLetter)
		if strings.HasPrefix(word, "[") {
			return at
		}
		from = at + 1
	}
}

func isLetter(r rune) bool { return 'a' <= r && r <= 'z' || 'A' <= r && r <= 'Z' }

// JSON returns JSON that means the same and has nothing in it that a CI system would obey.
func JSON(data []byte) []byte {
	return bytes.ReplaceAll(data, []byte(directive), []byte(`#\u0023`))
}
