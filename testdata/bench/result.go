//go:build linux

package main

import "math"

// Report is everything that one run found.
type Report struct {
	Machine Machine  `json:"machine"`
	Peers   []Found  `json:"peers"`
	Missing []string `json:"missing,omitempty"`
	Groups  []*Group `json:"groups"`
}

// Group is figures of one kind, which may be compared.
type Group struct {
	Experiment string   `json:"experiment"`
	Title      string   `json:"title"`
	Unit       string   `json:"unit"`
	Base       string   `json:"base,omitempty"`  // the row that ratios are to
	XName      string   `json:"xName,omitempty"` // what Row.X counts, where it varies
	Rows       []Row    `json:"rows"`
	Goals      []Goal   `json:"goals,omitempty"`
	Notes      []string `json:"notes,omitempty"`

	noChart bool
	logX    bool
}

// Row is what was found of one program.
type Row struct {
	Name string  `json:"name"`
	X    float64 `json:"x"`
	Summary
	Ratio float64 `json:"ratio,omitempty"`
}

// Goal is a figure with a limit.
type Goal struct {
	Text    string  `json:"text"`
	Value   float64 `json:"value"`
	Limit   float64 `json:"limit"`
	AtLeast bool    `json:"atLeast,omitempty"`
}

// Met reports whether the goal was reached.
func (g Goal) Met() bool {
	if g.AtLeast {
		return g.Value >= g.Limit
	}
	return g.Value <= g.Limit
}

// add summarises samples in a new row; none where there are none.
func (g *Group) add(name string, x float64, samples []float64) {
	if len(samples) > 0 {
		g.Rows = append(g.Rows, Row{Name: name, X: x, Summary: summarise(samples)})
	}
}

func (g *Group) row(name string, x float64) (Row, bool) {
	for _, r := range g.Rows {
		if r.Name == name && r.X == x {
			return r, true
		}
	}
	return Row{}, false
}

// ratio returns the median of one row over that of another, NaN where one is missing.
func (g *Group) ratio(name, base string, x float64) float64 {
	a, ok := g.row(name, x)
	b, also := g.row(base, x)
	if !ok || !also || b.Median == 0 {
		return math.NaN()
	}
	return a.Median / b.Median
}

// compare fills in the ratios to the base.
func (g *Group) compare() {
	for i, r := range g.Rows {
		if ratio := g.ratio(r.Name, g.Base, r.X); !math.IsNaN(ratio) {
			g.Rows[i].Ratio = ratio
		}
	}
}

// want notes a goal.
func (g *Group) want(text string, value, limit float64) {
	g.aim(Goal{Text: text, Value: value, Limit: limit})
}

// wantAtLeast is want for what should be large.
func (g *Group) wantAtLeast(text string, value, limit float64) {
	g.aim(Goal{Text: text, Value: value, Limit: limit, AtLeast: true})
}

func (g *Group) aim(goal Goal) {
	if math.IsNaN(goal.Value) {
		g.Notes = append(g.Notes, "NOT MEASURED, though there is a goal: "+goal.Text)
		return
	}
	g.Goals = append(g.Goals, goal)
}
