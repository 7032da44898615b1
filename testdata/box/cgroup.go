//go:build linux

package box

import (
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"time"

	"golang.org/x/sys/unix"
)

// hierarchies says where cgroups can be looked for: mount points from
// /proc/self/mountinfo (proc_pid_mountinfo(5)), "" where there is none.
type hierarchies struct {
	v2     string // the unified hierarchy
	v1pids string // a version 1 hierarchy with the pids controller
}

func parseMountinfo(text string) (h hierarchies) {
	for line := range strings.Lines(text) {
		before, after, ok := strings.Cut(line, " - ")
		left, right := strings.Fields(before), strings.Fields(after)
		if !ok || len(left) < 5 || len(right) < 3 {
			continue
		}
		switch {
		case right[0] == "cgroup2" && h.v2 == "":
			h.v2 = left[4]
		case right[0] == "cgroup" && h.v1pids == "" && slices.Contains(strings.Split(right[2], ","), "pids"):
			h.v1pids = left[4]
		}
	}
	return h
}

// ownCgroup returns the path of our own cgroup from the text of
// /proc/self/cgroup, for controller "" in the v2 hierarchy.
func ownCgroup(text, controller string) string {
	for line := range strings.Lines(text) {
		f := strings.SplitN(strings.TrimSpace(line), ":", 3)
		if len(f) == 3 && slices.Contains(strings.Split(f[1], ","), controller) {
			return f[2]
		}
	}
	return "/"
}

// makeCgroups makes what directories of that name it may, in the v2 hierarchy
// and for the pids controller. They are the same one where v2 has the
// controller; either is "" where it cannot be had.
func makeCgroups(name string) (cgroup, pids string) {
	mounts, err := os.ReadFile("/proc/self/mountinfo")
	if err != nil {
		return "", ""
	}
	own, _ := os.ReadFile("/proc/self/cgroup")
	h := parseMountinfo(string(mounts))
	if h.v2 != "" {
		cgroup, pids = makeV2(h.v2, ownCgroup(string(own), ""), name)
	}
	if pids == "" && h.v1pids != "" {
		pids = makeV1(h.v1pids, ownCgroup(string(own), "pids"), name)
	}
	return cgroup, pids
}

// makeV2 tries the root of the hierarchy first: that is where the pids
// controller can be handed down although the parent has processes of its own
// (the "no internal processes" rule of cgroups(7)).
func makeV2(mount, own, name string) (cgroup, pids string) {
	for _, parent := range []string{mount, filepath.Join(mount, own)} {
		dir := filepath.Join(parent, name)
		os.WriteFile(filepath.Join(parent, "cgroup.subtree_control"), []byte("+pids"), 0)
		if os.Mkdir(dir, 0o755) != nil {
			continue
		}
		if !canEnter(dir) {
			syscall.Rmdir(dir)
			continue
		}
		if _, err := os.Stat(filepath.Join(dir, "pids.max")); err == nil {
			return dir, dir
		}
		return dir, ""
	}
	return "", ""
}

var enterable struct {
	sync.Mutex
	parents map[string]bool
}

// canEnter reports whether a child can be started in dir. A directory that we
// were allowed to make may still be closed to us: "domain invalid", or a
// kernel or sandbox without clone3.
func canEnter(dir string) bool {
	enterable.Lock()
	defer enterable.Unlock()
	parent := filepath.Dir(dir)
	if ok, known := enterable.parents[parent]; known {
		return ok
	}
	fd, err := os.Open(dir)
	if err != nil {
		return false
	}
	defer fd.Close()
	cmd := exec.Command("true")
	cmd.SysProcAttr = &syscall.SysProcAttr{UseCgroupFD: true, CgroupFD: int(fd.Fd())}
	ok := cmd.Run() == nil
	if enterable.parents == nil {
		enterable.parents = map[string]bool{}
	}
	enterable.parents[parent] = ok
	return ok
}

func makeV1(mount, own, name string) string {
	for _, parent := range []string{mount, filepath.Join(mount, own)} {
		dir := filepath.Join(parent, name)
		if os.Mkdir(dir, 0o755) != nil {
			continue
		}
		// A command that runs as another user enters by itself, see enter.c.
		if os.Chmod(filepath.Join(dir, "cgroup.procs"), 0o666) == nil {
			return dir
		}
		syscall.Rmdir(dir)
	}
	return ""
}

// addMembers adds the processes that dir and its sub-directories list. A
// command may make cgroups of its own below the box. Zombies are not listed.
func addMembers(found map[int]bool, dir string) {
	filepath.WalkDir(dir, func(path string, d fs.DirEntry, err error) error {
		if err != nil || !d.IsDir() {
			return nil
		}
		data, _ := os.ReadFile(filepath.Join(path, "cgroup.procs"))
		for _, field := range strings.Fields(string(data)) {
			// 0 is a task that has no number any more: reaped, about to vanish.
			if pid, err := strconv.Atoi(field); err == nil && pid > 0 {
				found[pid] = true
			}
		}
		return nil
	})
}

// addByCgroupFile adds the processes whose /proc/PID/cgroup names one of the
// directories. In the v2 hierarchy that includes zombies; version 1 shows
// them in its root.
func addByCgroupFile(found map[int]bool, dirs ...string) {
	for _, pid := range allPids() {
		if inCgroup(pid, dirs...) {
			found[pid] = true
		}
	}
}

func inCgroup(pid int, dirs ...string) bool {
	data, err := os.ReadFile("/proc/" + strconv.Itoa(pid) + "/cgroup")
	return err == nil && slices.ContainsFunc(dirs, func(dir string) bool {
		return dir != "" && strings.Contains(string(data), "/"+filepath.Base(dir))
	})
}

// waitUnpopulated waits until no process of the cgroup runs, by the
// notification that cgroup.events gives (cgroups(7)).
func waitUnpopulated(dir string) {
	f, err := os.Open(filepath.Join(dir, "cgroup.events"))
	if err != nil {
		return
	}
	defer f.Close()
	buf := make([]byte, 256)
	for end := time.Now().Add(10 * time.Second); time.Now().Before(end); {
		n, err := f.ReadAt(buf, 0)
		if n == 0 && err != nil || strings.Contains(string(buf[:n]), "populated 0") {
			return
		}
		fds := []unix.PollFd{{Fd: int32(f.Fd()), Events: unix.POLLPRI}}
		unix.Poll(fds, int(time.Until(end).Milliseconds())+1)
	}
}

// removeCgroup removes dir with its sub-directories, deepest first. The kernel
// refuses with EBUSY while a task is on its way out, hence the patience.
func removeCgroup(dir string) error {
	var dirs []string
	filepath.WalkDir(dir, func(path string, d fs.DirEntry, err error) error {
		if err == nil && d.IsDir() {
			dirs = append(dirs, path)
		}
		return nil
	})
	slices.Reverse(dirs)
	var err error
	for end := time.Now().Add(10 * time.Second); time.Now().Before(end); time.Sleep(5 * time.Millisecond) {
		err = nil
		for _, d := range dirs {
			if e := syscall.Rmdir(d); e != nil && e != syscall.ENOENT {
				err = &os.PathError{Op: "rmdir", Path: d, Err: e}
			}
		}
		if err == nil {
			return nil
		}
	}
	return err
}
