package main

import (
	"bytes"
	"os"
)

// shellAsInit returns the name of the shell that is PID 1 and our parent, as in a container whose CMD is in shell form and whose line the shell
// did not execute in its own place; "" where it is not so. As PID 1 a shell has no default dispositions, and it passes no signals on.
func shellAsInit(parent int) string {
	if parent != 1 {
		return ""
	}
	comm, err := os.ReadFile("/proc/1/comm")
	if err != nil {
		return ""
	}
	switch name := string(bytes.TrimSuffix(comm, []byte("\n"))); name {
	case "sh", "bash", "dash", "ash", "busybox", "zsh", "ksh", "mksh":
		return name
	}
	return ""
}
