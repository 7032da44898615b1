package cgroup

import (
	"errors"
	"path"
	"slices"
	"strconv"
	"strings"
)

// Mount is a line of /proc/PID/mountinfo (proc_pid_mountinfo(5)).
type Mount struct {
	Root    string // what of the file system is mounted
	Point   string // where
	Type    string
	Options []string // of the mount
	Super   []string // of the file system: controllers, for cgroups of version 1
}

// ParseMounts reads the text of /proc/PID/mountinfo. Lines that are not well formed are passed
// over.
func ParseMounts(text string) (mounts []Mount) {
	for line := range strings.Lines(text) {
		before, after, ok := strings.Cut(line, " - ")
		left, right := strings.Fields(before), strings.Fields(after)
		if !ok || len(left) < 6 || len(right) < 3 {
			continue
		}
		mounts = append(mounts, Mount{
			Root: unescape(left[3]), Point: unescape(left[4]), Type: right[0],
			Options: strings.Split(left[5], ","), Super: strings.Split(right[2], ","),
		})
	}
	return mounts
}

// unescape undoes \040 and the like, in which the kernel writes space, tab, newline and backslash.
func unescape(s string) string {
	var b strings.Builder
	for {
		i := strings.IndexByte(s, '\\')
		if i < 0 || len(s) < i+4 {
			return b.String() + s
		}
		n, err := strconv.ParseUint(s[i+1:i+4], 8, 8)
		if err != nil {
			b.WriteString(s[:i+1])
			s = s[i+1:]
			continue
		}
		b.WriteString(s[:i])
		b.WriteByte(byte(n))
		s = s[i+4:]
	}
}

// ParseMembership reads the text of /proc/PID/cgroup: the path of a process's cgroup for each
// controller of version 1, and for "" the one of version 2.
func ParseMembership(text string) map[string]string {
	paths := make(map[string]string)
	for line := range strings.Lines(text) {
		f := strings.SplitN(strings.TrimSuffix(line, "\n"), ":", 3)
		if len(f) != 3 || !strings.HasPrefix(f[2], "/") {
			continue
		}
		for controller := range strings.SplitSeq(f[1], ",") {
			if (f[0] == "0") == (controller == "") {
				paths[controller] = f[2]
			}
		}
	}
	return paths
}

// errNotMounted says that no mount shows our cgroup.
var errNotMounted = errors.New("no mounted hierarchy shows our cgroup")

// Place is a cgroup as a directory: Path, at or below the mount point Top.
type Place struct{ Top, Path string }

// Find returns where our cgroup is for a controller; "" is the hierarchy of version 2. A mount
// shows only what is below its root, and in a cgroup namespace (cgroup_namespaces(7)) paths outside
// begin with "/..".
func Find(mounts []Mount, membership map[string]string, controller string) (Place, error) {
	own, ok := membership[controller]
	if !ok || strings.HasPrefix(own, "/..") {
		return Place{}, errNotMounted
	}
	for _, m := range mounts {
		rest, below := strings.CutPrefix(own, strings.TrimSuffix(m.Root, "/"))
		if m.holds(controller) && below && (rest == "" || rest[0] == '/') {
			return Place{m.Point, path.Join(m.Point, rest)}, nil
		}
	}
	return Place{}, errNotMounted
}

func (m Mount) holds(controller string) bool {
	if controller == "" {
		return m.Type == "cgroup2"
	}
	return m.Type == "cgroup" && slices.Contains(m.Super, controller)
}

// Up returns the directory and those above it, up to the mount point.
func (p Place) Up() (dirs []string) {
	for dir := p.Path; ; dir = path.Dir(dir) {
		dirs = append(dirs, dir)
		if dir == path.Clean(p.Top) || dir == "/" || dir == "." {
			return dirs
		}
	}
}

// populated reads the text of cgroup.events: whether any process is in the cgroup or below. Zombies
// do not count.
func populated(text string) bool {
	for line := range strings.Lines(text) {
		if value, ok := strings.CutPrefix(line, "populated "); ok {
			return strings.TrimSpace(value) != "0"
		}
	}
	return true
}
