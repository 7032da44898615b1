//go:build unix

package outfile

import (
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"golang.org/x/sys/unix"
)

// checked is Check, which must succeed.
func checked(t *testing.T, name string) *File {
	t.Helper()
	f, err := Check(name)
	if err != nil {
		t.Fatal(err)
	}
	return f
}

func contents(t *testing.T, path string) string {
	t.Helper()
	data, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	return string(data)
}

// alone asserts that nothing else is in the directory of a file: no temporary one is left.
func alone(t *testing.T, path string) {
	t.Helper()
	entries, err := os.ReadDir(filepath.Dir(path))
	if err != nil {
		t.Fatal(err)
	}
	for _, e := range entries {
		if e.Name() != filepath.Base(path) {
			t.Errorf("%s is left beside %s", e.Name(), filepath.Base(path))
		}
	}
}

func TestReplace(t *testing.T) {
	path := filepath.Join(t.TempDir(), "out")
	f := checked(t, path)
	alone(t, path)
	if _, err := os.Stat(path); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("Check has made the file: %v", err)
	}
	for _, text := range []string{"first, and longer", "second", ""} {
		reader, _ := os.Open(path) // of the old contents, from the second round on
		before := ""
		if reader != nil {
			before = contents(t, path)
		}
		if err := f.Write([]byte(text)); err != nil {
			t.Fatal(err)
		}
		if got := contents(t, path); got != text {
			t.Errorf("%q was written, %q is there", text, got)
		}
		if reader != nil {
			if old, err := io.ReadAll(reader); err != nil || string(old) != before {
				t.Errorf("who reads the old contents gets %q, %v", old, err)
			}
			reader.Close()
		}
		alone(t, path)
	}
}

func TestMode(t *testing.T) {
	old := unix.Umask(0o027)
	defer unix.Umask(old)
	path := filepath.Join(t.TempDir(), "out")
	f := checked(t, path)
	for mode, want := range map[os.FileMode]os.FileMode{0: 0o640, 0o644: 0o644, 0o600: 0o600} {
		f.Mode = mode
		if err := f.Write(nil); err != nil {
			t.Fatal(err)
		}
		info, err := os.Stat(path)
		if err != nil || info.Mode() != want {
			t.Errorf("with Mode %o and umask 027 it has %v, %v; want %v", mode, info.Mode(), err, want)
		}
	}
}

// A symbolic link stays, and what it leads to is replaced, there or not.
func TestLinks(t *testing.T) {
	dir := t.TempDir()
	if err := errors.Join(os.MkdirAll(dir+"/real/sub", 0o755), os.Symlink("real/sub", dir+"/way"),
		os.Symlink("../file", dir+"/real/sub/up"), os.Symlink("file", dir+"/real/first")); err != nil {
		t.Fatal(err)
	}
	for _, link := range []string{dir + "/real/first", dir + "/way/up"} { // "..", below way, is real
		if err := checked(t, link).Write([]byte(link)); err != nil {
			t.Fatal(err)
		}
		if got := contents(t, dir+"/real/file"); got != link {
			t.Errorf("by way of %s: %q", link, got)
		}
		if info, err := os.Lstat(link); err != nil || info.Mode()&os.ModeSymlink == 0 {
			t.Errorf("%s is no link any more: %v", link, err)
		}
	}
	if err := os.Symlink("loop", dir+"/loop"); err != nil {
		t.Fatal(err)
	}
	if _, err := Check(dir + "/loop"); !errors.Is(err, unix.ELOOP) {
		t.Errorf("a circle of links: %v", err)
	}
}

func TestRefused(t *testing.T) {
	dir := t.TempDir()
	file := filepath.Join(dir, "file")
	if err := os.WriteFile(file, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	for name, want := range map[string]string{
		"":                                   "want the name of a file",
		dir:                                  "is a directory",
		dir + "/":                            "is a directory",
		dir + "/nowhere/out":                 "no such file or directory",
		dir + "/nowhere/":                    "no such file or directory",
		file + "/out":                        "not a directory",
		".":                                  "is a directory",
		"..":                                 "is a directory",
		"fd:":                                "want a number",
		"fd:x":                               "want a number",
		"fd:-1":                              "want a number",
		"fd:99999999999":                     "want a number",
		"fd:0":                               "is standard input",
		"fd:987":                             "no such descriptor was passed",
		"/dev/fd/987":                        "no such descriptor was passed",
		dir + "/" + strings.Repeat("x", 300): "file name too long",
	} {
		_, err := Check(name)
		if err == nil || !strings.HasSuffix(err.Error(), want) && !strings.HasPrefix(err.Error(), want) || !strings.HasPrefix(err.Error(), name) {
			t.Errorf("%q: %v, want %q", name, err, want)
		}
	}
}

// pipe returns both ends, without close-on-exec, as if somebody had passed them.
func pipe(t *testing.T) (r, w int) {
	t.Helper()
	var fds [2]int
	if err := unix.Pipe(fds[:]); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { unix.Close(fds[0]); unix.Close(fds[1]) })
	return fds[0], fds[1]
}

func TestDescriptor(t *testing.T) {
	r, w := pipe(t)
	if _, err := Check(fmt.Sprintf("fd:%d", r)); err == nil || !strings.Contains(err.Error(), "not open for writing") {
		t.Errorf("the end to read from: %v", err)
	}
	f := checked(t, fmt.Sprintf("/dev/fd/%d", w))
	if flags, err := unix.FcntlInt(uintptr(w), unix.F_GETFD, 0); err != nil || flags&unix.FD_CLOEXEC == 0 || !f.Passed() {
		t.Errorf("a command would inherit it: flags %x, %v", flags, err)
	}
	if err := f.Write([]byte("text")); err != nil {
		t.Fatal(err)
	}
	buf := make([]byte, 10)
	if n, err := unix.Read(r, buf); err != nil || string(buf[:n]) != "text" {
		t.Errorf("%q, %v", buf[:max(n, 0)], err)
	}
	if _, err := Check(fmt.Sprintf("fd:%d", w)); err == nil { // now that it is close-on-exec
		t.Error("one of our own passes for the caller's")
	}
	unix.Close(r)
	if err := f.Write([]byte("text")); !errors.Is(err, unix.EPIPE) {
		t.Errorf("nobody reads: %v, want EPIPE", err)
	}
}

func TestFIFO(t *testing.T) {
	path := filepath.Join(t.TempDir(), "fifo")
	if err := unix.Mkfifo(path, 0o600); err != nil {
		t.Fatal(err)
	}
	f := checked(t, path)
	if err := f.Write([]byte("x")); err == nil || !strings.Contains(err.Error(), "nobody reads it") {
		t.Errorf("without a reader: %v", err)
	}
	// More than a pipe holds: it is waited for who reads.
	text := strings.Repeat("0123456789abcdef", 64<<10/4)
	got := make(chan string)
	opened := make(chan error)
	go func() {
		r, err := os.OpenFile(path, os.O_RDWR, 0) // does not wait for a writer
		opened <- err
		buf := make([]byte, len(text))
		n, _ := io.ReadFull(r, buf)
		r.Close()
		got <- string(buf[:n])
	}()
	if err := <-opened; err != nil {
		t.Fatal(err)
	}
	if err := f.Write([]byte(text)); err != nil {
		t.Error(err)
	}
	if read := <-got; read != text {
		t.Errorf("%d bytes of %d came through", len(read), len(text))
	}
}

// A directory that has vanished since Check: the error names the file as it was given.
func TestVanished(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "dir")
	if err := os.Mkdir(dir, 0o700); err != nil {
		t.Fatal(err)
	}
	f := checked(t, dir+"/out")
	if err := os.Remove(dir); err != nil {
		t.Fatal(err)
	}
	if err := f.Write(nil); !errors.Is(err, os.ErrNotExist) || err.Error() != dir+"/out: no such file or directory" {
		t.Errorf("%v", err)
	}
}

// One that was killed has left its temporary file, and another has its process id now.
func TestLeftTemporary(t *testing.T) {
	path := filepath.Join(t.TempDir(), "out")
	f := checked(t, path)
	stale, err := f.create()
	if err != nil {
		t.Fatal(err)
	}
	stale.Close()
	if err := f.Write([]byte("new")); err != nil || contents(t, path) != "new" {
		t.Errorf("%v", err)
	}
	if _, err := os.Stat(stale.Name()); err != nil {
		t.Errorf("what may be another's is gone: %v", err)
	}
}
