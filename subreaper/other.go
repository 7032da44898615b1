//go:build !linux

package subreaper

import (
	"context"
	"errors"
	"os/exec"
	"syscall"
)

// Reaper needs Linux.
type Reaper struct{}

// New needs Linux.
func New(Options) (*Reaper, error) { return nil, errors.ErrUnsupported }

// IsSet needs Linux.
func IsSet() (bool, error) { return false, errors.ErrUnsupported }

// Degraded needs Linux.
func (*Reaper) Degraded() error { return errors.ErrUnsupported }

// Close needs Linux.
func (*Reaper) Close() error { return errors.ErrUnsupported }

// Totals needs Linux.
func (*Reaper) Totals() (int, Usage) { return 0, Usage{} }

// Start needs Linux.
func (*Reaper) Start(func() (int, error), func(Change)) (*Child, error) {
	return nil, errors.ErrUnsupported
}

// StartCommand needs Linux.
func (*Reaper) StartCommand(*exec.Cmd) error { return errors.ErrUnsupported }

// SignalAll needs Linux.
func (*Reaper) SignalAll(...syscall.Signal) []Process { return nil }

// Descendants needs Linux.
func (*Reaper) Descendants() []Process { return nil }

// End needs Linux.
func (*Reaper) End(context.Context, EndOptions) error { return errors.ErrUnsupported }

// Child needs Linux.
type Child struct{ PID int }

// Release needs Linux.
func (*Child) Release() {}

// Close needs Linux.
func (*Child) Close() {}

// Signal needs Linux.
func (*Child) Signal(syscall.Signal) error { return errors.ErrUnsupported }

// Stopping needs Linux.
func (*Child) Stopping() bool { return false }

// SignalGroup needs Linux.
func (*Child) SignalGroup(syscall.Signal) error { return errors.ErrUnsupported }

// Childless needs Linux.
func (*Reaper) Childless() bool { return false }

// First needs Linux.
func (*Reaper) First(int) []Process { return nil }

// Writes needs Linux.
func (*Reaper) Writes(Process, []string) []bool { return nil }

// Hurry needs Linux.
func (*Reaper) Hurry() func() { return func() {} }

// SignalEach needs Linux.
func (*Reaper) SignalEach(func(Process) []syscall.Signal) []Process { return nil }

// Alert needs Linux.
func (*Reaper) Alert() func() { return func() {} }

// Look needs Linux.
func (*Reaper) Look(LookOptions) ([]Activity, bool) { return nil, false }

// OpenPipes needs Linux.
func (*Reaper) OpenPipes([]int) []Pipe { return nil }
