package main

import (
	"errors"
	"fmt"
	"os"
	"strings"

	"lastout/cmd/lastout/internal/guardian"
	"lastout/jobs"

	"golang.org/x/sys/unix"
)

// environment returns what execve(2) has passed: the Go runtime's view lacks empty entries, and the
// second of a name. Where nothing ran before the runtime, /proc has it.
func environment() []string {
	if exact := guardian.Environment(); exact != nil {
		return exact
	}
	raw, err := os.ReadFile("/proc/self/environ")
	if err != nil || len(raw) == 0 {
		return os.Environ()
	}
	return strings.Split(strings.TrimSuffix(string(raw), "\x00"), "\x00")
}

// degraded says what the caller loses on this machine.
func degraded(m *messages, r *jobs.Runner, keeper string) {
	if err := r.Degraded(); err != nil {
		m.say("%v: descendants are found only when their parents are dead", err)
	}
	if keeper != "off" && os.Getpid() != 1 && (guardian.Started() == guardian.Unknown ||
		guardian.Started() == guardian.Alone) {
		m.say("there is no guardian here: if lastout itself is killed by SIGKILL, what the command started lives on")
	}
}

// abandon ends the tree: the caller has died.
func (e *execution) abandon() {
	e.watch.door().abandon()
	e.runner.Stop()
}

func checkDirectory(dir string) error {
	if dir == "" {
		return nil
	}
	info, err := os.Stat(dir)
	if err == nil && !info.IsDir() {
		err = unix.ENOTDIR
	}
	if err == nil {
		err = unix.Faccessat(unix.AT_FDCWD, dir, unix.X_OK, unix.AT_EACCESS)
	}
	if err != nil {
		var path *os.PathError
		if errors.As(err, &path) {
			err = path.Err
		}
		return fmt.Errorf("cannot run in %s: %w", quoted(dir), err)
	}
	return nil
}
