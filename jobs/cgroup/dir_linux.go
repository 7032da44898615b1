package cgroup

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"syscall"
	"time"
	"unsafe"

	"golang.org/x/sys/unix"
)

// Start starts a program, as [syscall.ForkExec] does, which is one.
type Start func(argv0 string, argv []string, attr *syscall.ProcAttr) (pid int, err error)

// Make makes a directory below our own cgroup, and proves with start that children can be started
// in it.
func Make(start Start) (Dir, error) {
	own, err := Own("")
	if err != nil {
		return "", err
	}
	name := Prefix + strconv.Itoa(os.Getpid()) + "-" + strconv.FormatInt(time.Now().UnixNano(), 36)
	dir := Dir(filepath.Join(own.Path, name))
	if err := os.Mkdir(string(dir), 0o755); err != nil {
		return "", err
	}
	if err := dir.try(start); err != nil {
		return "", errors.Join(err, unlessGone(unix.Rmdir(string(dir))))
	}
	return dir, nil
}

// Own returns where our own cgroup is; see [Find].
func Own(controller string) (Place, error) {
	membership, err := os.ReadFile("/proc/self/cgroup")
	if err != nil {
		return Place{}, err
	}
	mounts, err := os.ReadFile("/proc/self/mountinfo")
	if err != nil {
		return Place{}, err
	}
	return Find(ParseMounts(string(mounts)), ParseMembership(string(membership)), controller)
}

// try starts a program that does not exist. The kernel says so only after the child has been made,
// inside; whatever keeps it from being made there (seccomp without clone3, a threaded cgroup, a
// parent that was not delegated to us) is told before.
func (d Dir) try(start Start) error {
	if _, err := os.Stat(d.file("cgroup.kill")); err != nil {
		return err
	}
	attr := &syscall.ProcAttr{Sys: &syscall.SysProcAttr{}}
	leave, err := d.Into(attr.Sys)
	if err != nil {
		return err
	}
	defer leave()
	if _, err = start("", []string{""}, attr); errors.Is(err, unix.ENOENT) {
		return nil
	}
	return fmt.Errorf("start a process in %s: %w", d, err)
}

// Into makes attr start a child in the directory (CLONE_INTO_CGROUP, clone(2), Linux 5.7). leave is
// to be called when that is done.
func (d Dir) Into(attr *syscall.SysProcAttr) (leave func(), err error) {
	fd, err := unix.Open(string(d), unix.O_PATH|unix.O_DIRECTORY|unix.O_CLOEXEC, 0)
	if err != nil {
		return nil, &os.PathError{Op: "open", Path: string(d), Err: err}
	}
	attr.UseCgroupFD, attr.CgroupFD = true, fd
	return func() { _, _, _ = unix.RawSyscall(unix.SYS_CLOSE, uintptr(fd), 0, 0) }, nil // see Kill
}

// Kill sends SIGKILL to every member, those of cgroups below and frozen ones too, and to whatever
// they are forking (cgroup.kill, Linux 5.14). The kernel asks for no permission but to write:
// set-user-ID programs die as well.
//
// The system calls are raw. For one that takes long the Go runtime would want another thread, and
// where the job has filled a pids limit it would abort for want of one.
func (d Dir) Kill() error {
	path, err := unix.BytePtrFromString(d.file("cgroup.kill"))
	if err != nil {
		return err
	}
	at := unix.AT_FDCWD
	fd, _, errno := unix.RawSyscall6(unix.SYS_OPENAT, uintptr(at), uintptr(unsafe.Pointer(path)),
		unix.O_WRONLY|unix.O_CLOEXEC, 0, 0, 0)
	if errno == 0 {
		one := [1]byte{'1'}
		_, _, errno = unix.RawSyscall(unix.SYS_WRITE, fd, uintptr(unsafe.Pointer(&one)), 1)
		_, _, _ = unix.RawSyscall(unix.SYS_CLOSE, fd, 0, 0)
	}
	if errno != 0 {
		return &os.PathError{Op: "write", Path: d.file("cgroup.kill"), Err: errno}
	}
	return nil
}

// patience is how long Remove waits for tasks that are on their way out.
const patience = time.Second

// Remove removes the directory, with the cgroups that members have made below it. That it is gone
// already is no error. A process may be reaped a moment before it has left its cgroup; while any is
// there, Remove waits, for a second at most.
func (d Dir) Remove() error {
	if d == "" {
		return nil
	}
	err := unlessGone(unix.Rmdir(string(d)))
	end := time.Now().Add(patience)
	for tries := 0; err == unix.EBUSY && tries < 4 && d.awaitEmpty(time.Until(end)); tries++ {
		err = d.removeBelow()
	}
	if err != nil {
		return &os.PathError{Op: "rmdir", Path: string(d), Err: err}
	}
	return nil
}

func unlessGone(err error) error {
	if err == unix.ENOENT || err == unix.ENODEV {
		return nil
	}
	return err
}

// removeBelow removes the directory and everything below it, deepest first.
func (d Dir) removeBelow() (err error) {
	var dirs []string
	_ = filepath.WalkDir(string(d), func(path string, entry fs.DirEntry, err error) error {
		if err == nil && entry.IsDir() {
			dirs = append(dirs, path)
		}
		return nil
	})
	for _, path := range slices.Backward(dirs) {
		err = unlessGone(unix.Rmdir(path))
	}
	return err
}

// awaitEmpty waits until no member runs, and reports whether that is so. cgroup.events tells of a
// change by POLLPRI (cgroups(7)).
func (d Dir) awaitEmpty(limit time.Duration) bool {
	f, err := os.Open(d.file("cgroup.events"))
	if err != nil {
		return true // removing it will tell
	}
	defer f.Close()
	text := make([]byte, 256)
	for end := time.Now().Add(limit); ; {
		n, _ := f.ReadAt(text, 0)
		if !populated(string(text[:n])) {
			return true
		}
		left := time.Until(end)
		if left <= 0 {
			return false
		}
		ts := unix.NsecToTimespec(left.Nanoseconds())
		_, _ = unix.Ppoll([]unix.PollFd{{Fd: int32(f.Fd()), Events: unix.POLLPRI}}, &ts, nil)
	}
}

func (d Dir) file(name string) string { return string(d) + "/" + name }
