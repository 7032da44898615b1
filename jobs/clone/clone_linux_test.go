//go:build linux && (amd64 || arm64)

package clone

import (
	"sync"
	"testing"
)

// TestExchange: of all who exchange at once, everyone gets what another one has left.
func TestExchange(t *testing.T) {
	const threads, rounds = 4, 20000
	var value int32
	var sums [threads]int64
	var all sync.WaitGroup
	for i := range threads {
		all.Go(func() {
			for r := range rounds {
				sums[i] += int64(Exchange(&value, int32(i*rounds+r+1)))
			}
		})
	}
	all.Wait()
	got := int64(value)
	for _, s := range sums {
		got += s
	}
	if want := int64(threads*rounds) * (threads*rounds + 1) / 2; got != want {
		t.Errorf("the sum is %d, want %d", got, want)
	}
}
