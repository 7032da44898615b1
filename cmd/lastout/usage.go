package main

import (
	"fmt"
	"time"

	"lastout/cmd/lastout/internal/facts"
)

// usage says what a run has used, the whole tree of it, in two lines. time(1) misses what the
// command has not waited for.
func (m *messages) usage(run *facts.Run) {
	r, u := run.Result, &run.Result.Usage
	wall := run.Wall()
	m.say("%s elapsed, %s user, %s system, %.0f%% of a processor, %s in the largest process",
		seconds(wall), seconds(u.User), seconds(u.System), share(u.User+u.System, wall), size(u.MaxRSS))
	m.say(
		"%d %s, %d major and %d minor page faults, %d blocks read and %d written, %d context switches, %d of them involuntary",
		r.Reaped, plural(r.Reaped, "process", "processes"), u.MajorFaults, u.MinorFaults, u.BlocksIn, u.BlocksOut,
		u.VoluntarySwitches+u.Preemptions, u.Preemptions)
}

func seconds(d time.Duration) string { return fmt.Sprintf("%.2fs", d.Seconds()) }

// share is a part in percent, 0 of nothing.
func share(part, whole time.Duration) float64 {
	if whole <= 0 {
		return 0
	}
	return 100 * float64(part) / float64(whole)
}

// size is a number of bytes for people.
func size(n int64) string {
	if n < 1<<20 {
		return fmt.Sprintf("%.1f KiB", float64(n)/(1<<10))
	}
	if n < 1<<30 {
		return fmt.Sprintf("%.1f MiB", float64(n)/(1<<20))
	}
	return fmt.Sprintf("%.1f GiB", float64(n)/(1<<30))
}

func plural(n int, one, many string) string {
	if n == 1 {
		return one
	}
	return many
}
