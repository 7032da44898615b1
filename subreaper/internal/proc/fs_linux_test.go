package proc

import (
	"bufio"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"slices"
	"strconv"
	"testing"

	"golang.org/x/sys/unix"
)

func FuzzParseDirents(f *testing.F) {
	f.Add([]byte("\x01\x00\x00\x00\x00\x00\x00\x00\x01\x00\x00\x00\x00\x00\x00\x00\x18\x00\x0442\x00\x00\x00"))
	f.Fuzz(func(t *testing.T, b []byte) {
		if n := len(parseDirents(nil, b)); n > len(b)/20 {
			t.Errorf("%d names in %d bytes", n, len(b))
		}
	})
}

func open(t *testing.T) *FS {
	t.Helper()
	fs, err := Open("/proc")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(fs.Close)
	return fs
}

// sleeper starts a process that lives until the test ends and has a child of its own.
func sleeper(t *testing.T) (pid int32) {
	t.Helper()
	cmd := exec.Command("sh", "-c", "sleep 60 & echo; wait")
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	in, err := cmd.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	if _, err := bufio.NewReader(out).ReadString('\n'); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		fs := open(t)
		for _, c := range fs.Children(nil, int32(cmd.Process.Pid), 0) {
			if p, err := os.FindProcess(int(c)); err == nil {
				_ = p.Kill()
			}
		}
		_ = in.(io.Closer).Close()
		_ = cmd.Process.Kill()
		_ = cmd.Wait()
	})
	return int32(cmd.Process.Pid)
}

func TestChildren(t *testing.T) {
	for _, files := range []bool{true, false} {
		fs := open(t)
		if !files {
			fs.WithoutChildrenFiles()
		} else if !fs.ChildrenFiles() {
			t.Log("this kernel has no children files (CONFIG_PROC_CHILDREN): only the parent column is tested")
			continue
		}
		pid := sleeper(t)
		fs.Refresh()
		if ours := fs.Children(nil, int32(os.Getpid()), 0); !slices.Contains(ours, pid) {
			t.Errorf("files %v: our children %v lack %d", files, ours, pid)
		}
		below := fs.Children(nil, pid, 1)
		if len(below) != 1 {
			t.Fatalf("files %v: %d has children %v, want one", files, pid, below)
		}
		var st Stat
		if !fs.Stat(below[0], &st) || st.PPID != pid {
			t.Errorf("files %v: the child's parent is %d, want %d", files, st.PPID, pid)
		}
	}
}

func TestPidfds(t *testing.T) {
	fs := open(t)
	pid := sleeper(t)
	if got := fs.Pidfds(nil); !slices.Contains(got, pid) {
		t.Errorf("pidfds for %v, want os/exec's for %d among them", got, pid)
	}
}

func TestOtherNamespace(t *testing.T) {
	if _, err := Open(t.TempDir()); err == nil {
		t.Error("a directory without self was taken for /proc")
	}
	// A /proc of another PID namespace names somebody else as self.
	dir := t.TempDir()
	if err := os.Symlink("4711", dir+"/self"); err != nil {
		t.Fatal(err)
	}
	if _, err := Open(dir); err != ErrOtherNamespace {
		t.Errorf("got %v, want ErrOtherNamespace", err)
	}
	// Another file system may say what it likes.
	dir = t.TempDir()
	if err := os.Symlink(strconv.Itoa(os.Getpid()), dir+"/self"); err != nil {
		t.Fatal(err)
	}
	if _, err := Open(dir); err == nil {
		t.Error("a directory with the right self was taken for /proc")
	}
}

func TestThreads(t *testing.T) {
	fs := open(t)
	if tids := fs.Threads(int32(os.Getpid())); !slices.Contains(tids, int32(os.Getpid())) {
		t.Errorf("threads %v lack the main one", tids)
	}
}

// The children of a process with many: more than one page of the file.
func TestManyChildren(t *testing.T) {
	fs := open(t)
	const n = 900
	var started []int32
	for range n {
		cmd := exec.Command("/bin/sleep", "60")
		if err := cmd.Start(); err != nil {
			t.Fatal(err)
		}
		started = append(started, int32(cmd.Process.Pid))
		defer func() { _ = cmd.Process.Kill(); _ = cmd.Wait() }()
	}
	fs.Refresh()
	ours := fs.Children(nil, int32(os.Getpid()), 0)
	for _, pid := range started {
		if !slices.Contains(ours, pid) {
			t.Fatalf("%d of %d children: %d is not among them", len(ours), n, pid)
		}
	}
}

// TestMountedOver: what somebody has mounted over a file of /proc is not read.
func TestMountedOver(t *testing.T) {
	if os.Geteuid() != 0 {
		t.Skip("needs root, to mount")
	}
	pid := sleeper(t)
	lie := filepath.Join(t.TempDir(), "lie")
	ours, err := os.ReadFile("/proc/self/stat") // which has numbers in it, as a list of children has
	if err == nil {
		err = os.WriteFile(lie, ours, 0o644)
	}
	if err != nil {
		t.Fatal(err)
	}
	done := make(chan struct{})
	go func() {
		defer close(done)
		runtime.LockOSThread() // for good: the thread, with its mounts, ends with the goroutine
		if err := unix.Unshare(unix.CLONE_NEWNS); err != nil {
			t.Errorf("unshare: %v", err)
			return
		}
		fs := open(t)
		if fs.old {
			t.Log("no openat2 here")
			return
		}
		var before Stat
		if err := unix.Mount("none", "/", "", unix.MS_REC|unix.MS_PRIVATE, ""); err != nil || !fs.Stat(pid, &before) {
			t.Errorf("mount: %v", err)
			return
		}
		for _, name := range []string{"stat", fmt.Sprintf("task/%d/children", pid)} {
			if err := unix.Mount(lie, fmt.Sprintf("/proc/%d/%s", pid, name), "", unix.MS_BIND, ""); err != nil {
				t.Errorf("mount over %s: %v", name, err)
				return
			}
		}
		var st Stat
		if fs.Stat(pid, &st) {
			t.Errorf("stat is the lie: %+v", st)
		}
		if children := fs.Children(nil, pid, 1); len(children) > 0 {
			t.Errorf("children are those of the lie: %v", children)
		}
	}()
	<-done
}
