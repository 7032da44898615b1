package cgroup

import (
	"reflect"
	"strings"
	"testing"
)

// Captured: a hybrid machine, a container without and one with a cgroup namespace, a user's session
// under systemd.
const (
	hybridMounts = `23 1 0:21 / /proc rw,nosuid,nodev,noexec,relatime shared:12 - proc proc rw,hidepid=invisible
31 23 0:28 / /sys/fs/cgroup rw,relatime - tmpfs tmpfs rw,mode=755
35 31 0:32 / /sys/fs/cgroup/memory rw,relatime - cgroup cgroup rw,memory
32 31 0:29 / /sys/fs/cgroup/cpu,cpuacct rw,relatime - cgroup cgroup rw,cpu,cpuacct
40 31 0:37 / /sys/fs/cgroup/systemd rw,relatime - cgroup cgroup rw,name=systemd
41 31 0:38 / /sys/fs/cgroup/unified rw,relatime - cgroup2 cgroup2 rw
`
	hybridMembership = `9:name=systemd:/
4:memory:/process_api/7f77627e3c39522c761cca693135dae3
1:cpu,cpuacct:/
0::/
`
	containerMounts = `1202 1196 0:29 /docker/4f2a /sys/fs/cgroup ro,nosuid,nodev,noexec,relatime - cgroup2 cgroup rw,nsdelegate
`
	sessionMounts = `34 24 0:29 / /sys/fs/cgroup rw,nosuid,nodev,noexec,relatime shared:9 - cgroup2 cgroup2 rw,nsdelegate,memory_recursiveprot
`
	sessionMembership = "0::/user.slice/user-1000.slice/user@1000.service/app.slice/run-u12:a.scope\n"
)

func TestFind(t *testing.T) {
	for name, c := range map[string]struct {
		mounts, membership, controller string
		want                           Place
	}{
		"hybrid": {hybridMounts, hybridMembership, "",
			Place{"/sys/fs/cgroup/unified", "/sys/fs/cgroup/unified"}},
		"hybrid, version 1": {hybridMounts, hybridMembership, "memory",
			Place{"/sys/fs/cgroup/memory", "/sys/fs/cgroup/memory/process_api/7f77627e3c39522c761cca693135dae3"}},
		"two controllers": {hybridMounts, hybridMembership, "cpuacct",
			Place{"/sys/fs/cgroup/cpu,cpuacct", "/sys/fs/cgroup/cpu,cpuacct"}},
		"hybrid, no pids": {hybridMounts, hybridMembership, "pids", Place{}},
		"a name is none":  {hybridMounts, hybridMembership, "name", Place{}},
		"session": {sessionMounts, sessionMembership, "",
			Place{"/sys/fs/cgroup", "/sys/fs/cgroup/user.slice/user-1000.slice/user@1000.service/app.slice/run-u12:a.scope"}},
		"container": {containerMounts, "0::/docker/4f2a/inner\n", "",
			Place{"/sys/fs/cgroup", "/sys/fs/cgroup/inner"}},
		"container, its root":  {containerMounts, "0::/docker/4f2a\n", "", Place{"/sys/fs/cgroup", "/sys/fs/cgroup"}},
		"another container":    {containerMounts, "0::/docker/4f2a5\n", "", Place{}},
		"cgroup namespace":     {sessionMounts, "0::/\n", "", Place{"/sys/fs/cgroup", "/sys/fs/cgroup"}},
		"outside of it":        {sessionMounts, "0::/../user.slice\n", "", Place{}},
		"mounted from outside": {strings.Replace(containerMounts, "/docker/4f2a", "/..", 1), "0::/\n", "", Place{}},
		"a space in the name": {strings.Replace(sessionMounts, "/sys/fs/cgroup", `/sys/my\040cgroups\134`, 1),
			"0::/a b\n", "", Place{`/sys/my cgroups\`, `/sys/my cgroups\/a b`}},
		"no version 2": {hybridMounts, "1:cpu:/\n", "", Place{}},
		"nothing":      {"", "", "", Place{}},
	} {
		got, err := Find(ParseMounts(c.mounts), ParseMembership(c.membership), c.controller)
		if got != c.want || (err != nil) != (c.want == Place{}) {
			t.Errorf("%s: %+v, %v; want %+v", name, got, err, c.want)
		}
	}
}

func TestUp(t *testing.T) {
	for p, want := range map[Place]string{
		{"/sys/fs/cgroup", "/sys/fs/cgroup/a/b"}: "/sys/fs/cgroup/a/b /sys/fs/cgroup/a /sys/fs/cgroup",
		{"/sys/fs/cgroup", "/sys/fs/cgroup"}:     "/sys/fs/cgroup",
		{"/", "/a"}:                              "/a /",
	} {
		if got := strings.Join(p.Up(), " "); got != want {
			t.Errorf("above %+v is %q, want %q", p, got, want)
		}
	}
}

func TestParseMounts(t *testing.T) {
	got := ParseMounts(hybridMounts + "short - line\n1 2 3:4 / /x rw without the dash\n")
	if len(got) != 6 {
		t.Fatalf("%d mounts: %+v", len(got), got)
	}
	want := Mount{Root: "/", Point: "/proc", Type: "proc",
		Options: []string{"rw", "nosuid", "nodev", "noexec", "relatime"}, Super: []string{"rw", "hidepid=invisible"}}
	if !reflect.DeepEqual(got[0], want) {
		t.Errorf("%+v, want %+v", got[0], want)
	}
}

func TestUnescape(t *testing.T) {
	for text, want := range map[string]string{`a\040b`: "a b", `\134`: `\`, `\0`: `\0`, `a\`: `a\`,
		`\999x`: `\999x`, `\777`: `\777`, "": ""} {
		if got := unescape(text); got != want {
			t.Errorf("%q is %q, want %q", text, got, want)
		}
	}
}

func TestPopulated(t *testing.T) {
	for text, want := range map[string]bool{"populated 0\nfrozen 0\n": false, "frozen 1\npopulated 0\n": false,
		"populated 1\nfrozen 0\n": true, "": true, "nothing populated 0": true} {
		if got := populated(text); got != want {
			t.Errorf("%q: %v, want %v", text, got, want)
		}
	}
}

func FuzzFind(f *testing.F) {
	f.Add(hybridMounts, hybridMembership, "memory")
	f.Add(containerMounts, "0::/docker/4f2a/inner\n", "")
	f.Add(sessionMounts, sessionMembership, "")
	f.Fuzz(func(t *testing.T, mounts, membership, controller string) {
		p, err := Find(ParseMounts(mounts), ParseMembership(membership), controller)
		if err == nil && len(p.Up()) == 0 {
			t.Errorf("no directory in %+v", p)
		}
		_ = populated(mounts)
	})
}
