//go:build !linux

package pdeath

import (
	"context"
	"errors"
	"syscall"
)

// Set needs Linux.
func Set(syscall.Signal, int) error { return errors.ErrUnsupported }

// Clear needs Linux.
func Clear() error { return errors.ErrUnsupported }

// Signal needs Linux.
func Signal() (syscall.Signal, error) { return 0, errors.ErrUnsupported }

// Parent needs Linux.
type Parent struct{}

// OpenParent needs Linux.
func OpenParent(int) (*Parent, error) { return nil, errors.ErrUnsupported }

// OpenParentOf needs Linux.
func OpenParentOf(func() int, int) (*Parent, error) { return nil, errors.ErrUnsupported }

// PID needs Linux.
func (*Parent) PID() int { return 0 }

// Wait needs Linux.
func (*Parent) Wait(context.Context) error { return errors.ErrUnsupported }

// Signal needs Linux.
func (*Parent) Signal(syscall.Signal) error { return errors.ErrUnsupported }

// Close needs Linux.
func (*Parent) Close() error { return errors.ErrUnsupported }

func onMainThread() bool { return false }
