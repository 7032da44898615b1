package outfile

import (
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"lastout/cmd/lastout/internal/fdwrite"
	"lastout/cmd/lastout/internal/safepath"

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
		if err := f.Write([]byte(text), nil); err != nil {
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
		if err := errors.Join(os.RemoveAll(path), f.Write(nil, nil)); err != nil {
			t.Fatal(err)
		}
		info, err := os.Stat(path)
		if err != nil || info.Mode() != want {
			t.Errorf("with Mode %o and umask 027 it has %v, %v; want %v", mode, info.Mode(), err, want)
		}
	}
}

// What is replaced hands down its permissions.
func TestModeIsKept(t *testing.T) {
	path := filepath.Join(t.TempDir(), "out")
	f := checked(t, path)
	f.Mode = 0o644
	for _, mode := range []os.FileMode{0o600, 0o664, 0o400} {
		if err := errors.Join(os.RemoveAll(path), os.WriteFile(path, nil, 0o600), os.Chmod(path, mode),
			f.Write(nil, nil)); err != nil {
			t.Fatal(err)
		}
		if info, err := os.Stat(path); err != nil || info.Mode() != mode {
			t.Errorf("it has %v, want %v", info.Mode(), mode)
		}
	}
}

// A symbolic link is not followed: neither what it leads to, nor the link itself, is written to.
// One that appears later is replaced.
func TestLinks(t *testing.T) {
	dir := t.TempDir()
	file, link := filepath.Join(dir, "file"), filepath.Join(dir, "link")
	for _, target := range []string{"file", "missing", "link", "/dev/null", "/dev/stderr"} {
		if err := os.Symlink(target, link); err != nil {
			t.Fatal(err)
		}
		if _, err := Check(link); !errors.Is(err, safepath.ErrLink) {
			t.Errorf("a link to %s: %v", target, err)
		}
		if err := os.Remove(link); err != nil {
			t.Fatal(err)
		}
	}
	f := checked(t, link)
	if err := errors.Join(os.WriteFile(file, []byte("old"), 0o644), os.Symlink("file", link)); err != nil {
		t.Fatal(err)
	}
	if err := f.Write([]byte("new"), nil); err != nil {
		t.Fatal(err)
	}
	if got := contents(t, file); got != "old" {
		t.Errorf("it was followed: %q", got)
	}
	if info, err := os.Lstat(link); err != nil || !info.Mode().IsRegular() || contents(t, link) != "new" {
		t.Errorf("it was not replaced: %v, %v", info, err)
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
		if err == nil || !strings.HasSuffix(err.Error(), want) && !strings.HasPrefix(err.Error(), want) ||
			!strings.HasPrefix(err.Error(), name) {
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
	if flags, err := unix.FcntlInt(uintptr(w), unix.F_GETFD, 0); err != nil || flags&unix.FD_CLOEXEC == 0 ||
		!f.Passed() {
		t.Errorf("a command would inherit it: flags %x, %v", flags, err)
	}
	if err := f.Write([]byte("text"), nil); err != nil {
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
	if err := f.Write([]byte("text"), nil); !errors.Is(err, unix.EPIPE) {
		t.Errorf("nobody reads: %v, want EPIPE", err)
	}
}

func TestFIFO(t *testing.T) {
	path := filepath.Join(t.TempDir(), "fifo")
	if err := unix.Mkfifo(path, 0o600); err != nil {
		t.Fatal(err)
	}
	f := checked(t, path)
	if err := f.Write([]byte("x"), nil); err == nil || !strings.Contains(err.Error(), "nobody reads it") {
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
	if err := f.Write([]byte(text), nil); err != nil {
		t.Error(err)
	}
	if read := <-got; read != text {
		t.Errorf("%d bytes of %d came through", len(read), len(text))
	}
}

// A directory that was removed since Check: the error names the file as it was given. If it is made
// again, the file is written there.
func TestVanished(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "dir")
	path := filepath.Join(dir, "out")
	if err := os.Mkdir(dir, 0o700); err != nil {
		t.Fatal(err)
	}
	f := checked(t, path)
	if err := os.Remove(dir); err != nil {
		t.Fatal(err)
	}
	if err := f.Write(nil, nil); !errors.Is(err, os.ErrNotExist) || err.Error() != path+": no such file or directory" {
		t.Errorf("%v", err)
	}
	if err := os.Mkdir(dir, 0o700); err != nil {
		t.Fatal(err)
	}
	if err := f.Write([]byte("text"), nil); err != nil || contents(t, path) != "text" {
		t.Errorf("%v", err)
	}
}

// Who does not want to wait for a reader any more gets an error.
func TestInterrupted(t *testing.T) {
	r, w := pipe(t)
	f := checked(t, fmt.Sprintf("fd:%d", w))
	ended := make(chan struct{})
	failed := make(chan error)
	go func() { failed <- f.Write(make([]byte, 1<<20), ended) }()
	if _, err := unix.Read(r, make([]byte, 1)); err != nil { // so it has begun
		t.Fatal(err)
	}
	close(ended)
	if err := <-failed; !errors.Is(err, fdwrite.ErrInterrupted) {
		t.Errorf("%v", err)
	}
	unix.Close(r)
}
