//go:build !linux

package guardian

import "os"

// Started is Unknown everywhere but on Linux.
func Started() Role { return Unknown }

// PID is ours.
func PID() int { return os.Getpid() }

// Group is not known.
func Group() int { return 0 }

// Caller is our parent.
func Caller() int { return os.Getppid() }

// Exit ends the process.
func Exit(status int) { os.Exit(status) }

// Secure is not known.
func Secure() (bool, error) { return false, nil }

// Ready does nothing.
func Ready() {}

// Block does nothing.
func Block() {}
