package safepath

import (
	"errors"
	"fmt"
	"io/fs"
	"path/filepath"
	"strings"

	"golang.org/x/sys/unix"
)

// ErrLink says that the name is a symbolic link.
var ErrLink = errors.New("is a symbolic link, which is not followed; name what it leads to")

// ErrForeign says that somebody else has put a file where everybody may.
var ErrForeign = errors.New("belongs to somebody else, in a directory where everybody may write")

// Path is a name in a directory. Its methods may be called by several goroutines, but for Close and
// Replace.
type Path struct {
	Sole bool // what Open opens must have no second name, even to read it

	path string // as the user has it
	base string
	dir  int
	of   unix.Stat_t  // the directory
	had  *fs.FileMode // the permissions of a file of ours that was there when it was last looked at
}

// Find holds the directory of a path. The name may be missing there. The error has no path in it.
func Find(path string) (*Path, error) {
	p := &Path{path: path}
	var err error
	if p.dir, p.base, err = walk(path); err != nil {
		return nil, err
	}
	if err := unix.Fstat(p.dir, &p.of); err != nil {
		unix.Close(p.dir)
		return nil, err
	}
	return p, nil
}

// Close lets go of the directory.
func (p *Path) Close() { unix.Close(p.dir) }

// Kind is what a name stands for.
type Kind int

// Kinds. Other is a FIFO or a device.
const (
	Missing Kind = iota
	Regular
	Directory
	Other
)

// Look returns what the name stands for now. It fails for what is never opened.
func (p *Path) Look() (Kind, error) {
	st, err := p.stat()
	if err == unix.ENOENT {
		return Missing, nil
	}
	if err != nil {
		return Missing, err
	}
	return kindOf(&st), p.allow(&st, unix.O_RDONLY)
}

func (p *Path) stat() (st unix.Stat_t, err error) {
	err = unix.Fstatat(p.dir, p.base, &st, unix.AT_SYMLINK_NOFOLLOW)
	return st, err
}

func kindOf(st *unix.Stat_t) Kind {
	switch st.Mode & unix.S_IFMT {
	case unix.S_IFREG:
		return Regular
	case unix.S_IFDIR:
		return Directory
	}
	return Other
}

// allow fails for what is not to be opened with these flags.
func (p *Path) allow(st *unix.Stat_t, flags int) error {
	switch st.Mode & unix.S_IFMT {
	case unix.S_IFLNK:
		return ErrLink
	case unix.S_IFSOCK:
		return errors.New("is a socket")
	case unix.S_IFDIR:
		return nil
	case unix.S_IFREG:
		if flags&unix.O_ACCMODE == unix.O_RDONLY {
			return nil
		}
	}
	if p.sticky() && !ours(st.Uid) && st.Uid != p.of.Uid {
		return ErrForeign
	}
	return nil
}

// sticky reports whether others may write in the directory, but not remove what is not theirs.
func (p *Path) sticky() bool {
	return p.of.Mode&unix.S_ISVTX != 0 && p.of.Mode&0o022 != 0
}

// shared reports whether others than root and us may make names in a directory. Group permissions
// include those of an access control list (acl(5)).
func shared(dir *unix.Stat_t) bool {
	return dir.Mode&0o022 != 0 || dir.Uid != 0 && !ours(dir.Uid)
}

func ours(uid uint32) bool { return int(uid) == unix.Geteuid() }

// Open opens what the name stands for, or makes it, where flags have O_CREAT. It does not wait for
// the other end of a FIFO: see O_NONBLOCK in open(2). A regular file that is opened for writing must
// not have a second name where others may have given it one: that may be any file's. With Sole that
// holds for reading, too.
func (p *Path) Open(flags int, perm fs.FileMode) (fd int, err error) {
	const always = unix.O_NOFOLLOW | unix.O_NONBLOCK | unix.O_NOCTTY | unix.O_CLOEXEC
	create := flags&unix.O_CREAT != 0
	flags &^= unix.O_CREAT
	for range 100 { // it may be made and removed by somebody else all the time
		st, err := p.stat()
		if err == unix.ENOENT && create {
			fd, err = unix.Openat(p.dir, p.base, flags|always|unix.O_CREAT|unix.O_EXCL, uint32(perm))
			if err == unix.EEXIST {
				continue
			}
			return fd, err
		}
		if err == nil {
			err = p.allow(&st, flags)
		}
		if err != nil {
			return -1, err
		}
		fd, err := p.openKnown(flags|always, &st)
		if err != errChanged {
			return fd, err
		}
	}
	return -1, unix.EAGAIN
}

// Is reports whether the name stands for an open file.
func (p *Path) Is(fd int) (bool, error) {
	var open unix.Stat_t
	if err := unix.Fstat(fd, &open); err != nil {
		return false, err
	}
	st, err := p.stat()
	return err == nil && st.Dev == open.Dev && st.Ino == open.Ino, err
}

// Writable fails where what the name stands for may not be written to.
func (p *Path) Writable() error {
	return unix.Faccessat(p.dir, p.base, unix.W_OK, unix.AT_EACCESS|unix.AT_SYMLINK_NOFOLLOW)
}

var errChanged = errors.New("it has changed meanwhile")

// openKnown opens a file that was looked at. Another may have taken its name since.
func (p *Path) openKnown(flags int, known *unix.Stat_t) (int, error) {
	fd, err := unix.Openat(p.dir, p.base, flags, 0)
	if err == unix.ENOENT || err == unix.ELOOP {
		return -1, errChanged
	}
	if err != nil {
		return -1, err
	}
	var st unix.Stat_t
	switch err = unix.Fstat(fd, &st); {
	case err != nil:
	case st.Dev != known.Dev || st.Ino != known.Ino:
		err = errChanged
	case p.Sole || flags&unix.O_ACCMODE != unix.O_RDONLY:
		err = p.onlyName(&st)
	}
	if err != nil {
		unix.Close(fd)
		return -1, err
	}
	return fd, nil
}

// onlyName fails for an open file that may have another name than this one, which others have given
// it. It asks at once what the name stands for, and how many names that has: somebody may take the
// name away and give it back at any moment.
func (p *Path) onlyName(open *unix.Stat_t) error {
	if kindOf(open) != Regular || !shared(&p.of) {
		return nil
	}
	st, err := p.stat()
	switch {
	case err == unix.ENOENT:
		return errChanged
	case err != nil:
		return err
	case st.Dev != open.Dev || st.Ino != open.Ino:
		return errChanged
	case st.Nlink > 1:
		return errSecondName
	}
	return nil
}

var errSecondName = errors.New("has a second name (a hard link), in a directory where others may write")

// walk opens the directory of a path, and returns the name that is left.
func walk(path string) (dir int, base string, err error) {
	w := walker{dir: unix.AT_FDCWD, owner: anybody}
	defer func() {
		if err != nil {
			w.close()
		}
	}()
	parent, base := filepath.Split(path)
	if base == "" || base == "." || base == ".." {
		// A directory, or one that is missing.
		parent, base = path, "."
	}
	if err := w.enter(start(parent)); err != nil {
		return -1, "", err
	}
	if err := w.follow(parent); err != nil {
		return -1, "", err
	}
	return w.dir, base, nil
}

func start(path string) string {
	if strings.HasPrefix(path, "/") {
		return "/"
	}
	return "."
}

// walker goes from one directory to the next.
type walker struct {
	dir   int
	links int
	owner int64 // of the link that has led here, if that may lead to his directories only
}

const (
	anybody  = -1
	maxLinks = 40 // as path_resolution(7) has it
)

func (w *walker) close() {
	if w.dir >= 0 {
		unix.Close(w.dir)
	}
}

// follow goes the way of a path, whose links it follows.
func (w *walker) follow(path string) error {
	for step := range strings.SplitSeq(path, "/") {
		if step == "" || step == "." {
			continue
		}
		err := w.enter(step)
		if err == unix.ENOTDIR || err == unix.ELOOP {
			err = w.link(step)
		}
		if err != nil {
			return err
		}
	}
	return nil
}

// enter goes to a directory. O_DIRECTORY has a file system mounted there that is mounted on demand.
func (w *walker) enter(name string) error {
	fd, err := unix.Openat(w.dir, name, unix.O_PATH|unix.O_DIRECTORY|unix.O_NOFOLLOW|unix.O_CLOEXEC, 0)
	if err != nil {
		return err
	}
	if err := w.mayEnter(fd); err != nil {
		unix.Close(fd)
		return err
	}
	w.close()
	w.dir = fd
	return nil
}

func (w *walker) mayEnter(fd int) error {
	if w.owner == anybody {
		return nil
	}
	var st unix.Stat_t
	if err := unix.Fstat(fd, &st); err != nil {
		return err
	}
	if int64(st.Uid) != w.owner {
		return fmt.Errorf("a symbolic link on the way belongs to user %d, and leads to a directory that does not", w.owner)
	}
	return nil
}

// shared reports whether others may make names in the directory, or that is not known.
func (w *walker) shared() bool {
	var of unix.Stat_t
	return unix.Fstat(w.dir, &of) != nil || shared(&of)
}

// link follows what is no directory, if it is a link. What it leads to is held against its owner at
// the end: on the way there are directories of root's always.
func (w *walker) link(name string) error {
	fd, err := unix.Openat(w.dir, name, unix.O_PATH|unix.O_NOFOLLOW|unix.O_CLOEXEC, 0)
	if err != nil {
		return err
	}
	defer unix.Close(fd)
	var st unix.Stat_t
	if err := unix.Fstat(fd, &st); err != nil {
		return err
	}
	if st.Mode&unix.S_IFMT != unix.S_IFLNK {
		return unix.ENOTDIR
	}
	if st.Nlink > 1 && w.shared() {
		return fmt.Errorf("a symbolic link on the way %w", errSecondName)
	}
	if w.links++; w.links > maxLinks {
		return unix.ELOOP
	}
	target, err := readLink(fd)
	if err != nil {
		return err
	}
	owner := w.owner
	w.owner = anybody
	if strings.HasPrefix(target, "/") {
		if err := w.enter("/"); err != nil {
			return err
		}
	}
	if err := w.follow(target); err != nil {
		return err
	}
	if w.owner == anybody {
		w.owner = owner
	}
	if st.Uid != 0 && !ours(st.Uid) {
		w.owner = int64(st.Uid)
	}
	return w.mayEnter(w.dir)
}

func readLink(fd int) (string, error) {
	buf := make([]byte, unix.PathMax)
	n, err := unix.Readlinkat(fd, "", buf)
	if err != nil {
		return "", err
	}
	return string(buf[:n]), nil
}
