package lockfile

import (
	"io"
	"os"
	"strings"

	"golang.org/x/sys/unix"
)

// maxLine bounds what is read of a file that anybody may have written.
const maxLine = 512

// holder returns what the holder of the lock has written, and "" where the holder is not who wrote
// it.
func holder(f *os.File) string {
	mark := unix.Flock_t{Type: unix.F_WRLCK, Whence: io.SeekStart, Start: 0, Len: 1}
	if unix.FcntlFlock(f.Fd(), unix.F_OFD_GETLK, &mark) != nil || mark.Type == unix.F_UNLCK {
		return ""
	}
	text := firstBytes(f)
	if !isOurs(text) {
		return ""
	}
	return strings.TrimSuffix(text, "\n")
}

// isOurs reports whether a text is one line of those that Name writes.
func isOurs(text string) bool {
	return strings.HasPrefix(text, signature) && strings.Contains(text, " since ") &&
		strings.Index(text, "\n") == len(text)-1
}

// firstBytes returns what a file begins with, "" for one that is empty; that a directory cannot be
// read counts as another text.
func firstBytes(f *os.File) string {
	buf := make([]byte, maxLine)
	n, err := f.ReadAt(buf, 0)
	if err != nil && err != io.EOF {
		return "?"
	}
	return string(buf[:n])
}
