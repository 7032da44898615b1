package safepath

import (
	"encoding/hex"
	"errors"
	"io/fs"
	"os"

	"golang.org/x/sys/unix"
)

// Probe finds out whether Replace can do its work, by making a temporary file and removing it:
// whatever speaks against that is known then, such as permissions, a read-only file system, or no
// space for a name.
func (p *Path) Probe() error {
	st, err := p.stat()
	if err == nil && p.sticky() && !ours(st.Uid) && !ours(p.of.Uid) && unix.Geteuid() != 0 {
		return ErrForeign // who is not root may not replace it (EPERM, rename(2))
	}
	p.remember(&st, err)
	tmp, name, err := p.temporary(0o600)
	if err != nil {
		return err
	}
	return errors.Join(tmp.Close(), unix.Unlinkat(p.dir, name, 0))
}

// Replace replaces what the name stands for by a regular file, in one step: who reads has the old
// contents or the new. Where it fails, what was there stays. A file of ours that is replaced hands
// down its permissions, and so does one that was there at Probe and has been removed since.
// Otherwise they are mode, whatever the umask (umask(2)) says, or 0644 less the umask where mode is
// 0.
//
// A directory that was removed meanwhile may have been made again. It has to belong to the same
// user.
func (p *Path) Replace(data []byte, mode fs.FileMode) error {
	perm := fs.FileMode(0o644)
	st, err := p.stat()
	p.remember(&st, err)
	if p.had != nil {
		mode, perm = *p.had, *p.had&0o600
	}
	tmp, name, err := p.temporary(perm)
	if err == unix.ENOENT {
		if p.again() != nil {
			return err
		}
		tmp, name, err = p.temporary(perm)
	}
	if err != nil {
		return err
	}
	if mode != 0 {
		err = tmp.Chmod(mode)
	}
	if err == nil {
		_, err = tmp.Write(data)
	}
	if closeErr := tmp.Close(); err == nil {
		err = closeErr // file servers may tell of a full disk only here (close(2))
	}
	if err == nil {
		err = unix.Renameat(p.dir, name, p.dir, p.base)
	}
	if err != nil {
		_ = unix.Unlinkat(p.dir, name, 0) // the first error is the one to tell
	}
	return err
}

// remember takes the permissions of a file of ours, which are to stay.
func (p *Path) remember(st *unix.Stat_t, err error) {
	if err == nil && kindOf(st) == Regular && ours(st.Uid) {
		mode := fs.FileMode(st.Mode & 0o777)
		p.had = &mode
	}
}

// again finds the directory anew.
func (p *Path) again() error {
	q, err := Find(p.path)
	if err != nil {
		return err
	}
	if q.of.Uid != p.of.Uid {
		q.Close()
		return ErrForeign
	}
	p.Close()
	q.had = p.had
	*p = *q
	return nil
}

// Mark is what cannot be guessed in the name of a temporary file. Each such file has another.
type Mark [12]byte

var mark = new(Mark)

// KeepMark has the mark of each temporary file written to m before the file is made. Where m is
// memory that outlives the process, another can remove what this one has left: see Sweep.
func KeepMark(m *Mark) { mark = m }

// Sweep removes the temporary file with that mark, which a process that was killed has left, if it
// has. It is called before this process makes any of its own.
func (p *Path) Sweep(m Mark) { _ = unix.Unlinkat(p.dir, p.temporaryName(&m), 0) }

func (p *Path) temporaryName(m *Mark) string {
	base := p.base
	if len(base) > 200 { // NAME_MAX is 255
		base = base[:200]
	}
	return "." + base + ".tmp" + hex.EncodeToString(m[:])
}

// temporary makes a file beside the one that it is to replace: rename(2) does not leave a file
// system. Its name begins with a dot and does not end as that one's, so that who looks for such
// files does not find it. Nobody can guess it, and be there before.
func (p *Path) temporary(perm fs.FileMode) (*os.File, string, error) {
	for {
		if _, err := unix.Getrandom(mark[:], 0); err != nil {
			return nil, "", err
		}
		name := p.temporaryName(mark)
		const flags = unix.O_WRONLY | unix.O_CREAT | unix.O_EXCL | unix.O_NOFOLLOW | unix.O_CLOEXEC
		fd, err := unix.Openat(p.dir, name, flags, uint32(perm))
		if err == nil {
			return os.NewFile(uintptr(fd), name), name, nil
		}
		if err != unix.EEXIST {
			return nil, "", err
		}
	}
}
