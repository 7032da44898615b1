//go:build linux

package main

import (
	"fmt"
	"html"
	"io"
	"math"
	"strings"
)

const (
	panelWidth = 640.0
	margin     = 28.0
	headHeight = 96.0
	font       = "font-family=\"'DejaVu Sans', 'Segoe UI', Helvetica, Arial, sans-serif\""
	ink        = "#1f2933"
	faint      = "#6b7785"
	gridInk    = "#e3e8ee"
)

// A canvas is where SVG elements are written to.
type canvas struct{ w io.Writer }

func (c canvas) line(x1, y1, x2, y2 float64, colour string, width float64) {
	fmt.Fprintf(c.w, "<line x1=\"%.1f\" y1=\"%.1f\" x2=\"%.1f\" y2=\"%.1f\" stroke=\"%s\" stroke-width=\"%.1f\"/>\n", x1, y1, x2, y2, colour, width)
}

func (c canvas) rect(x, y, w, h float64, colour string) {
	fmt.Fprintf(c.w, "<rect x=\"%.1f\" y=\"%.1f\" width=\"%.1f\" height=\"%.1f\" rx=\"2\" fill=\"%s\"/>\n", x,
		y, w, h, colour)
}

func (c canvas) dot(x, y, radius float64, colour string) {
	fmt.Fprintf(c.w, "<circle cx=\"%.1f\" cy=\"%.1f\" r=\"%.1f\" fill=\"%s\" stroke=\"#ffffff\" stroke-width=\"1\"/>\n", x, y, radius, colour)
}

// text writes at (x, y); anchor is start, middle or end.
func (c canvas) text(x, y, size float64, colour, anchor, weight, s string) {
	fmt.Fprintf(c.w, "<text x=\"%.1f\" y=\"%.1f\" font-size=\"%.0f\" fill=\"%s\" text-anchor=\"%s\" font-weight=\"%s\">%s</text>\n",
		x, y, size, colour, anchor, weight, html.EscapeString(s))
}

// writeSVG draws a panel for each group that has something to show, in two columns.
func writeSVG(w io.Writer, r *Report) {
	panels := charted(r.Groups)
	heights := rowHeights(panels)
	total := headHeight + margin
	for _, h := range heights {
		total += h + margin
	}
	width := 2*panelWidth + 3*margin
	fmt.Fprintf(w, "<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"%.0f\" height=\"%.0f\" viewBox=\"0 0 %.0f %.0f\" %s>\n", width, total, width, total, font)
	c := canvas{w}
	c.rect(0, 0, width, total, "#ffffff")
	c.text(margin, 42, 22, ink, "start", "bold", "lastout and its peers")
	m := r.Machine
	c.text(margin, 66, 13, faint, "start", "normal",
		fmt.Sprintf("%s; %d x %s, %s; load before the run %.2f", m.Lastout, m.Count, m.Processor, m.Kernel, m.Load))
	c.text(margin, 86, 13, faint, "start", "normal", "medians; the thin lines go from the 10th to the 90th percentile")
	y := headHeight
	for i, g := range panels {
		x := margin + float64(i%2)*(panelWidth+margin)
		drawPanel(c, g, colours, x, y, heights[i/2])
		if i%2 == 1 {
			y += heights[i/2] + margin
		}
	}
	fmt.Fprintln(w, "</svg>")
}

func drawPanel(c canvas, g *Group, p palette, x, y, height float64) {
	c.text(x, y+18, 15, ink, "start", "bold", g.Experiment)
	c.text(x, y+37, 12, faint, "start", "normal", g.Title+", "+g.Unit)
	if g.XName != "" {
		drawLines(c, g, p, x, y+50, height-50)
	} else {
		drawBars(c, g, p, x, y+50)
	}
}

func charted(groups []*Group) (panels []*Group) {
	for _, g := range groups {
		if !g.noChart && len(g.Rows) > 0 {
			panels = append(panels, g)
		}
	}
	return panels
}

// rowHeights returns the heights of the rows of panels.
func rowHeights(panels []*Group) (heights []float64) {
	for i, g := range panels {
		if i%2 == 0 {
			heights = append(heights, 0)
		}
		heights[i/2] = math.Max(heights[i/2], panelHeight(g))
	}
	return heights
}

func panelHeight(g *Group) float64 {
	if g.XName != "" {
		return 400
	}
	return 50 + barPitch*float64(len(g.Rows)) + 34
}

// palette is the colours of programs, the same on the whole sheet, by how their names begin.
type palette []struct{ name, colour string }

var colours = palette{
	{off, "#f59f00"},
	{pair, "#d9480f"},
	{tini, "#1c7ed6"},
	{isolated, "#2b8a3e"},
	{namespace, "#2b8a3e"},
	{cgroupKill, "#7048e8"},
	{"", "#8c9bab"},
}

func (p palette) of(name string) string {
	for _, c := range p {
		if strings.HasPrefix(name, c.name) {
			return c.colour
		}
	}
	return ink
}
