package safepath

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"golang.org/x/sys/unix"
)

// attacker is a user whom we have nothing to do with.
const attacker = 65534

func needRoot(t *testing.T) {
	t.Helper()
	if os.Geteuid() != 0 {
		t.Skip("needs root, to make files of another user")
	}
}

// makes lets one make what tests need, and fails the test where it cannot.
func makes(t *testing.T, errs ...error) {
	t.Helper()
	if err := errors.Join(errs...); err != nil {
		t.Fatal(err)
	}
}

// directory makes a directory of a user.
func directory(t *testing.T, path string, owner int, mode uint32) string {
	t.Helper()
	makes(t, os.MkdirAll(path, 0o700), os.Chown(path, owner, owner), unix.Chmod(path, mode))
	return path
}

func found(t *testing.T, path string) *Path {
	t.Helper()
	p, err := Find(path)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(p.Close)
	return p
}

// opened opens to write, and closes again.
func opened(t *testing.T, path string, flags int) error {
	t.Helper()
	fd, err := found(t, path).Open(flags, 0o644)
	if err == nil {
		unix.Close(fd)
	}
	return err
}

// TestWay: what a path leads to is what it leads to for the kernel.
func TestWay(t *testing.T) {
	dir := t.TempDir()
	makes(t, os.MkdirAll(dir+"/real/sub", 0o755), os.Symlink("real/sub", dir+"/way"),
		os.Symlink(dir+"/way", dir+"/absolute"),
		os.Symlink("../..", dir+"/real/sub/up"), os.Symlink("loop", dir+"/loop"), os.WriteFile(dir+"/file", nil, 0o600))
	for _, path := range []string{"f", "real/f", "way/f", "way/../f", "absolute/f", "absolute/up/f",
		"real//./sub/f", "way/up/way/f"} {
		makes(t, os.WriteFile(dir+"/"+path, []byte(path), 0o600))
		fd, err := found(t, dir+"/"+path).Open(unix.O_RDONLY, 0)
		if err != nil {
			t.Errorf("%s: %v", path, err)
			continue
		}
		buf := make([]byte, 100)
		n, _ := unix.Read(fd, buf)
		unix.Close(fd)
		if string(buf[:n]) != path {
			t.Errorf("%s leads to %q", path, buf[:n])
		}
		makes(t, os.Remove(dir+"/"+path))
	}
	for path, want := range map[string]error{"loop/f": unix.ELOOP, "file/f": unix.ENOTDIR,
		"missing/f": unix.ENOENT, "missing/": unix.ENOENT, "file/": unix.ENOTDIR} {
		if _, err := Find(dir + "/" + path); !errors.Is(err, want) {
			t.Errorf("%s: %v, want %v", path, err, want)
		}
	}
	for _, path := range []string{dir, dir + "/", ".", "..", dir + "/way/..", "/"} {
		if kind, err := found(t, path).Look(); err != nil || kind != Directory {
			t.Errorf("%s: %v, %v, want a directory", path, kind, err)
		}
	}
	t.Chdir(dir)
	if err := opened(t, "new", unix.O_WRONLY|unix.O_CREAT); err != nil {
		t.Error(err)
	}
	makes(t, os.Remove(dir+"/new"))
}

// TestLinkOfAnother: a link among the directories leads to its owner's directories only, if that is
// neither root nor us.
func TestLinkOfAnother(t *testing.T) {
	needRoot(t)
	dir := directory(t, t.TempDir(), 0, 0o755)
	tmp := directory(t, dir+"/tmp", 0, 0o1777)
	directory(t, dir+"/home", attacker, 0o755)
	directory(t, dir+"/home/sub", attacker, 0o755)
	directory(t, dir+"/home/of-root", 0, 0o755)
	directory(t, dir+"/secret", 0, 0o700)
	directory(t, dir+"/other", attacker-1, 0o755)
	for target, allowed := range map[string]bool{
		"home": true, "home/sub": true, "home/of-root": false, "secret": false, "other": false, "": false, "tmp": false,
	} {
		for _, owner := range []int{attacker, 0} {
			link := tmp + "/link"
			makes(t, os.Symlink(dir+"/"+target, link), os.Lchown(link, owner, owner))
			p, err := Find(link + "/file")
			if err == nil {
				p.Close()
			}
			if want := allowed || owner == 0; (err == nil) != want {
				t.Errorf("a link of user %d to %q: %v, want it allowed: %v", owner, target, err, want)
			}
			makes(t, os.Remove(link))
		}
	}
	// By way of a link of his own, one of root's, or a further directory.
	makes(t, os.Symlink(dir+"/secret", dir+"/roots"), os.Symlink(dir+"/roots", dir+"/home/link"),
		os.Lchown(dir+"/home/link", attacker, attacker),
		os.Symlink(dir+"/home", tmp+"/home"), os.Lchown(tmp+"/home", attacker, attacker))
	for _, path := range []string{"/home/link/file", "/tmp/home/link/file", "/tmp/home/of-root/file",
		"/tmp/home/../secret/file"} {
		if _, err := Find(dir + path); err == nil || !strings.Contains(err.Error(), "symbolic link") {
			t.Errorf("%s: %v", path, err)
		}
	}
}

// TestSticky: where everybody may write, what is there already has to be ours, or of the owner of
// the directory.
func TestSticky(t *testing.T) {
	needRoot(t)
	for mode, safe := range map[uint32]bool{0o1777: true, 0o1770: true, 0o777: false} {
		tmp := directory(t, filepath.Join(t.TempDir(), "tmp"), attacker-1, mode)
		for _, kind := range []string{"fifo", "file"} {
			for owner, ours := range map[int]bool{attacker: false, attacker - 1: true, 0: true} {
				path := filepath.Join(tmp, kind)
				if kind == "fifo" {
					makes(t, unix.Mkfifo(path, 0o666))
				} else {
					makes(t, os.WriteFile(path, nil, 0o666))
				}
				makes(t, os.Chown(path, owner, owner))
				refused := safe && !ours
				for _, flags := range []int{unix.O_WRONLY, unix.O_WRONLY | unix.O_CREAT} {
					err := opened(t, path, flags)
					if errors.Is(err, ErrForeign) != refused {
						t.Errorf("%s of user %d in a directory %o: %v, want it refused: %v", kind, owner, mode,
							err, refused)
					}
				}
				// To read it, or to replace it, harms nobody.
				if err := opened(t, path, unix.O_RDONLY); errors.Is(err, ErrForeign) != (refused && kind == "fifo") {
					t.Errorf("%s of user %d in a directory %o, to read: %v", kind, owner, mode, err)
				}
				makes(t, os.Remove(path))
			}
		}
	}
}

// TestSecondName: where others may make hard links, a file with two names may be any.
func TestSecondName(t *testing.T) {
	needRoot(t)
	dir := t.TempDir()
	makes(t, os.WriteFile(dir+"/precious", nil, 0o600))
	for name, c := range map[string]struct {
		owner  int
		mode   uint32
		unsafe bool
	}{"tmp": {0, 0o1777, true}, "home": {attacker, 0o755, true}, "ours": {0, 0o755, false}} {
		d := directory(t, filepath.Join(dir, name), c.owner, c.mode)
		makes(t, os.Link(dir+"/precious", d+"/log"))
		if err := opened(t, d+"/log", unix.O_WRONLY|unix.O_CREAT); (err != nil) != c.unsafe {
			t.Errorf("in a directory of %d with mode %o: %v", c.owner, c.mode, err)
		}
		if err := opened(t, d+"/log", unix.O_RDONLY); err != nil {
			t.Errorf("to read: %v", err)
		}
	}
}

// TestSecondNameTakenAway: nor does it help to take the second name away once the file is open, even
// if it comes back at once.
func TestSecondNameTakenAway(t *testing.T) {
	needRoot(t)
	dir := t.TempDir()
	makes(t, os.WriteFile(dir+"/precious", nil, 0o600), os.WriteFile(dir+"/other", nil, 0o600))
	d := directory(t, dir+"/home", attacker, 0o755)
	name := d + "/log"
	makes(t, os.Link(dir+"/precious", name))
	p := found(t, name)
	open := func() *unix.Stat_t {
		fd, err := unix.Open(name, unix.O_WRONLY, 0)
		var st unix.Stat_t
		makes(t, err, os.Remove(name), unix.Fstat(fd, &st), unix.Close(fd))
		if st.Nlink != 1 {
			t.Errorf("the file has %d names", st.Nlink)
		}
		return &st
	}
	if err := p.onlyName(open()); err != errChanged {
		t.Errorf("the name was taken away: %v", err)
	}
	makes(t, os.Link(dir+"/precious", name))
	st := open()
	makes(t, os.Link(dir+"/other", name))
	if err := p.onlyName(st); err != errChanged {
		t.Errorf("it is another's: %v", err)
	}
	makes(t, os.Remove(name), os.Link(dir+"/precious", name))
	if err := p.onlyName(st); err != errSecondName {
		t.Errorf("it came back: %v", err)
	}
}

// TestSecondNameOfLink: a link of root's that somebody else has given a second name is as good as one
// of his own.
func TestSecondNameOfLink(t *testing.T) {
	needRoot(t)
	dir := t.TempDir()
	makes(t, os.Mkdir(dir+"/roots", 0o755), os.Symlink("roots", dir+"/link"))
	d := directory(t, dir+"/home", attacker, 0o755)
	makes(t, os.Link(dir+"/link", d+"/sub"), os.Mkdir(d+"/roots", 0o755))
	if _, err := Find(d + "/sub/file"); !errors.Is(err, errSecondName) {
		t.Errorf("it was followed: %v", err)
	}
	if p, err := Find(dir + "/link/file"); err != nil {
		t.Errorf("in a directory of root's: %v", err)
	} else {
		p.Close()
	}
}

// TestModeStays: a file that was private stays so, though it was removed meanwhile.
func TestModeStays(t *testing.T) {
	name := t.TempDir() + "/file"
	makes(t, os.WriteFile(name, nil, 0o600))
	p := found(t, name)
	makes(t, p.Probe(), os.Remove(name), p.Replace(nil, 0o644))
	if info, err := os.Stat(name); err != nil || info.Mode().Perm() != 0o600 {
		t.Errorf("%v, %v", info.Mode(), err)
	}
}

// TestHeld: a directory that was moved away is the one that is written to, whatever has its name.
func TestHeld(t *testing.T) {
	dir := t.TempDir()
	makes(t, os.Mkdir(dir+"/a", 0o755), os.Mkdir(dir+"/b", 0o755))
	p := found(t, dir+"/a/file")
	makes(t, os.Rename(dir+"/a", dir+"/moved"), os.Symlink("b", dir+"/a"))
	if err := p.Replace([]byte("x"), 0); err != nil {
		t.Fatal(err)
	}
	if _, err := os.Lstat(dir + "/moved/file"); err != nil {
		t.Errorf("it is not where it was to be: %v", err)
	}
	if entries, _ := os.ReadDir(dir + "/b"); len(entries) > 0 {
		t.Errorf("it was written by way of a link: %v", entries)
	}
	// What was removed may have been made again, but not by somebody else.
	makes(t, os.RemoveAll(dir+"/moved"))
	if os.Geteuid() == 0 {
		makes(t, os.Lchown(dir+"/a", attacker, attacker))
		if err := p.Replace(nil, 0); err == nil {
			t.Error("it was written by way of somebody else's link")
		}
	}
}

// TestTemporary: nobody guesses the name under which a file is written.
func TestTemporary(t *testing.T) {
	p := found(t, filepath.Join(t.TempDir(), strings.Repeat("x", 250)))
	seen := map[string]bool{}
	for range 100 {
		f, name, err := p.temporary(0o600)
		if err != nil {
			t.Fatal(err)
		}
		f.Close()
		if seen[name] || !strings.HasPrefix(name, ".x") {
			t.Errorf("%s", name)
		}
		seen[name] = true
	}
}
