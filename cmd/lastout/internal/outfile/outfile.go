//go:build unix

package outfile

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strconv"

	"golang.org/x/sys/unix"
)

// File is where something will be written. Its methods are for one goroutine.
type File struct {
	// Mode is the mode of a regular file, whatever the umask (umask(2)) says; 0 means 0644 less the umask.
	Mode fs.FileMode

	name   string // as the user has it
	path   string // where that leads to
	fd     int    // a descriptor that the caller has passed; -1: none
	direct bool   // no regular file: written to as it is
}

// Check finds out whether name can be written to, without changing it. In the directory of a regular file it makes and
// removes a temporary one, so that whatever speaks against that is known: permissions, a read-only file system, no
// space for a directory entry. A descriptor that is passed as fd:N becomes close-on-exec, unless it is 1 or 2: no program that is
// executed from then on has it.
func Check(name string) (*File, error) {
	f := &File{name: name, fd: -1}
	var err error
	if fd, ok := numberOf(name); ok {
		f.fd = fd
		err = checkDescriptor(fd)
	} else {
		err = f.checkPath()
	}
	if err != nil {
		return nil, f.failed(err)
	}
	return f, nil
}

// Name returns the name that Check was given.
func (f *File) Name() string { return f.name }

// Passed reports whether it is a descriptor beyond standard error that the caller has passed: one that the job is not to have.
func (f *File) Passed() bool { return f.fd > 2 }

func (f *File) checkPath() error {
	if f.name == "" {
		return errors.New("want the name of a file, or fd:N")
	}
	var err error
	if f.path, err = resolve(f.name); err != nil {
		return err
	}
	info, err := os.Stat(f.path)
	switch {
	case err == nil && info.IsDir(), filepath.Base(f.path) == ".", filepath.Base(f.path) == "..":
		return unix.EISDIR
	case err == nil && info.Mode()&fs.ModeSocket != 0:
		return errors.New("is a socket")
	case err == nil && !info.Mode().IsRegular():
		f.direct = true
		return unix.Faccessat(unix.AT_FDCWD, f.path, unix.W_OK, unix.AT_EACCESS)
	case err != nil && !errors.Is(err, fs.ErrNotExist):
		return err
	}
	return f.probe()
}

// probe makes a temporary file and removes it.
func (f *File) probe() error {
	tmp, err := f.create()
	if err != nil {
		return err
	}
	return errors.Join(tmp.Close(), os.Remove(tmp.Name()))
}

// maxLinks is how many symbolic links are followed, as path_resolution(7) has it.
const maxLinks = 40

// resolve follows the symbolic links that the last component of a path is: those stay, and what they lead to is replaced.
func resolve(path string) (string, error) {
	for range maxLinks {
		target, err := os.Readlink(path)
		if err != nil { // it is none, or is not there
			return path, nil
		}
		if !filepath.IsAbs(target) {
			target = filepath.Dir(path) + "/" + target // not cleaned: ".." after a link to a directory is not that one's parent
		}
		path = target
	}
	return "", unix.ELOOP
}

// create makes a temporary file beside the one that it is to replace: rename(2) does not leave a file system. Its name begins
// with a dot and does not end as that one's, so that who looks for such files does not find it.
func (f *File) create() (*os.File, error) {
	perm := f.Mode
	if perm == 0 {
		perm = 0o644
	}
	dir, base := filepath.Split(f.path)
	if len(base) > 200 { // NAME_MAX is 255
		base = base[:200]
	}
	for n := os.Getpid(); ; n++ { // another may be of one that was killed, and had our process id
		tmp, err := os.OpenFile(dir+"."+base+".tmp"+strconv.Itoa(n), os.O_WRONLY|os.O_CREATE|os.O_EXCL, perm)
		if !errors.Is(err, fs.ErrExist) {
			return tmp, err
		}
	}
}

// Write replaces the file, or writes to what cannot be replaced. Where it fails, a regular file is what it was before.
// A FIFO that nobody reads is an error at once (ENXIO); one whose reader does not read is waited for.
func (f *File) Write(data []byte) (err error) {
	switch {
	case f.fd >= 0:
		err = writeAll(f.fd, data)
	case f.direct:
		err = f.writeDirectly(data)
	default:
		err = f.replace(data)
	}
	if err != nil {
		return f.failed(err)
	}
	return nil
}

func (f *File) replace(data []byte) error {
	tmp, err := f.create()
	if err != nil {
		return err
	}
	_, err = tmp.Write(data)
	if err == nil && f.Mode != 0 {
		err = tmp.Chmod(f.Mode)
	}
	if closeErr := tmp.Close(); err == nil {
		err = closeErr // file servers may tell of a full disk only here (close(2))
	}
	if err == nil {
		err = os.Rename(tmp.Name(), f.path)
	}
	if err != nil {
		_ = os.Remove(tmp.Name()) // the first error is the one to tell
	}
	return err
}

// failed names the file as the user has it, and the system's reason without the path that it was found with.
func (f *File) failed(err error) error {
	var path *fs.PathError
	var link *os.LinkError
	switch {
	case errors.As(err, &path):
		err = path.Err
	case errors.As(err, &link):
		err = link.Err
	}
	if f.name == "" {
		return err
	}
	return fmt.Errorf("%s: %w", f.name, err)
}
