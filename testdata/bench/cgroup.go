//go:build linux

package main

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"time"

	"golang.org/x/sys/unix"
)

// cgroup is a directory of the version 2 hierarchy, made for one run.
type cgroup struct {
	path string
	dir  *os.File
}

// newCgroup makes a cgroup that can be killed (Linux 5.14). Each serves once: what is born by
// CLONE_INTO_CGROUP into one that was killed before dies at once (seen on Linux 6.18).
func (b *bench) newCgroup() (*cgroup, error) {
	mounts, err := os.ReadFile("/proc/self/mountinfo")
	if err != nil {
		return nil, err
	}
	mount := mountOf(string(mounts), "cgroup2")
	if mount == "" {
		return nil, errors.New("no cgroup version 2 is mounted")
	}
	path, err := os.MkdirTemp(mount, "lastout-bench-")
	if err != nil {
		return nil, err
	}
	b.later(func() { _ = syscall.Rmdir(path) })
	if _, err := os.Stat(filepath.Join(path, "cgroup.kill")); err != nil {
		b.remove(path)
		return nil, err
	}
	dir, err := os.Open(path)
	return &cgroup{path: path, dir: dir}, err
}

// remove removes the cgroup that was made last. The kernel refuses with EBUSY while a task is on
// its way out.
func (b *bench) remove(path string) {
	defer b.never()
	for range 1000 {
		if syscall.Rmdir(path) != syscall.EBUSY {
			return
		}
		time.Sleep(time.Millisecond)
	}
}

// mountOf returns where the first file system of a type is mounted, from the text of mountinfo
// (proc_pid_mountinfo(5)).
func mountOf(mountinfo, kind string) string {
	for line := range strings.Lines(mountinfo) {
		before, after, ok := strings.Cut(line, " - ")
		left, right := strings.Fields(before), strings.Fields(after)
		if ok && len(left) > 4 && len(right) > 0 && right[0] == kind {
			return left[4]
		}
	}
	return ""
}

// end kills everything in the cgroup and returns when nothing in it runs.
func (c *cgroup) end() error {
	events, err := os.Open(filepath.Join(c.path, "cgroup.events"))
	if err != nil {
		return err
	}
	defer events.Close()
	if err := os.WriteFile(filepath.Join(c.path, "cgroup.kill"), []byte("1"), 0); err != nil {
		return err
	}
	text := make([]byte, 256)
	for {
		n, err := events.ReadAt(text, 0)
		if n == 0 && err != nil {
			return err
		}
		if strings.Contains(string(text[:n]), "populated 0") {
			return nil
		}
		poll(int(events.Fd()), unix.POLLPRI, -1)
	}
}

// killTree runs the tree program in a cgroup, kills that when the leader has gone, and reaps.
func (b *bench) killTree(shape string, n int) (ended, error) {
	c, err := b.newCgroup()
	if err != nil {
		return ended{}, err
	}
	defer b.remove(c.path)
	defer c.dir.Close()
	path, seen, err := b.fifo()
	if err != nil {
		return ended{}, err
	}
	defer os.Remove(path)
	pid, err := b.start(command{argv: []string{b.work("tree"), shape, strconv.Itoa(n), path}, cgroup: c.dir})
	if err != nil {
		return ended{}, err
	}
	if err := b.wait(pid); err != nil {
		return ended{}, fmt.Errorf("tree %s %d in a cgroup: %w", shape, n, err)
	}
	if err := c.end(); err != nil {
		return ended{}, err
	}
	back := now()
	// They are zombies by now, and ours.
	for err = nil; err != syscall.ECHILD; {
		_, err = syscall.Wait4(-1, nil, unix.WALL, nil)
	}
	reaped := now()
	e, err := since(<-seen, back)
	if err == nil {
		e.gone += milliseconds(time.Duration(reaped - back))
	}
	return e, err
}
