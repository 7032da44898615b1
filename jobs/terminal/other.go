//go:build !linux

package terminal

// Modes are known on Linux alone.
type Modes struct{}
