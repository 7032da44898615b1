package backoff

import (
	"math"
	"testing"
	"time"
)

func TestDelay(t *testing.T) {
	for _, c := range []struct {
		first time.Duration
		n     int
		least time.Duration
	}{
		{time.Second, 1, time.Second},
		{time.Second, 2, 2 * time.Second},
		{time.Second, 5, 16 * time.Second},
		{time.Second, 9, 256 * time.Second},
		{time.Second, 10, Max},
		{time.Second, math.MaxInt, Max},
		{time.Hour, 1, time.Hour},
		{time.Hour, 7, time.Hour},
		{0, 3, 0},
		{1, 1, 1},
	} {
		for range 100 {
			if d := Delay(c.first, c.n); d < c.least || d > c.least+c.least/2 {
				t.Errorf("after attempt %d, %v at first: %v, want %v and up to half of it more", c.n, c.first,
					d, c.least)
			}
		}
	}
}

func TestDelayIsSpread(t *testing.T) {
	seen := map[time.Duration]bool{}
	for range 100 {
		seen[Delay(time.Second, 1)] = true
	}
	if len(seen) < 90 {
		t.Errorf("%d different delays of 100", len(seen))
	}
}

func TestRandom(t *testing.T) {
	for range 1000 {
		if d := Random(3); d < 0 || d >= 3 {
			t.Fatalf("%d, want 0 to 2", d)
		}
	}
	if Random(0) != 0 || Random(-1) != 0 {
		t.Error("want 0 where there is no limit")
	}
}
