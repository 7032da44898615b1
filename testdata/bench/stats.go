//go:build linux

package main

import (
	"math"
	"slices"
)

// Summary is what is kept of a number of single values.
type Summary struct {
	N      int     `json:"n"`
	Median float64 `json:"median"`
	P10    float64 `json:"p10"`
	P90    float64 `json:"p90"`
	P99    float64 `json:"p99"`
	Max    float64 `json:"max"`
}

func summarise(samples []float64) Summary {
	if len(samples) == 0 {
		return Summary{}
	}
	s := slices.Sorted(slices.Values(samples))
	return Summary{
		N:      len(s),
		Median: quantile(s, 0.5),
		P10:    quantile(s, 0.1),
		P90:    quantile(s, 0.9),
		P99:    quantile(s, 0.99),
		Max:    s[len(s)-1],
	}
}

// quantile interpolates between the two values next to the place q of a sorted list.
func quantile(sorted []float64, q float64) float64 {
	place := q * float64(len(sorted)-1)
	below, part := math.Modf(place)
	i := int(below)
	if i+1 == len(sorted) {
		return sorted[i]
	}
	return sorted[i] + part*(sorted[i+1]-sorted[i])
}
