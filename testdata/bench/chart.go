//go:build linux

package main

import "math"

const (
	barPitch    = 27.0
	nameWidth   = 215.0
	letterWidth = 7.6  // at most, on average
	endWidth    = 64.0 // for the figure at the end of the row
)

// drawBars draws a row for each program: a bar from zero, or a dot where the axis has no zero.
func drawBars(c canvas, g *Group, p palette, x, y float64) {
	least, most := span(g.Rows)
	a := newAxis(x+nameWidth, x+panelWidth-endWidth, least, most, most > logWorthy*least)
	bottom := y + barPitch*float64(len(g.Rows))
	for _, t := range a.ticks {
		c.line(a.at(t), y, a.at(t), bottom, gridInk, 1)
		c.text(a.at(t), bottom+16, 11, faint, "middle", "normal", tick(t))
	}
	for i, r := range g.Rows {
		middle := y + barPitch*(float64(i)+0.5)
		c.text(x+nameWidth-10, middle+4, 12, ink, "end", weight(r.Name), r.Name)
		if a.log {
			c.line(a.from, middle, a.at(r.Median), middle, gridInk, 6)
		} else {
			c.rect(a.from, middle-8, math.Max(1, a.at(r.Median)-a.from), 16, p.of(r.Name))
		}
		if r.N > 1 {
			c.line(a.at(r.P10), middle, a.at(r.P90), middle, ink, 1.5)
		}
		if a.log {
			c.dot(a.at(r.Median), middle, 6, p.of(r.Name))
		}
		c.text(x+panelWidth, middle+4, 12, ink, "end", weight(r.Name), number(r.Median))
	}
	c.line(a.from, y, a.from, bottom, faint, 1)
}

func weight(name string) string {
	if name == pair || name == pair+", both" {
		return "bold"
	}
	return "normal"
}

// span returns the least and the largest value that is drawn. A difference may be below zero; its
// whisker then begins at the axis. Where a median is not above zero there is no logarithm, and
// least is infinite.
func span(rows []Row) (least, most float64) {
	least = math.Inf(1)
	for _, r := range rows {
		most = math.Max(most, math.Max(r.P90, r.Median))
		for _, v := range []float64{r.P10, r.Median} {
			if v > 0 {
				least = math.Min(least, v)
			}
		}
	}
	for _, r := range rows {
		if r.Median <= 0 {
			return math.Inf(1), most
		}
	}
	return least, most
}

// drawLines draws how a figure grows with Row.X, a line for each program.
func drawLines(c canvas, g *Group, p palette, x, y, height float64) {
	least, most := span(g.Rows)
	h, v := growthAxes(g, x, y, height, least, most)
	for _, t := range v.ticks {
		c.line(h.from-12, v.at(t), h.to+12, v.at(t), gridInk, 1)
		c.text(h.from-18, v.at(t)+4, 11, faint, "end", "normal", tick(t))
	}
	for _, t := range h.ticks {
		c.line(h.at(t), v.from, h.at(t), v.from+5, faint, 1)
		c.text(h.at(t), v.from+19, 11, faint, "middle", "normal", tick(t))
	}
	c.line(h.from-12, v.from, h.to+12, v.from, faint, 1)
	c.text((h.from+h.to)/2, v.from+38, 12, faint, "middle", "normal", g.XName)
	legend := x
	for _, name := range programs(g.Rows) {
		drawSeries(c, g, name, p.of(name), h, v)
		c.line(legend, y+8, legend+22, y+8, p.of(name), 3)
		c.dot(legend+11, y+8, 4, p.of(name))
		c.text(legend+29, y+12, 12, ink, "start", weight(name), name)
		legend += 29 + letterWidth*float64(len(name)) + 26
	}
}

// growthAxes leaves room for a legend above and labels below. The ticks of x are where something
// was measured.
func growthAxes(g *Group, x, y, height, least, most float64) (h, v axis) {
	var at []float64
	for _, r := range g.Rows {
		if len(at) == 0 || r.X > at[len(at)-1] {
			at = append(at, r.X)
		}
	}
	v = newAxis(y+height-44, y+34, least, most, g.logX)
	h = newAxis(x+64, x+panelWidth-16, at[0], at[len(at)-1], g.logX)
	h.min, h.max, h.ticks = at[0], at[len(at)-1], at
	if h.min == h.max {
		h.max++
	}
	return h, v
}

func drawSeries(c canvas, g *Group, name, colour string, h, v axis) {
	var before *Row
	for _, r := range g.Rows {
		if r.Name != name {
			continue
		}
		if before != nil {
			c.line(h.at(before.X), v.at(before.Median), h.at(r.X), v.at(r.Median), colour, 2.2)
		}
		c.line(h.at(r.X), v.at(r.P10), h.at(r.X), v.at(r.P90), colour, 1.2)
		c.dot(h.at(r.X), v.at(r.Median), 4.5, colour)
		before = &r
	}
}

// programs returns the names in rows, in their order.
func programs(rows []Row) (names []string) {
	known := map[string]bool{}
	for _, r := range rows {
		if !known[r.Name] {
			known[r.Name] = true
			names = append(names, r.Name)
		}
	}
	return names
}
