//go:build linux && !amd64 && !arm64

package siginfo

import (
	"encoding/binary"
	"errors"
	"os"
	"os/signal"
	"sync"
	"syscall"

	"golang.org/x/sys/unix"
)

// Sender says that Info.PID is known.
const Sender = false

var (
	handlerFD int
	received  = make(chan os.Signal, 256)
	start     sync.Once
)

func setHandlerFD(fd int) { handlerFD = fd }

// Ask has a signal received from now on, in place of whatever was done with it before.
func (r *Receiver) Ask(sig syscall.Signal) error {
	start.Do(func() { go write() })
	signal.Notify(received, sig)
	return nil
}

// Swallow has a signal caught and forgotten.
func Swallow(sig syscall.Signal) error {
	signal.Notify(make(chan os.Signal, 1), sig)
	return nil
}

// Default undoes what the Go runtime does with a signal of its own accord; it is not done here.
func Default(syscall.Signal) error { return nil }

// Ignoring needs one of the architectures that have a handler of ours: os/signal cannot put back what it finds.
func Ignoring(syscall.Signal, func() error) error { return errors.ErrUnsupported }

// Ignored reports whether a signal is ignored.
func Ignored(sig syscall.Signal) bool { return signal.Ignored(sig) }

// write does what the handler does elsewhere. The code is one that names no sender.
func write() {
	for s := range received {
		var record [recordSize]byte
		binary.NativeEndian.PutUint32(record[0:], uint32(s.(syscall.Signal)))
		binary.NativeEndian.PutUint32(record[8:], 0x80) // SI_KERNEL
		_, _ = unix.Write(handlerFD, record[:])
	}
}
