package outfile

import (
	"errors"
	"os"
	"path/filepath"
	"testing"

	"golang.org/x/sys/unix"
)

func TestFullDevice(t *testing.T) {
	if err := checked(t, "/dev/full").Write([]byte("x"), nil); !errors.Is(err, unix.ENOSPC) {
		t.Errorf("%v, want ENOSPC", err)
	}
	if info, err := os.Stat("/dev/full"); err != nil || info.Mode().IsRegular() {
		t.Errorf("the device was replaced: %v, %v", info, err)
	}
}

// On a file system that is full, the old contents stay, and nothing else is left.
func TestFullDisk(t *testing.T) {
	if os.Geteuid() != 0 {
		t.Skip("needs root, to mount a small file system")
	}
	dir := t.TempDir()
	if err := unix.Mount("none", dir, "tmpfs", 0, "size=64k"); err != nil {
		t.Skipf("no file system can be mounted: %v", err)
	}
	defer func() {
		if err := unix.Unmount(dir, unix.MNT_DETACH); err != nil {
			t.Error(err)
		}
	}()
	path := filepath.Join(dir, "out")
	f := checked(t, path)
	if err := f.Write([]byte("old"), nil); err != nil {
		t.Fatal(err)
	}
	if err := f.Write(make([]byte, 1<<20), nil); !errors.Is(err, unix.ENOSPC) {
		t.Errorf("a megabyte in 64 KiB: %v, want ENOSPC", err)
	}
	if got := contents(t, path); got != "old" {
		t.Errorf("the old contents are %q", got)
	}
	alone(t, path)
}
