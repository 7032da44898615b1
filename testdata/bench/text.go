//go:build linux

package main

import (
	"fmt"
	"io"
	"math"
	"strconv"
	"strings"
	"unicode/utf8"
)

// number has three significant digits, and no exponent.
func number(v float64) string {
	switch a := math.Abs(v); {
	case v == math.Trunc(v) || a >= 100:
		return strconv.FormatFloat(v, 'f', 0, 64)
	case a >= 10:
		return strconv.FormatFloat(v, 'f', 1, 64)
	case a >= 1:
		return strconv.FormatFloat(v, 'f', 2, 64)
	}
	return strconv.FormatFloat(v, 'f', 3, 64)
}

const columns = "%9s %9s %9s %9s %9s %8s %6s\n"

// writeText prints the report as one table.
func writeText(w io.Writer, r *Report) {
	r.Machine.write(w)
	for _, p := range r.Peers {
		fmt.Fprintf(w, "with     %s: %s\n", p.Name, p.Version)
	}
	for _, m := range r.Missing {
		fmt.Fprintf(w, "MISSING  %s\n", m)
	}
	width := 0
	for _, g := range r.Groups {
		for _, row := range g.Rows {
			width = max(width, utf8.RuneCountInString(g.label(row)))
		}
	}
	fmt.Fprintf(w, "\n%s"+columns, pad("", width), "median", "p10", "p90", "p99", "max", "ratio", "n")
	for _, g := range r.Groups {
		g.write(w, width)
	}
}

func (g *Group) write(w io.Writer, width int) {
	title := fmt.Sprintf("%s: %s, %s", g.Experiment, g.Title, g.Unit)
	if g.Base != "" {
		title += "; ratio to " + g.Base
	}
	fmt.Fprintf(w, "\n%s\n", title)
	for _, row := range g.Rows {
		ratio := ""
		if row.Ratio != 0 {
			ratio = strconv.FormatFloat(row.Ratio, 'f', 2, 64)
		}
		fmt.Fprint(w, pad(g.label(row), width))
		fmt.Fprintf(w, columns, number(row.Median), number(row.P10), number(row.P90), number(row.P99),
			number(row.Max), ratio, strconv.Itoa(row.N))
	}
	for _, goal := range g.Goals {
		fmt.Fprintf(w, "  goal   %s\n", goal)
	}
	for _, note := range g.Notes {
		fmt.Fprintf(w, "  note   %s\n", note)
	}
}

func (g *Group) label(row Row) string {
	if g.XName == "" {
		return "  " + row.Name
	}
	return fmt.Sprintf("  %5.0f  %s", row.X, row.Name)
}

func (g Goal) String() string {
	bound, met := "at most", "met"
	if g.AtLeast {
		bound = "at least"
	}
	if !g.Met() {
		met = "MISSED"
	}
	return fmt.Sprintf("%s: %s, %s %s: %s", g.Text, number(g.Value), bound, number(g.Limit), met)
}

func pad(s string, width int) string {
	return s + strings.Repeat(" ", max(0, width-utf8.RuneCountInString(s)))
}
