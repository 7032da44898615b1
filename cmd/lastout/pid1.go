package main

import (
	"os"
	"path/filepath"
	"strings"

	"lastout/cmd/lastout/internal/guardian"
)

// shells are programs that wait for the command in front of them, and pass no signal on. busybox is
// one by its other names only.
const shells = " sh dash bash ash ksh mksh zsh busybox "

// behindShell names the shell that is PID 1 in lastout's place, "" where none is. A container is
// stopped by a signal to PID 1. A shell there passes it on to nobody, and the kernel does not let
// it die of it either (pid_namespaces(7)): so lastout will hear of the container's end by SIGKILL,
// with everything else.
func behindShell() string {
	if guardian.Caller() != 1 {
		return ""
	}
	comm, err := os.ReadFile("/proc/1/comm")
	if err != nil {
		return ""
	}
	return shellName(string(comm))
}

func shellName(comm string) string {
	name := filepath.Base(strings.TrimSpace(comm))
	if name == "" || strings.Contains(name, " ") || !strings.Contains(shells, " "+name+" ") {
		return ""
	}
	return name
}

// warnBehindShell is for whoever asks with -v why docker stop takes ten seconds.
func (m *messages) warnBehindShell() {
	if name := behindShell(); name != "" {
		m.say(
			"PID 1 is %s, which passes no signals on: docker stop will not reach lastout; write exec before it, or make lastout PID 1", name)
	}
}
