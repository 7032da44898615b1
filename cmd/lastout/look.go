package main

import (
	"cmp"
	"strings"
)

// look is how a picture is drawn.
type look struct {
	branch, corner, trunk string
	color                 bool
}

var (
	asciiLook   = look{branch: "|- ", corner: "`- ", trunk: "|  "}
	unicodeLook = look{branch: "├─ ", corner: "└─ ", trunk: "│  "}
)

// lookOf chooses by the environment: line drawing characters where the locale is UTF-8 (locale(7)),
// and colour on a terminal unless NO_COLOR (no-color.org), CLICOLOR_FORCE and CLICOLOR
// (bixense.com/clicolors) or FORCE_COLOR (force-color.org) say otherwise. NO_COLOR is the last
// word: who sets it cannot read the others.
func lookOf(env []string, terminal bool) look {
	k := asciiLook
	locale := cmp.Or(variable(env, "LC_ALL"), variable(env, "LC_CTYPE"), variable(env, "LANG"))
	if name := strings.ToUpper(locale); strings.Contains(name, "UTF-8") || strings.Contains(name, "UTF8") {
		k = unicodeLook
	}
	force := func(name string) bool {
		v := variable(env, name)
		return v != "" && v != "0" && v != "false"
	}
	switch {
	case variable(env, "NO_COLOR") != "":
	case force("CLICOLOR_FORCE"), force("FORCE_COLOR"):
		k.color = true
	default:
		k.color = terminal && variable(env, "TERM") != "dumb" && variable(env, "CLICOLOR") != "0" &&
			variable(env, "FORCE_COLOR") == ""
	}
	return k
}

// paint sets the colour of a text (console_codes(4)).
func (k look) paint(code, text string) string {
	if !k.color || text == "" {
		return text
	}
	return "\x1b[" + code + "m" + text + "\x1b[m"
}

// variable returns the value of an environment variable, "" where it is not set.
func variable(env []string, name string) string {
	for _, e := range env {
		if v, ok := strings.CutPrefix(e, name+"="); ok {
			return v
		}
	}
	return ""
}
