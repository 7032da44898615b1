package proc

import (
	"bytes"
	"errors"
	"fmt"
	"os"
	"strconv"
	"unsafe"

	"golang.org/x/sys/unix"
)

// ErrOtherNamespace says that the mounted /proc numbers processes as another PID namespace does
// (unshare --pid without --mount-proc): its numbers would name strangers.
var ErrOtherNamespace = errors.New("/proc belongs to another PID namespace")

// FS reads a mounted /proc. Its methods reuse one buffer, allocate nothing but what a result slice
// must grow by, and are not safe for concurrent use.
type FS struct {
	root int   // O_PATH descriptor of the mount
	own  int   // children of our main thread, kept open; -1 where the kernel lacks CONFIG_PROC_CHILDREN
	self int32 // our process id
	path []byte
	buf  []byte
	tids []int32
	old  bool        // there is no openat2(2)
	scan []parentage // the table that stands in for the children files
	// Looked is how many descriptors Pipes has looked at.
	Looked int
}

type parentage struct{ pid, ppid int32 }

// Open opens /proc at dir, which is "/proc" but in tests. It fails where nothing is mounted there,
// or where the mount belongs to another PID namespace (ErrOtherNamespace).
func Open(dir string) (*FS, error) {
	root, err := unix.Open(dir, unix.O_PATH|unix.O_DIRECTORY|unix.O_CLOEXEC, 0)
	if err != nil {
		return nil, fmt.Errorf("open %s: %w", dir, err)
	}
	fs := &FS{root: root, own: -1, self: int32(os.Getpid()), path: make([]byte, 0, 64), buf: make([]byte, 8192)}
	if err := fs.check(); err != nil {
		fs.Close()
		return nil, err
	}
	fs.begin(fs.self, "/task/")
	fs.path = strconv.AppendInt(fs.path, int64(fs.self), 10)
	fs.path = append(fs.path, "/children"...)
	fs.own = fs.open()
	return fs, nil
}

func (fs *FS) check() error {
	n, err := unix.Readlinkat(fs.root, "self", fs.buf)
	if err != nil {
		return fmt.Errorf("/proc is not mounted: %w", err)
	}
	if string(fs.buf[:n]) != strconv.Itoa(int(fs.self)) {
		return ErrOtherNamespace
	}
	var st unix.Statfs_t
	if err := unix.Fstatfs(fs.root, &st); err == nil && st.Type != unix.PROC_SUPER_MAGIC {
		return errors.New("/proc is not mounted: another file system is in its place")
	}
	return nil
}

// Close closes the descriptors.
func (fs *FS) Close() {
	if fs.own >= 0 {
		CloseFD(fs.own)
	}
	CloseFD(fs.root)
}

// ChildrenFiles reports whether the kernel offers /proc/PID/task/TID/children
// (CONFIG_PROC_CHILDREN, Linux 4.2).
func (fs *FS) ChildrenFiles() bool { return fs.own >= 0 }

// WithoutChildrenFiles makes fs behave as on a kernel without CONFIG_PROC_CHILDREN.
func (fs *FS) WithoutChildrenFiles() {
	if fs.own >= 0 {
		CloseFD(fs.own)
		fs.own = -1
	}
}

// Refresh begins a pass. It costs nothing where there are children files; elsewhere it reads the
// parent of every process.
func (fs *FS) Refresh() {
	if fs.own >= 0 {
		return
	}
	fs.scan, fs.path = fs.scan[:0], fs.path[:0]
	fs.tids = fs.numbers(fs.tids[:0])
	for _, pid := range fs.tids {
		var st Stat
		if fs.Stat(pid, &st) {
			fs.scan = append(fs.scan, parentage{pid, st.PPID})
		}
	}
}

// Adopted appends the children of our main thread: the kernel gives orphans to the first living
// thread of a subreaper, and a Go program's main thread lives as long as the process
// (find_new_reaper in kernel/exit.c). Where there are no children files it is the same as Children
// of ourselves.
func (fs *FS) Adopted(dst []int32) []int32 {
	if fs.own < 0 {
		return fs.children(dst, fs.self, 1)
	}
	if _, err := unix.Seek(fs.own, 0, 0); err != nil {
		return dst
	}
	return fs.readPIDs(dst, fs.own)
}

// Children appends the children of every thread of pid, which has that many threads (0: not known).
func (fs *FS) Children(dst []int32, pid, threads int32) []int32 {
	return fs.children(dst, pid, threads)
}

func (fs *FS) children(dst []int32, pid, threads int32) []int32 {
	if fs.own < 0 {
		for _, p := range fs.scan {
			if p.ppid == pid {
				dst = append(dst, p.pid)
			}
		}
		return dst
	}
	if threads == 1 {
		return fs.threadChildren(dst, pid, pid)
	}
	for _, tid := range fs.Threads(pid) {
		dst = fs.threadChildren(dst, pid, tid)
	}
	return dst
}

// Threads returns the thread ids of pid. The slice is valid until the next call of any method.
func (fs *FS) Threads(pid int32) []int32 {
	fs.begin(pid, "/task")
	fs.tids = fs.numbers(fs.tids[:0])
	return fs.tids
}

func (fs *FS) threadChildren(dst []int32, pid, tid int32) []int32 {
	fs.begin(pid, "/task/")
	fs.path = strconv.AppendInt(fs.path, int64(tid), 10)
	fs.path = append(fs.path, "/children"...)
	fd := fs.open()
	if fd < 0 {
		return dst
	}
	dst = fs.readPIDs(dst, fd)
	CloseFD(fd)
	return dst
}

// readPIDs reads a children file. The kernel hands it out in pages of whole numbers,
// so a read that fills less than half of one was the last.
func (fs *FS) readPIDs(dst []int32, fd int) []int32 {
	for carry := 0; ; {
		n := read(fd, fs.buf[carry:])
		if n <= 0 {
			return dst
		}
		n += carry
		dst, carry = ParsePIDs(dst, fs.buf[:n])
		if n < 2048 && carry == 0 {
			return dst
		}
		copy(fs.buf, fs.buf[n-carry:n])
	}
}

// ThreadCount returns how many threads pid has, 0 where it cannot be told: each has a directory,
// and so a link to the one above it (proc_pid_task(5)).
func (fs *FS) ThreadCount(pid int32) int32 {
	fs.begin(pid, "/task\x00")
	var st unix.Statx_t // Linux 4.11
	_, _, errno := unix.RawSyscall6(unix.SYS_STATX, uintptr(fs.root), uintptr(unsafe.Pointer(&fs.path[0])), 0,
		unix.STATX_NLINK, uintptr(unsafe.Pointer(&st)), 0)
	if errno != 0 || st.Nlink < 3 {
		return 0
	}
	return int32(st.Nlink) - 2
}

// Stat reads /proc/PID/stat and reports whether there is such a process. s.Comm is valid until the
// next call.
func (fs *FS) Stat(pid int32, s *Stat) bool {
	b := fs.file(pid, "/stat")
	return b != nil && ParseStat(b, s)
}

// Pidfds appends the process ids that we hold pidfds for. A descriptor is one if its link says so
// (pidfd_open(2)); which process it means is in the Pid line of its fdinfo, -1 once that has been
// reaped.
func (fs *FS) Pidfds(dst []int32) []int32 {
	fs.begin(fs.self, "/fd")
	fs.tids = fs.numbers(fs.tids[:0])
	for _, fd := range fs.tids {
		fs.begin(fs.self, "/fd/")
		fs.path = strconv.AppendInt(fs.path, int64(fd), 10)
		n, err := unix.Readlinkat(fs.root, string(fs.path), fs.buf)
		if err != nil || !isPidfd(fs.buf[:n]) {
			continue
		}
		fs.begin(fs.self, "/fdinfo/")
		fs.path = strconv.AppendInt(fs.path, int64(fd), 10)
		if pid, ok := ParseFdinfoPID(fs.contents()); ok {
			dst = append(dst, pid)
		}
	}
	return dst
}

// isPidfd knows the name of before and after the file system of pidfds came (Linux 6.9).
func isPidfd(link []byte) bool {
	return bytes.Equal(link, []byte("anon_inode:[pidfd]")) || bytes.HasPrefix(link, []byte("pidfd:"))
}

// Wchan returns the kernel function that pid sleeps in, "" or "0" where that is not told.
func (fs *FS) Wchan(pid int32) string { return string(fs.file(pid, "/wchan")) }

// Tracer returns the process that traces another one (TracerPid, proc_pid_status(5)); 0: nobody, or
// one of another PID namespace.
func (fs *FS) Tracer(pid int32) int {
	_, after, _ := bytes.Cut(fs.file(pid, "/status"), []byte("\nTracerPid:\t"))
	line, _, _ := bytes.Cut(after, []byte("\n"))
	tracer, _ := strconv.Atoi(string(line))
	return tracer
}

// file returns what one read gives of a small file; nil where it cannot be opened.
func (fs *FS) file(pid int32, name string) []byte {
	fs.begin(pid, name)
	return fs.contents()
}

// CloseFD closes a descriptor without leaving the Go scheduler, which might take that for a reason
// to start a thread: at a pids limit it would not get one.
func CloseFD(fd int) { _, _, _ = unix.RawSyscall(unix.SYS_CLOSE, uintptr(fd), 0, 0) }

// contents reads the file fs.path.
func (fs *FS) contents() []byte {
	fd := fs.open()
	if fd < 0 {
		return nil
	}
	n := read(fd, fs.buf)
	CloseFD(fd)
	return fs.buf[:max(n, 0)]
}

func (fs *FS) begin(pid int32, rest string) {
	fs.path = strconv.AppendInt(fs.path[:0], int64(pid), 10)
	fs.path = append(fs.path, rest...)
}

// inside keeps openat2(2) within the mount (Linux 5.6): a file that a privileged job has mounted
// over one of /proc would name strangers.
var inside = unix.OpenHow{Flags: unix.O_RDONLY | unix.O_CLOEXEC, Resolve: unix.RESOLVE_NO_XDEV}

func (fs *FS) open() int {
	fs.path = append(fs.path, 0)
	if !fs.old {
		fd, _, errno := unix.RawSyscall6(unix.SYS_OPENAT2, uintptr(fs.root), uintptr(unsafe.Pointer(&fs.path[0])),
			uintptr(unsafe.Pointer(&inside)), unix.SizeofOpenHow, 0, 0)
		switch errno {
		case 0:
			return int(fd)
		case unix.ENOSYS, unix.EPERM: // a filter (seccomp) that does not know it says the latter
			fs.old = true
		default:
			return -1
		}
	}
	fd, _, errno := unix.RawSyscall6(unix.SYS_OPENAT, uintptr(fs.root), uintptr(unsafe.Pointer(&fs.path[0])),
		unix.O_RDONLY|unix.O_CLOEXEC, 0, 0, 0)
	if errno != 0 {
		return -1
	}
	return int(fd)
}

func read(fd int, b []byte) int {
	for {
		n, _, errno := unix.RawSyscall(unix.SYS_READ, uintptr(fd), uintptr(unsafe.Pointer(&b[0])), uintptr(len(b)))
		if errno == unix.EINTR {
			continue
		}
		if errno != 0 {
			return -1
		}
		return int(n)
	}
}
