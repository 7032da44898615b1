//go:build linux && !amd64 && !arm64

package spawn

import "syscall"

// GoOn does nothing: package syscall does not tell which child it starts.
func GoOn(syscall.Signal) bool { return false }

// Start starts a program and returns its process id. The error is an errno.
func Start(a *Attr) (pid int, err error) { return a.forkExec() }
