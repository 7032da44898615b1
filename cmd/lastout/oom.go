package main

import (
	"syscall"

	"lastout/cmd/lastout/internal/oom"
	"lastout/jobs"
)

// outOfMemory says that the out-of-memory killer has probably ended the command. Where the victim is the child of a shell, that makes
// an exit status of it. Nothing is looked up where nobody was killed, or where lastout has done it.
func (m *messages) outOfMemory(name string, r *jobs.Result) {
	killed := r.Status.Signaled() && r.Status.Signal() == syscall.SIGKILL || r.Status.ExitStatus() == statusTimeKilled
	if !killed || r.Killed {
		return
	}
	if count, ok := oom.Own(); ok && count.Kills > 0 {
		m.say("%s was killed; %v", shorten(name, maxCommand), count)
	}
}
