package lockfile

import (
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"lastout/cmd/lastout/internal/safepath"
)

func acquire(t *testing.T, path string) *Lock {
	t.Helper()
	l, err := Acquire(path, 0, nil, nil)
	if err != nil {
		t.Fatal(err)
	}
	return l
}

// busy asserts that the lock cannot be had, and returns who is said to hold it.
func busy(t *testing.T, path string) string {
	t.Helper()
	_, err := Acquire(path, 0, nil, nil)
	var b *BusyError
	if !errors.As(err, &b) || b.Path != path {
		t.Fatalf("the error is %v, want that it is held", err)
	}
	return b.Holder
}

func contents(t *testing.T, path string) string {
	t.Helper()
	data, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	return string(data)
}

var since = time.Date(2026, 11, 22, 8, 0, 0, 0, time.UTC)

const text = "lastout 4711 since 2026-11-22T08:00:00Z: backup --all"

func TestHolderIsNamed(t *testing.T) {
	path := filepath.Join(t.TempDir(), "lock")
	l := acquire(t, path)
	if who := busy(t, path); who != "" {
		t.Errorf("%q is said to hold it, who has not left a name", who)
	}
	l.Name(4711, since, "backup --all")
	if who := busy(t, path); who != text {
		t.Errorf("%q is said to hold it, want %q", who, text)
	}
	l.Release()
	if c := contents(t, path); c != "" {
		t.Errorf("free, it holds %q", c)
	}
	acquire(t, path).Release()
}

// TestStaleName: the name of a holder that was killed is not believed when another program holds
// the lock.
func TestStaleName(t *testing.T) {
	path := filepath.Join(t.TempDir(), "lock")
	l := acquire(t, path)
	l.Name(4711, since, "backup --all")
	l.file.Close() // as SIGKILL would do
	if c := contents(t, path); c != text+"\n" {
		t.Fatalf("it holds %q", c)
	}
	other := acquire(t, path) // and leaves no name, like flock(1)
	if who := busy(t, path); who != "" {
		t.Errorf("%q is believed", who)
	}
	other.Name(1, since, "x")
	if who := busy(t, path); !strings.Contains(who, "lastout 1 ") {
		t.Errorf("%q is said to hold it", who)
	}
	other.Release()
}

// TestOtherContents: a file that holds something else is a lock like any other, and is not written
// to.
func TestOtherContents(t *testing.T) {
	for _, c := range []string{"#!/bin/sh\necho hello\n", "lastout 1 since", "lastout 1 since x: y\nmore\n",
		"\x00", strings.Repeat("x", 4096)} {
		path := filepath.Join(t.TempDir(), "lock")
		if err := os.WriteFile(path, []byte(c), 0o755); err != nil {
			t.Fatal(err)
		}
		l := acquire(t, path)
		l.Name(4711, since, "x")
		if who := busy(t, path); who != "" {
			t.Errorf("%q is said to hold it", who)
		}
		l.Release()
		if got := contents(t, path); got != c {
			t.Errorf("%q has become %q", c, got)
		}
	}
}

// TestWrittenMeanwhile: what the job has written into the file is not taken away.
func TestWrittenMeanwhile(t *testing.T) {
	for name, flags := range map[string]int{"replaced": os.O_TRUNC, "appended": os.O_APPEND} {
		path := filepath.Join(t.TempDir(), "lock")
		l := acquire(t, path)
		l.Name(4711, since, "backup --all")
		f, err := os.OpenFile(path, os.O_WRONLY|flags, 0)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := f.WriteString("precious\n"); err != nil {
			t.Fatal(err)
		}
		f.Close()
		l.Release()
		if got := contents(t, path); !strings.HasSuffix(got, "precious\n") {
			t.Errorf("%s: %q is left", name, got)
		}
	}
}

// TestLink: the last link is not followed.
func TestLink(t *testing.T) {
	link := filepath.Join(t.TempDir(), "link")
	if err := os.Symlink("missing", link); err != nil {
		t.Fatal(err)
	}
	if _, err := Acquire(link, 0, nil, nil); !errors.Is(err, safepath.ErrLink) {
		t.Errorf("the error is %v", err)
	}
	if _, err := os.Lstat(filepath.Join(filepath.Dir(link), "missing")); err == nil {
		t.Error("what it leads to was made")
	}
}

// TestSecondName: who may not open a file cannot have it locked by way of a second name of his own.
func TestSecondName(t *testing.T) {
	if os.Geteuid() != 0 {
		t.Skip("needs root, to have a directory that is somebody else's")
	}
	dir := t.TempDir()
	private, home := filepath.Join(dir, "private"), filepath.Join(dir, "home")
	err := errors.Join(os.WriteFile(private, nil, 0o600), os.Mkdir(home, 0o755), os.Chown(home, 65534, 65534),
		os.Link(private, filepath.Join(home, "lock")))
	if err != nil {
		t.Fatal(err)
	}
	if _, err := Acquire(filepath.Join(home, "lock"), 0, nil, nil); err == nil || !strings.Contains(err.Error(), "second name") {
		t.Errorf("%v, want that it has a second name", err)
	}
	acquire(t, private).Release()
}

// TestCommandIsItsOwnLock: it can be executed meanwhile, which a file that is open for writing
// cannot.
func TestCommandIsItsOwnLock(t *testing.T) {
	path := filepath.Join(t.TempDir(), "script")
	if err := os.WriteFile(path, []byte("#!/bin/sh\n"), 0o755); err != nil {
		t.Fatal(err)
	}
	l := acquire(t, path)
	defer l.Release()
	l.Name(4711, since, "x")
	if err := exec.Command(path).Run(); err != nil {
		t.Error(err)
	}
}

func TestDirectory(t *testing.T) {
	dir := t.TempDir()
	l := acquire(t, dir)
	l.Name(4711, since, "x")
	if who := busy(t, dir); who != "" {
		t.Errorf("%q is said to hold it", who)
	}
	l.Release()
	acquire(t, dir).Release()
}

func TestRefused(t *testing.T) {
	dir := t.TempDir()
	for _, path := range []string{filepath.Join(dir, "missing", "lock"), os.DevNull,
		filepath.Join(dir, strings.Repeat("x", 300))} {
		if l, err := Acquire(path, Forever, nil, nil); err == nil || l != nil || !strings.Contains(err.Error(), path) {
			t.Errorf("%.100s: %v", path, err)
		}
		if Check(path) == nil {
			t.Errorf("%.100s: is not refused by Check", path)
		}
	}
}

// TestWait: who waits is told of the holder once, and has the lock when that lets go.
func TestWait(t *testing.T) {
	path := filepath.Join(t.TempDir(), "lock")
	l := acquire(t, path)
	l.Name(4711, since, "backup --all")
	waiting := make(chan string, 2)
	got := make(chan error, 1)
	go func() {
		second, err := Acquire(path, Forever, nil, func(b *BusyError) { waiting <- b.Holder })
		if err == nil {
			second.Release()
		}
		got <- err
	}()
	if who := <-waiting; who != text {
		t.Errorf("waiting for %q, want %q", who, text)
	}
	select {
	case err := <-got:
		t.Fatalf("it has not waited: %v", err)
	default:
	}
	l.Release()
	if err := <-got; err != nil {
		t.Error(err)
	}
	if len(waiting) > 0 {
		t.Error("it is told twice")
	}
}

// TestReplaced: a lock file that is removed, or replaced by another, while it is waited for,
// excludes nobody any more.
func TestReplaced(t *testing.T) {
	for name, change := range map[string]func(t *testing.T, path string){
		"removed": func(t *testing.T, path string) {
			if err := os.Remove(path); err != nil {
				t.Fatal(err)
			}
		},
		"replaced": func(t *testing.T, path string) {
			if err := os.WriteFile(path+".new", nil, 0o644); err != nil {
				t.Fatal(err)
			}
			if err := os.Rename(path+".new", path); err != nil {
				t.Fatal(err)
			}
		},
	} {
		t.Run(name, func(t *testing.T) {
			path := filepath.Join(t.TempDir(), "lock")
			old := acquire(t, path)
			waiting := make(chan struct{})
			got := make(chan *Lock, 1)
			go func() {
				l, err := Acquire(path, Forever, nil, func(*BusyError) { close(waiting) })
				if err != nil {
					t.Error(err)
				}
				got <- l
			}()
			<-waiting
			change(t, path)
			old.Release()
			l := <-got
			if l == nil {
				return
			}
			if who := busy(t, path); who != "" { // the file that has the name now is the one that is locked
				t.Errorf("%q", who)
			}
			l.Release()
		})
	}
}

func TestTimeOut(t *testing.T) {
	path := filepath.Join(t.TempDir(), "lock")
	l := acquire(t, path)
	defer l.Release()
	l.Name(4711, since, "backup --all")
	_, err := Acquire(path, time.Millisecond, nil, nil)
	var b *BusyError
	if !errors.As(err, &b) || b.Holder != text || b.Waited != time.Millisecond {
		t.Errorf("the error is %v", err)
	}
	if want := "after 1ms the lock " + path + " is still held by " + text; err.Error() != want {
		t.Errorf("it says %q, want %q", err, want)
	}
}

func TestInterrupted(t *testing.T) {
	path := filepath.Join(t.TempDir(), "lock")
	l := acquire(t, path)
	defer l.Release()
	interrupt := make(chan struct{})
	_, err := Acquire(path, Forever, interrupt, func(*BusyError) { close(interrupt) })
	if err != ErrInterrupted {
		t.Errorf("the error is %v", err)
	}
}
