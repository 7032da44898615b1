package oom

import (
	"os"

	"lastout/jobs/cgroup"
)

// Own returns the count of our own memory cgroup, or of the nearest above it that has one; false where none can be read.
// It reads three files of /proc and /sys.
func Own() (Count, bool) {
	name := "memory.oom_control"
	place, err := cgroup.Own("memory")
	if err != nil {
		name = "memory.events"
		place, err = cgroup.Own("")
	}
	if err != nil {
		return Count{}, false
	}
	for _, dir := range place.Up() { // without the controller, a directory of version 2 has no such file
		text, err := os.ReadFile(dir + "/" + name)
		if err != nil {
			continue
		}
		kills, ok := parse(string(text))
		return Count{kills, dir + "/" + name}, ok
	}
	return Count{}, false
}
