//go:build !linux

package jobs

import (
	"context"
	"errors"
	"syscall"
)

// KeeperMain does nothing here.
func KeeperMain() {}

// Prepare does nothing here.
func Prepare() {}

// AwaitPrepared does nothing here.
func AwaitPrepared() {}

// InKeeper needs Linux.
func InKeeper() bool { return false }

// Run needs Linux.
func Run(context.Context, Job) (*Result, error) { return nil, errors.ErrUnsupported }

// Runner needs Linux.
type Runner struct{}

// NewRunner needs Linux.
func NewRunner(Options) (*Runner, error) { return nil, errors.ErrUnsupported }

// Childless needs Linux.
func (*Runner) Childless() bool { return true }

// Degraded needs Linux.
func (*Runner) Degraded() error { return errors.ErrUnsupported }

// Run needs Linux.
func (*Runner) Run(context.Context, Job) (*Result, error) { return nil, errors.ErrUnsupported }

// Settle needs Linux.
func (*Runner) Settle(context.Context, Job) (*Result, error) { return nil, errors.ErrUnsupported }

// Signal needs Linux.
func (*Runner) Signal(syscall.Signal) {}

// Sent needs Linux.
func (*Runner) Sent(syscall.Signal) {}

// Shares needs Linux.
func (*Runner) Shares() bool { return false }

// Stop needs Linux.
func (*Runner) Stop() {}

// Kill needs Linux.
func (*Runner) Kill() {}

// Close needs Linux.
func (*Runner) Close() error { return errors.ErrUnsupported }

// LookPath needs Linux.
func LookPath(string, []string, string) (string, error) { return "", errors.ErrUnsupported }
