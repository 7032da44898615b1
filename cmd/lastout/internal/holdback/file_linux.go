package holdback

import (
	"io"
	"os"
	"unsafe"

	"golang.org/x/sys/unix"
)

// write appends what is in memory to the file, which it makes if there is none. What a failure has
// left behind the end is written over.
func (s *store) write() error {
	if s.file == nil {
		f, err := unnamed()
		if err != nil {
			return err
		}
		s.file = f
	}
	if _, err := s.file.Seek(s.end, io.SeekStart); err != nil {
		return err
	}
	for rest := s.mem; len(rest) > 0; {
		n, err := writeNow(s.file, rest)
		if err != nil {
			return err
		}
		rest = rest[n:]
	}
	return nil
}

// writeNow does not leave the Go scheduler, which might need another thread then and, at a pids
// limit, not get one.
func writeNow(f *os.File, b []byte) (int, error) {
	for {
		n, _, errno := unix.RawSyscall(unix.SYS_WRITE, f.Fd(), uintptr(unsafe.Pointer(&b[0])), uintptr(len(b)))
		if errno == 0 {
			return int(n), nil
		}
		if errno != unix.EINTR {
			return 0, errno
		}
	}
}

// punch gives what is before the head back to the disk, and reports whether it could.
func (s *store) punch() bool {
	if s.file == nil || s.head == s.punched {
		return true
	}
	const mode = unix.FALLOC_FL_PUNCH_HOLE | unix.FALLOC_FL_KEEP_SIZE
	err := unix.Fallocate(int(s.file.Fd()), mode, s.punched, s.head-s.punched)
	if err == nil {
		s.punched = s.head
	}
	return err == nil
}

// unnamed makes a file that is gone when we are, even where we are killed. /var/tmp before /tmp,
// which may be in memory.
func unnamed() (f *os.File, err error) {
	dirs := []string{"/var/tmp", "/tmp"}
	if dir := os.Getenv("TMPDIR"); dir != "" {
		dirs = []string{dir}
	}
	for _, dir := range dirs {
		fd, openErr := unix.Open(dir, unix.O_TMPFILE|unix.O_RDWR|unix.O_EXCL|unix.O_CLOEXEC, 0o600)
		if openErr == nil {
			return os.NewFile(uintptr(fd), dir), nil
		}
		if f, err = os.CreateTemp(dir, "lastout-"); err == nil {
			return f, os.Remove(f.Name())
		}
	}
	return nil, err
}
