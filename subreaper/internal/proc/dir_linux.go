package proc

import (
	"bytes"
	"encoding/binary"
	"math"
	"unsafe"

	"golang.org/x/sys/unix"
)

// numbers appends the names that are numbers of the directory fs.path, the mount itself where that
// is empty.
func (fs *FS) numbers(dst []int32) []int32 { return fs.firstNumbers(dst, math.MaxInt) }

// firstNumbers is numbers, but appends at most max.
func (fs *FS) firstNumbers(dst []int32, max int) []int32 {
	have := len(dst)
	if len(fs.path) == 0 {
		fs.path = append(fs.path, '.')
	}
	fd := fs.open()
	fs.path = fs.path[:0]
	if fd < 0 {
		return dst
	}
	defer CloseFD(fd)
	for {
		n, _, errno := unix.RawSyscall(unix.SYS_GETDENTS64, uintptr(fd), uintptr(unsafe.Pointer(&fs.buf[0])),
			uintptr(len(fs.buf)))
		if errno != 0 || n == 0 || int(n) > len(fs.buf) {
			return dst
		}
		dst = parseDirents(dst, fs.buf[:n])
		if len(dst)-have >= max {
			return dst[:have+max]
		}
	}
}

// parseDirents appends the names that are numbers of a block of struct linux_dirent64, see
// getdents(2): inode and offset of eight bytes each, record length of two, type of one, then the
// name.
func parseDirents(dst []int32, b []byte) []int32 {
	const nameAt = 19
	for len(b) > nameAt {
		size := int(binary.NativeEndian.Uint16(b[16:]))
		if size <= nameAt || size > len(b) {
			return dst
		}
		name := b[nameAt:size]
		if end := bytes.IndexByte(name, 0); end >= 0 {
			name = name[:end]
		}
		if v, n := parseUint(name); n == len(name) && n > 0 && name[0] != '-' {
			dst = append(dst, int32(v))
		}
		b = b[size:]
	}
	return dst
}
