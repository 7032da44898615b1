// Package backoff says how long to wait before another attempt.
package backoff

import (
	"math/rand/v2"
	"time"
)

// Max is the longest wait, but for its jitter, unless the first one is longer already.
const Max = 5 * time.Minute

// Delay returns how long to wait after attempt n, from 1 on: first after the first one, twice as
// long after each other, [Max] at most. Up to half of it is added at random, so that those who
// failed together do not try again together.
func Delay(first time.Duration, n int) time.Duration {
	d := first
	for ; n > 1 && d < Max; n-- {
		d *= 2
	}
	d = min(d, max(first, Max))
	return d + Random(d/2)
}

// Random returns a duration from 0 up to, and not including, limit; 0 where that is not more than 0.
func Random(limit time.Duration) time.Duration {
	if limit <= 0 {
		return 0
	}
	return rand.N(limit)
}
