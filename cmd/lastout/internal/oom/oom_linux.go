package oom

import (
	"os"

	"lastout/jobs/cgroup"
)

// Own returns the count of our own memory cgroup, or of the nearest above it that has one; false
// where none can be read.
func Own() (Count, bool) {
	names := []string{"memory.oom_control"}
	place, err := cgroup.Own("memory")
	if err != nil {
		names = []string{"memory.events.local", "memory.events"}
		place, err = cgroup.Own("")
	}
	if err != nil {
		return Count{}, false
	}
	// a directory of version 2 has the files only where its parent hands the controller down
	for _, dir := range place.Up() {
		for _, name := range names {
			if text, err := os.ReadFile(dir + "/" + name); err == nil {
				kills, ok := parse(string(text))
				return Count{kills, dir + "/" + name}, ok
			}
		}
	}
	return Count{}, false
}
