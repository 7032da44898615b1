// Package oom tells whether the kernel's out-of-memory killer has been at work in our cgroup.
//
// Its victims die of SIGKILL, and nothing in a wait status says who has sent that. But since Linux
// 4.13 the kernel counts them for each memory cgroup: oom_kill in memory.events.local of version 2
// (Linux 5.2; in memory.events, cgroups below are counted, too), and in memory.oom_control of
// version 1.
//
// The count begins when the cgroup is made. In a container that is the container's start, so that
// for its PID 1 a count other than 0 is as good as an answer. In a session that has lasted for
// days, an older victim may be meant. A count from before the command was started would tell; but
// to read it would cost every run something, for the few that need it.
package oom

import (
	"fmt"
	"strconv"
	"strings"
)

// Count is how many processes the out-of-memory killer has ended in a cgroup.
type Count struct {
	Kills uint64
	File  string // that tells it
}

// String returns what a person would say.
func (c Count) String() string {
	times := fmt.Sprintf("%d times", c.Kills)
	if c.Kills == 1 {
		times = "once"
	}
	return fmt.Sprintf("the out-of-memory killer has struck %s in its cgroup (oom_kill in %s)", times, c.File)
}

// parse reads oom_kill from the text of one of those files; false where it is missing.
func parse(text string) (kills uint64, ok bool) {
	for line := range strings.Lines(text) {
		if value, found := strings.CutPrefix(line, "oom_kill "); found {
			kills, err := strconv.ParseUint(strings.TrimSpace(value), 10, 64)
			return kills, err == nil
		}
	}
	return 0, false
}
