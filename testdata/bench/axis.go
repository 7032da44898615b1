//go:build linux

package main

import (
	"math"
	"strconv"
)

// axis maps values to a line of pixels.
type axis struct {
	from, to float64 // pixels
	min, max float64 // values
	log      bool
	ticks    []float64
}

// logWorthy is the ratio of the largest value to the smallest from which on a linear axis shows
// only the large ones.
const logWorthy = 25

// newAxis makes an axis for values of at least min and at most max, linear from zero unless they
// are far apart and positive.
func newAxis(from, to, min, max float64, log bool) axis {
	if max <= 0 {
		max = 1
	}
	if log && min > 0 && min <= max {
		a := axis{from: from, to: to, log: true, min: decade(min, math.Floor), max: decade(max, math.Ceil)}
		if a.min == a.max {
			a.max *= 10
		}
		for t := a.min; t <= a.max*1.001; t *= 10 {
			a.ticks = append(a.ticks, round(t))
		}
		return a
	}
	step := niceStep(max / 5)
	a := axis{from: from, to: to, max: math.Ceil(max/step) * step}
	for i := 0.0; i*step <= a.max+step/2; i++ {
		a.ticks = append(a.ticks, round(i*step))
	}
	return a
}

// decade returns a power of ten beside v.
func decade(v float64, round func(float64) float64) float64 {
	return math.Pow(10, round(math.Log10(v)))
}

// niceStep returns 1, 2 or 5 times a power of ten, at least v.
func niceStep(v float64) float64 {
	unit := decade(v, math.Floor)
	for _, n := range []float64{1, 2, 5} {
		if n*unit >= v*0.999 {
			return n * unit
		}
	}
	return 10 * unit
}

// round takes away what binary fractions have added.
func round(v float64) float64 {
	r, _ := strconv.ParseFloat(strconv.FormatFloat(v, 'g', 6, 64), 64)
	return r
}

// at returns the pixel of a value; what is off the axis is put at its end.
func (a axis) at(v float64) float64 {
	part := (v - a.min) / (a.max - a.min)
	if a.log {
		part = (math.Log(math.Max(v, a.min)) - math.Log(a.min)) / (math.Log(a.max) - math.Log(a.min))
	}
	return a.from + (a.to-a.from)*math.Min(1, math.Max(0, part))
}

// tick is the label of a round value.
func tick(v float64) string { return strconv.FormatFloat(v, 'f', -1, 64) }
