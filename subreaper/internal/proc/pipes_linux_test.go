package proc

import (
	"os"
	"os/exec"
	"path/filepath"
	"testing"

	"golang.org/x/sys/unix"
)

// holding starts a process that sleeps until the test ends, with files as its descriptors 0, 3, 4
// and so on.
func holding(t *testing.T, files ...*os.File) int32 {
	t.Helper()
	cmd := exec.Command("sleep", "60")
	cmd.Stdin, cmd.ExtraFiles = files[0], files[1:]
	for fd := 3; fd < 1024; fd++ { // whoever has started the test may have left it some
		unix.CloseOnExec(fd)
	}
	if err := cmd.Start(); err != nil { // it returns when the program has been executed
		t.Fatal(err)
	}
	t.Cleanup(func() {
		_ = cmd.Process.Kill()
		_ = cmd.Wait()
	})
	return int32(cmd.Process.Pid)
}

func always(uint64, uint64) bool { return true }

func pipe(t *testing.T) (r, w *os.File) {
	t.Helper()
	r, w, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { r.Close(); w.Close() })
	return r, w
}

func inodeOf(t *testing.T, f *os.File) uint64 {
	t.Helper()
	var st unix.Stat_t
	if err := unix.Fstat(int(f.Fd()), &st); err != nil {
		t.Fatal(err)
	}
	return st.Ino
}

func TestPipes(t *testing.T) {
	fs := open(t)
	r1, w1 := pipe(t)
	r2, w2 := pipe(t)
	pid := holding(t, r1, w2)
	if _, err := w1.WriteString("unread"); err != nil {
		t.Fatal(err)
	}
	want := []Pipe{{FD: 0, Ino: inodeOf(t, r1), Reads: true, Unread: 6}, {FD: 3, Ino: inodeOf(t, r2), Writes: true}}
	expect(t, fs, pid, want, "written to by us")
	w1.Close()
	want[0].Ended = true
	expect(t, fs, pid, want, "ended")
	_, _ = r1.Read(make([]byte, 6))
	want[0].Unread = 0
	expect(t, fs, pid, want, "read")
	want[0].Ended = false
	if got := fs.Pipes(nil, pid, 10, func(_, ino uint64) bool { return ino != want[0].Ino }); len(got) != 2 ||
		got[0] != want[0] {
		t.Errorf("not asked: %+v", got)
	}
	if got := fs.Pipes(nil, pid, 1, nil); len(got) != 1 || got[0] != want[0] {
		t.Errorf("one descriptor: %+v", got)
	}
}

func expect(t *testing.T, fs *FS, pid int32, want []Pipe, when string) {
	t.Helper()
	got := fs.Pipes(nil, pid, 256, always)
	if len(got) != len(want) {
		t.Fatalf("%s: %+v, want %+v", when, got, want)
	}
	for i := range got {
		if got[i] != want[i] {
			t.Errorf("%s: %+v, want %+v", when, got[i], want[i])
		}
	}
}

// Of a FIFO, the kernel does not tell a newcomer that it has ended.
func TestPipesFIFO(t *testing.T) {
	fs := open(t)
	path := filepath.Join(t.TempDir(), "fifo")
	if err := unix.Mkfifo(path, 0o600); err != nil {
		t.Fatal(err)
	}
	both, err := os.OpenFile(path, os.O_RDWR, 0)
	if err != nil {
		t.Fatal(err)
	}
	r, err := os.Open(path)
	if err != nil {
		t.Fatal(err)
	}
	defer r.Close()
	regular, err := os.Create(filepath.Join(t.TempDir(), "regular"))
	if err != nil {
		t.Fatal(err)
	}
	defer regular.Close()
	pid := holding(t, r, regular)
	if _, err := both.WriteString("x"); err != nil {
		t.Fatal(err)
	}
	both.Close()
	var st unix.Stat_t
	if err := unix.Fstat(int(r.Fd()), &st); err != nil {
		t.Fatal(err)
	}
	expect(t, fs, pid, []Pipe{{Dev: st.Dev, Ino: st.Ino, Reads: true, NoEnd: true, Unread: 1}}, "a FIFO")
}

// Of sockets only unnamed pairs count, and those only when the other side is closed.
func TestPipesSockets(t *testing.T) {
	fs := open(t)
	fds, err := unix.Socketpair(unix.AF_UNIX, unix.SOCK_STREAM|unix.SOCK_CLOEXEC, 0)
	if err != nil {
		t.Fatal(err)
	}
	here, there := os.NewFile(uintptr(fds[0]), "here"), os.NewFile(uintptr(fds[1]), "there")
	defer there.Close()
	datagram, err := unix.Socket(unix.AF_INET, unix.SOCK_DGRAM|unix.SOCK_CLOEXEC, 0)
	if err != nil {
		t.Fatal(err)
	}
	other := os.NewFile(uintptr(datagram), "other")
	defer other.Close()
	pid, ino := holding(t, there, other), inodeOf(t, there)
	expect(t, fs, pid, nil, "open")
	if got := fs.Pipes(nil, pid, 256, nil); len(got) != 2 || got[0] != (Pipe{Ino: ino, Reads: true, Writes: true}) {
		t.Errorf("not asked: %+v", got)
	}
	here.Close()
	got := fs.Pipes(nil, pid, 256, always)
	if err := pidfdGetfd(pid); err != nil && len(got) == 0 {
		t.Skipf("the socket of another process cannot be had here: %v", err)
	}
	expect(t, fs, pid, []Pipe{{Ino: ino, Reads: true, Ended: true}}, "closed")
}

func pidfdGetfd(pid int32) error {
	pidfd, err := unix.PidfdOpen(int(pid), 0)
	if err != nil {
		return err
	}
	defer unix.Close(pidfd)
	fd, err := unix.PidfdGetfd(pidfd, 0, 0)
	if err == nil {
		unix.Close(fd)
	}
	return err
}

// Looking at somebody else's pipe changes nothing for those who have it open.
func TestPipesAreLeftAlone(t *testing.T) {
	fs := open(t)
	r, w := pipe(t)
	pid := holding(t, r)
	r.Close()
	if _, err := w.WriteString("x"); err != nil {
		t.Fatal(err)
	}
	for range 100 {
		if got := fs.Pipes(nil, pid, 256, always); len(got) != 1 || got[0].Unread != 1 || got[0].Ended {
			t.Fatalf("%+v", got)
		}
	}
	if n := len(fs.Pipes(nil, int32(os.Getpid()), 1<<16, nil)); n != len(fs.Pipes(nil, int32(os.Getpid()), 1<<16, nil)) {
		t.Error("descriptors of ours are left open")
	}
}

func TestActivity(t *testing.T) {
	fs := open(t)
	look := func(pid int32) (bool, uint64) {
		t.Helper()
		var st Stat
		if !fs.Stat(pid, &st) {
			t.Fatal("it is gone")
		}
		return fs.Activity(pid, &st)
	}
	r, _ := pipe(t)
	pid := holding(t, r)
	for { // it has been executed, but is on its way to its sleep
		busy, runs := look(pid)
		again, more := look(pid)
		if !busy && !again && runs == more {
			if runs == 0 {
				t.Error("it never ran")
			}
			break
		}
	}
	cmd := exec.Command("sh", "-c", "while :; do :; done")
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	defer func() { _ = cmd.Process.Kill(); _ = cmd.Wait() }()
	for range 100 {
		if busy, _ := look(int32(cmd.Process.Pid)); !busy {
			t.Fatal("a loop is not busy")
		}
	}
	if busy, runs := look(int32(os.Getpid())); !busy || runs == 0 {
		t.Errorf("this program, which has threads: busy %v, %d runs", busy, runs)
	}
}

func TestParseSchedstat(t *testing.T) {
	for text, want := range map[string]uint64{
		"973706 123903 2\n":          2,
		"0 0 0":                      0,
		"1 2 18446744073709551615\n": 1<<64 - 1,
	} {
		if got, ok := ParseSchedstat([]byte(text)); !ok || got != want {
			t.Errorf("%q: %d, %v; want %d", text, got, ok, want)
		}
	}
	for _, text := range []string{"", "1", "1 2", "1 2 ", "a b c", "1  2 3"} {
		if got, ok := ParseSchedstat([]byte(text)); ok {
			t.Errorf("%q is taken for %d", text, got)
		}
	}
}

func FuzzParseSchedstat(f *testing.F) {
	f.Add([]byte("973706 123903 2\n"))
	f.Fuzz(func(_ *testing.T, b []byte) { _, _ = ParseSchedstat(b) })
}

func FuzzInode(f *testing.F) {
	f.Add([]byte("pipe:[4711]"))
	f.Fuzz(func(t *testing.T, b []byte) {
		if _, ok := inode(b, "pipe:["); ok && len(b) < len("pipe:[1") {
			t.Errorf("%q has an inode", b)
		}
	})
}
