package main

import (
	"os"
	"syscall"

	"lastout/cmd/lastout/internal/oom"
	"lastout/jobs"
)

// outOfMemory says that the out-of-memory killer has ended the command, as far as can be known: for
// PID 1 of a container, and with -v, since elsewhere an older victim may be meant. Where the victim
// is the child of a shell, that makes an exit status of it. Nothing is looked up where nobody was
// killed, or where lastout has done it.
func (m *messages) outOfMemory(o *options, name string, r *jobs.Result) {
	killed := r.Status.Signaled() && r.Status.Signal() == syscall.SIGKILL || r.Status.ExitStatus() == statusTimeKilled
	if !killed || r.Killed || os.Getpid() != 1 && o.verbose == 0 {
		return
	}
	if count, ok := oom.Own(); ok && count.Kills > 0 {
		m.say("%s was killed; %v", shorten(name, maxCommand), count)
	}
}
