package outfile

import (
	"errors"
	"fmt"
	"io/fs"
	"os"

	"lastout/cmd/lastout/internal/safepath"

	"golang.org/x/sys/unix"
)

// File is where something will be written. Its methods are for one goroutine.
type File struct {
	// Mode is the mode of a regular file where there was none, whatever the umask (umask(2))
	// says; 0 means 0644 less the umask.
	Mode fs.FileMode

	name   string // as the user has it
	path   *safepath.Path
	fd     int  // a descriptor that the caller has passed; -1: none
	direct bool // no regular file: written to as it is
}

// Check finds out whether name can be written to, without changing it. In the directory of a
// regular file it makes and removes a temporary one, and holds that directory from then on. A
// descriptor that is passed as fd:N becomes close-on-exec, unless it is 1 or 2: no program that is
// executed from then on has it.
func Check(name string) (*File, error) {
	f := &File{name: name, fd: -1}
	if err := f.check(); err != nil {
		return nil, f.failed(err)
	}
	return f, nil
}

// Sweep removes the temporary file that a killed process has left beside the file of that name: see
// [safepath.Path.Sweep].
func Sweep(name string, m safepath.Mark) {
	if _, ok := numberOf(name); ok || name == "" {
		return
	}
	if p, err := safepath.Find(name); err == nil {
		p.Sweep(m)
		p.Close()
	}
}

func (f *File) check() (err error) {
	if f.name == "" {
		return errors.New("want the name of a file, or fd:N")
	}
	if fd, ok := numberOf(f.name); ok {
		f.fd = fd
		return checkDescriptor(fd)
	}
	if f.path, err = safepath.Find(f.name); err != nil {
		return err
	}
	if err = f.checkPath(); err != nil {
		f.path.Close()
	}
	return err
}

// Name returns the name that Check was given.
func (f *File) Name() string { return f.name }

// Passed reports whether it is a descriptor beyond standard error that the caller has passed: one
// that the job is not to have.
func (f *File) Passed() bool { return f.fd > 2 }

func (f *File) checkPath() error {
	kind, err := f.path.Look()
	switch {
	case err != nil:
		return err
	case kind == safepath.Directory:
		return unix.EISDIR
	case kind == safepath.Other:
		f.direct = true
		return f.path.Writable()
	}
	return f.path.Probe()
}

// Write replaces the file, or writes to what cannot be replaced. Where it fails, a regular file is
// what it was before. A FIFO that nobody reads is an error at once. One whose reader does not read
// is waited for, until ended is closed.
func (f *File) Write(data []byte, ended <-chan struct{}) (err error) {
	switch {
	case f.fd >= 0:
		err = writeUntil(f.fd, data, ended)
	case f.direct:
		err = f.writeDirectly(data, ended)
	default:
		err = f.path.Replace(data, f.Mode)
	}
	if err != nil {
		return f.failed(err)
	}
	return nil
}

// Open opens what is to be replaced, for reading. It fails where there is no such regular file.
func (f *File) Open() (*os.File, error) {
	if f.path == nil {
		return nil, fs.ErrNotExist
	}
	kind, err := f.path.Look()
	if err == nil && kind != safepath.Regular {
		err = fs.ErrNotExist
	}
	if err != nil {
		return nil, err
	}
	fd, err := f.path.Open(unix.O_RDONLY, 0)
	return os.NewFile(uintptr(fd), f.name), err
}

// failed names the file as the user has it, and the system's reason without the path that it was
// found with.
func (f *File) failed(err error) error {
	if path := (*os.PathError)(nil); errors.As(err, &path) {
		err = path.Err
	}
	if f.name == "" {
		return err
	}
	return fmt.Errorf("%s: %w", f.name, err)
}
