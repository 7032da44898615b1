package proc

import (
	"bytes"
	"strconv"
	"unsafe"

	"golang.org/x/sys/unix"
)

// Pipe is one end of a pipe, a FIFO or a pair of sockets that a process has open. Where it has
// both, there is one Pipe for each descriptor.
type Pipe struct {
	FD            int32
	Dev, Ino      uint64
	Reads, Writes bool
	// Ended says that nobody has it open for writing. That is known of a pipe, and of a socket; of
	// a FIFO it never is: see NoEnd.
	Ended bool
	// NoEnd says that it is a FIFO. The kernel tells only those of its end that had it open before.
	NoEnd bool
	// Unread is how many bytes can be read at once. It is known of a pipe or FIFO.
	Unread int
}

// Pipes appends the pipes, FIFOs and sockets that a process has open with its lowest descriptors,
// at most max of those.
//
// ask says which of them are to be asked for their end; with a nil ask none is. A pipe is asked by
// opening it once more for reading, for a moment: nothing is read, and nobody notices. A socket is
// asked by way of pidfd_getfd(2) (Linux 5.6). With ask, only those sockets are appended that have
// ended, and that are one of an unnamed pair (socketpair(2)).
func (fs *FS) Pipes(dst []Pipe, pid int32, max int, ask func(dev, ino uint64) bool) []Pipe {
	fs.begin(pid, "/fd")
	fs.tids = fs.firstNumbers(fs.tids[:0], max)
	fs.Looked += len(fs.tids)
	for _, fd := range fs.tids {
		dst = fs.Pipe(dst, pid, fd, ask)
	}
	return dst
}

// Pipe is Pipes for one descriptor.
func (fs *FS) Pipe(dst []Pipe, pid, fd int32, ask func(dev, ino uint64) bool) []Pipe {
	fs.begin(pid, "/fd/")
	fs.path = strconv.AppendInt(fs.path, int64(fd), 10)
	fs.path = append(fs.path, 0)
	if p, ok := fs.pipe(pid, fd, ask); ok {
		dst = append(dst, p)
	}
	return dst
}

// pipe looks at the link fs.path, which is that of a descriptor of pid.
func (fs *FS) pipe(pid, fd int32, ask func(dev, ino uint64) bool) (p Pipe, ok bool) {
	link := fs.link()
	if ino, socket := inode(link, "socket:["); socket {
		p = Pipe{FD: fd, Ino: ino, Reads: true}
		if ask == nil {
			p.Writes = true
			return p, true
		}
		p.Ended = ask(0, ino) && endedPair(pid, fd)
		return p, p.Ended
	}
	p.FD = fd
	ino, anonymous := inode(link, "pipe:[")
	switch {
	case anonymous:
		p.Ino = ino
	case len(link) == 0 || link[0] != '/' || device(link) || !fs.fifo(&p):
		return Pipe{}, false
	}
	mode := fs.linkMode()
	p.Reads, p.Writes = mode&0o400 != 0, mode&0o200 != 0
	if p.Reads && ask != nil && ask(p.Dev, p.Ino) {
		fs.askEnd(&p)
	}
	return p, true
}

// link reads the link fs.path.
func (fs *FS) link() []byte {
	n, _, errno := unix.RawSyscall6(unix.SYS_READLINKAT, uintptr(fs.root), uintptr(unsafe.Pointer(&fs.path[0])),
		uintptr(unsafe.Pointer(&fs.buf[0])), uintptr(len(fs.buf)), 0, 0)
	if errno != 0 {
		return nil
	}
	return fs.buf[:n]
}

// inode reads "pipe:[4711]" and "socket:[4711]" (proc_pid_fd(5)).
func inode(link []byte, prefix string) (uint64, bool) {
	rest, found := bytes.CutPrefix(link, []byte(prefix))
	if !found {
		return 0, false
	}
	v, n := parseUint(rest)
	return v, n > 0
}

// device reports whether a path is that of a device which most processes have open. Nobody has a
// FIFO there.
func device(link []byte) bool {
	return bytes.Equal(link, []byte("/dev/null")) || bytes.HasPrefix(link, []byte("/dev/pts/")) ||
		bytes.HasPrefix(link, []byte("/dev/tty"))
}

// fifo reports whether what the link fs.path leads to is a FIFO. A file server is not asked
// (AT_STATX_DONT_SYNC, Linux 4.11): it may be dead.
func (fs *FS) fifo(p *Pipe) bool {
	var st unix.Statx_t
	_, _, errno := unix.RawSyscall6(unix.SYS_STATX, uintptr(fs.root), uintptr(unsafe.Pointer(&fs.path[0])),
		unix.AT_STATX_DONT_SYNC, unix.STATX_TYPE|unix.STATX_INO, uintptr(unsafe.Pointer(&st)), 0)
	if errno != 0 || st.Mode&unix.S_IFMT != unix.S_IFIFO {
		return false
	}
	p.Dev, p.Ino, p.NoEnd = unix.Mkdev(st.Dev_major, st.Dev_minor), st.Ino, true
	return true
}

// linkMode is the mode of the link fs.path itself, which says how the descriptor was opened.
func (fs *FS) linkMode() uint16 {
	var st unix.Statx_t
	_, _, errno := unix.RawSyscall6(unix.SYS_STATX, uintptr(fs.root), uintptr(unsafe.Pointer(&fs.path[0])),
		unix.AT_SYMLINK_NOFOLLOW, unix.STATX_MODE, uintptr(unsafe.Pointer(&st)), 0)
	if errno != 0 {
		return 0
	}
	return st.Mode
}

// askEnd opens the pipe that the link fs.path leads to, for reading and without waiting, and asks
// whether it has ended (poll(2), POLLHUP).
func (fs *FS) askEnd(p *Pipe) {
	fd, _, errno := unix.RawSyscall6(unix.SYS_OPENAT, uintptr(fs.root), uintptr(unsafe.Pointer(&fs.path[0])),
		unix.O_RDONLY|unix.O_NONBLOCK|unix.O_CLOEXEC, 0, 0, 0)
	if errno != 0 {
		return
	}
	defer CloseFD(int(fd))
	p.Ended = !p.NoEnd && pollNow(int32(fd), 0)&unix.POLLHUP != 0
	var unread int32
	// FIONREAD (ioctl_tty(2), pipe(7)) is the same number.
	if _, _, errno := unix.RawSyscall(unix.SYS_IOCTL, fd, unix.TIOCINQ, uintptr(unsafe.Pointer(&unread))); errno == 0 {
		p.Unread = int(unread)
	}
}

// endedPair reports whether a descriptor of pid is one of a pair of sockets, and the other has been
// closed.
func endedPair(pid, fd int32) bool {
	pidfd, _, errno := unix.RawSyscall(unix.SYS_PIDFD_OPEN, uintptr(pid), 0, 0)
	if errno != 0 {
		return false
	}
	defer CloseFD(int(pidfd))
	sock, _, errno := unix.RawSyscall(unix.SYS_PIDFD_GETFD, pidfd, uintptr(fd), 0) // it is close-on-exec
	if errno != 0 {
		return false
	}
	defer CloseFD(int(sock))
	if !unnamed(sock, unix.SYS_GETSOCKNAME) || !unnamed(sock, unix.SYS_GETPEERNAME) {
		return false
	}
	return pollNow(int32(sock), unix.POLLRDHUP)&(unix.POLLRDHUP|unix.POLLHUP) != 0
}

// unnamed reports whether one side of a socket is a unix socket without a name (unix(7)).
func unnamed(sock uintptr, call uintptr) bool {
	var addr unix.RawSockaddrUnix
	size := uint32(unsafe.Sizeof(addr))
	_, _, errno := unix.RawSyscall(call, sock, uintptr(unsafe.Pointer(&addr)), uintptr(unsafe.Pointer(&size)))
	return errno == 0 && addr.Family == unix.AF_UNIX && size == uint32(unsafe.Sizeof(addr.Family))
}

// pollNow returns the events of a descriptor, those that are always told among them (ppoll(2)).
func pollNow(fd int32, events int16) int16 {
	fds := unix.PollFd{Fd: fd, Events: events}
	var now unix.Timespec
	_, _, _ = unix.RawSyscall6(unix.SYS_PPOLL, uintptr(unsafe.Pointer(&fds)), 1, uintptr(unsafe.Pointer(&now)), 0, 0, 0)
	return fds.Revents
}
