//go:build linux

package main_test

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"lastout/testdata/box"
)

// somebody is a user that owns nothing, not even a process: limits on the number of those are a
// user's.
const somebody = "61471"

// noInput ends the grove's leader at once, whatever becomes of its standard input.
func noInput(cmd *exec.Cmd) *exec.Cmd {
	cmd.Stdin = nil
	return cmd
}

// checkGrove asserts that a grove was run and ended below lastout, whose own troubles are not the
// job's.
func checkGrove(t *testing.T, out box.Outcome) {
	t.Helper()
	if out.Status != 7 || !strings.Contains(out.Stdout, "ready") {
		t.Errorf("status %d, signal %d, stdout %q, stderr %q", out.Status, out.Signal, out.Stdout, out.Stderr)
	}
	checkNoTrace(t, out.Stderr)
}

// TestFewDescriptors: RLIMIT_NOFILE of 24, soft and hard. What cannot be held by a pidfd is left
// alone until its parent is dead.
func TestFewDescriptors(t *testing.T) {
	grove, chain := trap(t, "grove"), box.Helper(t, "generations")
	for name, c := range map[string]struct{ with, job []string }{
		"grove":                    {[]string{"nofile", "24"}, []string{grove}},
		"grove, eight are taken":   {[]string{"dup", "3,4,5,6,7,8,9,10", "nofile", "24"}, []string{grove}},
		"four hundred generations": {[]string{"nofile", "24"}, []string{chain}},
		"limit reaches the job": {[]string{"nofile", "24"},
			[]string{"sh", "-c", "test $(ulimit -Sn) = 24 && test $(ulimit -Hn) = 24 && echo ready && exit 7"}},
		"soft limit reaches the job": {nil, []string{"sh", "-c", "test $(ulimit -Sn) = 30 && echo ready && exit 7"}},
	} {
		t.Run(name, func(t *testing.T) {
			underBoth(t, func(t *testing.T, b *box.Box, flag string) {
				argv := slices.Concat([]string{trap(t, "starts-with")}, c.with,
					[]string{"--", box.Lastout(t), flag, "--grace", "300ms"}, c.job)
				if c.with == nil {
					argv = slices.Concat([]string{"sh", "-c", `ulimit -Sn 30; exec "$@"`, "sh"}, argv[2:])
				}
				out := box.Run(t, b, noInput(b.Command(argv[0], argv[1:]...)), patience)
				if c.job[0] == chain {
					out.Stdout = "ready"
				}
				checkGrove(t, out)
			})
		})
	}
}

// TestTooFewDescriptors: a line, and nothing is started; or a leftover has its report.
func TestTooFewDescriptors(t *testing.T) {
	underBoth(t, func(t *testing.T, b *box.Box, flag string) {
		for limit := 3; limit <= 20; limit++ {
			argv := []string{"nofile", strconv.Itoa(limit), "--", box.Lastout(t), flag, "--fail-on-leak",
				"--grace", "300ms", "sh", "-c", "sleep 60 & setsid sleep 60 & exit 0"}
			out := box.Run(t, b, b.Command(trap(t, "starts-with"), argv...), patience)
			refused := out.Status == 125 && out.Stderr == "lastout: cannot start: it needs 13 more file descriptors: raise their limit (ulimit -n)\n"
			reported := out.Status == 123 && strings.Contains(out.Stderr, "left 2 processes behind")
			if limit < 16 && !refused || limit == 20 && !reported || !refused && !reported {
				t.Errorf("limit %d: status %d, signal %d, stderr %q", limit, out.Status, out.Signal, out.Stderr)
			}
		}
	})
}

// TestRefusedSystemCalls: one line, and nothing is started.
func TestRefusedSystemCalls(t *testing.T) {
	needRoot(t) // seccomp(2)
	// Without a guardian there is nobody whose death is to be known by pidfd_open, and nobody to
	// say that the runtime has crashed.
	withGuardian := []string{"pidfd_open", "sigaltstack"}
	calls := map[string]int{
		"rt_sigprocmask": unix.SYS_RT_SIGPROCMASK, "rt_sigaction": unix.SYS_RT_SIGACTION,
		"rt_sigpending":   unix.SYS_RT_SIGPENDING,
		"rt_sigtimedwait": unix.SYS_RT_SIGTIMEDWAIT, "signalfd4": unix.SYS_SIGNALFD4, "pipe2": unix.SYS_PIPE2,
		"fcntl": unix.SYS_FCNTL,
		"ppoll": unix.SYS_PPOLL, "waitid": unix.SYS_WAITID, "clone": unix.SYS_CLONE, "prctl": unix.SYS_PRCTL,
		"getpid":     unix.SYS_GETPID,
		"pidfd_open": unix.SYS_PIDFD_OPEN, "epoll_create1": unix.SYS_EPOLL_CREATE1, "epoll_ctl": unix.SYS_EPOLL_CTL,
		"epoll_pwait": unix.SYS_EPOLL_PWAIT, "eventfd2": unix.SYS_EVENTFD2, "futex": unix.SYS_FUTEX,
		"sigaltstack": unix.SYS_SIGALTSTACK,
		"read":        unix.SYS_READ, "write": unix.SYS_WRITE, "kill": unix.SYS_KILL, "tgkill": unix.SYS_TGKILL,
		"setpgid": unix.SYS_SETPGID,
		"mmap":    unix.SYS_MMAP, "clock_gettime": unix.SYS_CLOCK_GETTIME,
	}
	if runtime.GOARCH == "amd64" {
		calls["arch_prctl"] = 158
	}
	for name, number := range calls {
		t.Run(name, func(t *testing.T) {
			for _, keeper := range keepers {
				if keeper == "off" && slices.Contains(withGuardian, name) {
					continue
				}
				b := box.New(t)
				argv := []string{"lacks", strconv.Itoa(number), "--", box.Lastout(t), "--keeper", keeper,
					"echo", "started"}
				out := box.Run(t, b, b.Command(trap(t, "starts-with"), argv...), patience)
				if out.Status != 125 || out.Stdout != "" || !strings.HasPrefix(out.Stderr, "lastout: ") ||
					strings.Count(out.Stderr, "\n") != 1 {
					t.Errorf("keeper=%s: status %d, signal %d, stdout %q, stderr %q", keeper, out.Status,
						out.Signal, out.Stdout, out.Stderr)
				}
			}
		})
	}
}

// TestLittleAddressSpace: RLIMIT_AS. There is enough, or one line says that there is not.
func TestLittleAddressSpace(t *testing.T) {
	for _, keeper := range keepers {
		for kib := 50000; kib <= 1700000; kib += 25000 {
			b := box.New(t)
			script := fmt.Sprintf(`ulimit -v %d; exec "$@" sh -c "echo started"`, kib)
			out := box.Run(t, b, b.Command("sh", "-c", script, "sh", box.Lastout(t), "--keeper", keeper), patience)
			started := out.Status == 0 && out.Stdout == "started\n" && out.Stderr == ""
			refused := out.Status == 125 && out.Stdout == "" && strings.HasPrefix(out.Stderr, "lastout: ") &&
				strings.Count(out.Stderr, "\n") == 1
			if !started && !refused || kib >= 850000 && refused {
				t.Errorf("keeper=%s, %d KiB: status %d, stdout %q, stderr %.200q", keeper, kib, out.Status,
					out.Stdout, out.Stderr)
			}
		}
	}
}

// TestJobFillsPidsLimit guards the threads that exist before the job starts: where no more can be
// made, the Go runtime aborts.
func TestJobFillsPidsLimit(t *testing.T) {
	for _, keeper := range keepers {
		for _, limit := range []int{40, 64, 150} {
			t.Run(fmt.Sprintf("%d, keeper=%s", limit, keeper), func(t *testing.T) {
				for range 2 {
					b := box.New(t, box.PidsLimit(limit))
					out := box.Run(t, b, noInput(b.Command(box.Lastout(t), "--keeper", keeper, "--grace",
						"200ms", trap(t, "fills-up"))), patience)
					checkFull(t, out)
				}
			})
		}
	}
}

func checkFull(t *testing.T, out box.Outcome) {
	t.Helper()
	if out.Status != 7 || !strings.Contains(out.Stderr, "behind") {
		t.Errorf("status %d, signal %d, stderr %q", out.Status, out.Signal, out.Stderr)
	}
	checkNoTrace(t, out.Stderr)
}

// TestSignalsAtPidsLimit: while there is no place for another thread, signals are passed on and
// messages written.
func TestSignalsAtPidsLimit(t *testing.T) {
	for _, keeper := range keepers {
		t.Run("keeper="+keeper, func(t *testing.T) {
			for range 3 {
				b := box.New(t, box.PidsLimit(60))
				s := play(t, b, b.Command(box.Lastout(t), "--keeper", keeper, "-vv", "--grace", "200ms",
					"--timeout", "100s", trap(t, "fills-up"), "tell"))
				s.ready()
				for _, sig := range []unix.Signal{unix.SIGCONT, unix.SIGWINCH, unix.SIGURG, unix.SIGTERM} {
					s.signal(s.pid(), sig)
				}
				s.endOf(unix.SIGTERM)
			}
		})
	}
}

// TestJobFillsProcessLimit is the same with RLIMIT_NPROC, which does not bind root.
func TestJobFillsProcessLimit(t *testing.T) {
	needRoot(t)
	for _, keeper := range keepers {
		t.Run("keeper="+keeper, func(t *testing.T) {
			for range 2 {
				b := box.New(t, box.PidsLimit(400))
				argv := []string{"nproc", "60", "uid", somebody, "--", box.Lastout(t), "--keeper", keeper,
					"--grace", "200ms", trap(t, "fills-up")}
				checkFull(t, box.Run(t, b, noInput(b.Command(trap(t, "starts-with"), argv...)), patience))
			}
		})
	}
}

// TestClosedDescriptors: any of standard input, output and error may be closed at the start.
func TestClosedDescriptors(t *testing.T) {
	underBoth(t, func(t *testing.T, b *box.Box, flag string) {
		for _, list := range closings {
			argv := []string{"close", list, "--", box.Lastout(t), flag, "--grace", "300ms", "sh", "-c",
				"sleep 60 & setsid sleep 60 & exit 7"}
			out := box.Run(t, b, b.Command(trap(t, "starts-with"), argv...), patience)
			if out.Status != 7 {
				t.Errorf("with %q closed: status %d, signal %d, stderr %q", list, out.Status, out.Signal, out.Stderr)
			}
			if strings.Contains(list, "2") == strings.Contains(out.Stderr, "left 2 processes behind") {
				t.Errorf("with %q closed: stderr %q", list, out.Stderr)
			}
		}
	})
}

var closings = []string{"", "0", "1", "2", "0,1", "0,2", "1,2", "0,1,2"}

// TestDescriptorsReachTheJob (G4): the same numbers, the same files, and none besides.
func TestDescriptorsReachTheJob(t *testing.T) {
	checkDescriptors(t, []string{"dup", "3,5,9"}, []string{"dup", "4", "close", ""})
}

// TestClosedDescriptorsStayClosed: the Go runtime opens /dev/null for what is closed of 0, 1 and 2,
// before main runs (checkfds in runtime/fds_unix.go). The job has them closed; nothing else that is
// open may slip into the place.
func TestClosedDescriptorsStayClosed(t *testing.T) {
	for _, list := range closings[1:] {
		t.Run(list, func(t *testing.T) {
			underBoth(t, func(t *testing.T, b *box.Box, flag string) {
				file := filepath.Join(t.TempDir(), "list")
				cmd := b.Command(trap(t, "starts-with"), "close", list, "--", box.Lastout(t), flag,
					trap(t, "lists-descriptors"), file)
				stdout, err := os.Create(file + ".stdout")
				if err != nil {
					t.Fatal(err)
				}
				defer stdout.Close()
				cmd.Stdout, cmd.Stderr = stdout, stdout
				if out := box.Run(t, b, cmd, patience); out.Status != 0 {
					t.Fatalf("status %d", out.Status)
				}
				text, err := os.ReadFile(file)
				if err != nil {
					t.Fatal(err)
				}
				lines := strings.Split(strings.TrimSpace(string(text)), "\n")
				for _, fd := range strings.Split(list, ",") {
					if slices.ContainsFunc(lines, func(line string) bool { return strings.HasPrefix(line, fd+" ") }) {
						t.Errorf("the job has\n%swant no %s", text, fd)
					}
				}
			})
		})
	}
}

func checkDescriptors(t *testing.T, preparations ...[]string) {
	underBoth(t, func(t *testing.T, b *box.Box, flag string) {
		for _, with := range preparations {
			dir := t.TempDir()
			lists := map[string]string{}
			stdout, err := os.Create(filepath.Join(dir, "stdout"))
			if err != nil {
				t.Fatal(err)
			}
			defer stdout.Close()
			for _, runner := range [][]string{{}, {box.Lastout(t), flag}} {
				file := filepath.Join(dir, fmt.Sprint("list", len(runner)))
				argv := slices.Concat(with, []string{"--"}, runner, []string{trap(t, "lists-descriptors"), file})
				cmd := b.Command(trap(t, "starts-with"), argv...)
				cmd.Stdout, cmd.Stderr = stdout, stdout
				if out := box.Run(t, b, cmd, patience); out.Status != 0 {
					t.Fatalf("%q: status %d", argv, out.Status)
				}
				text, err := os.ReadFile(file)
				if err != nil {
					t.Fatal(err)
				}
				lists[fmt.Sprint(len(runner) > 0)] = string(text)
			}
			if lists["true"] != lists["false"] {
				t.Errorf("after %q the job has\n%sbare it has\n%s", with, lists["true"], lists["false"])
			}
		}
	})
}

// TestFullDevice: messages that cannot be written are nobody's business, nor the job's.
func TestFullDevice(t *testing.T) {
	underBoth(t, func(t *testing.T, b *box.Box, flag string) {
		full, err := os.OpenFile("/dev/full", os.O_WRONLY, 0)
		if err != nil {
			lacking(t, "%v", err)
		}
		defer full.Close()
		cmd := noInput(b.Command(box.Lastout(t), flag, "-vv", "--grace", "300ms", trap(t, "grove")))
		cmd.Stderr = full
		checkGrove(t, box.Run(t, b, cmd, patience))
	})
}

// TestReadOnly: every file system that there is, read-only.
func TestReadOnly(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	preparation := `while read -r _ where _; do mount -o remount,bind,ro "$where"; done </proc/mounts 2>/dev/null; ! (: >` + dir + `/file) 2>/dev/null`
	underBoth(t, func(t *testing.T, b *box.Box, flag string) {
		checkGrove(t, box.Run(t, b, unshared(t, b, preparation, box.Lastout(t), flag, "--grace", "300ms",
			trap(t, "grove")), patience))
	})
}

// TestDeletedDirectory: the working directory is gone.
func TestDeletedDirectory(t *testing.T) {
	underBoth(t, func(t *testing.T, b *box.Box, flag string) {
		script := `mkdir d && cd d && rmdir ../d && exec "$@"`
		cmd := noInput(b.Command("sh", "-c", script, "sh", box.Lastout(t), flag, "--grace", "300ms", trap(t, "grove")))
		cmd.Dir = t.TempDir()
		checkGrove(t, box.Run(t, b, cmd, patience))
	})
}

// TestLargeArguments: a megabyte of arguments, and half of one in the environment, reach the job
// through the keeper's socket.
func TestLargeArguments(t *testing.T) {
	underBoth(t, func(t *testing.T, b *box.Box, flag string) {
		long := strings.Repeat("0123456789abcdef", 100<<10/16) // one may have 128 KiB
		args := slices.Repeat([]string{long}, 10)
		cmd := b.Command(box.Lastout(t), slices.Concat([]string{flag, "printf", "%s\n"}, args)...)
		for i := range 5 {
			cmd.Env = append(cmd.Env, fmt.Sprintf("LARGE_%d=%s", i, long))
		}
		out := box.Run(t, b, cmd, patience)
		if out.Status != 0 || out.Stdout != strings.Repeat(long+"\n", len(args)) || out.Stderr != "" {
			t.Errorf("status %d, %d bytes of output, stderr %q", out.Status, len(out.Stdout), out.Stderr)
		}
		cmd = b.Command(box.Lastout(t), flag, "sh", "-c",
			`test ${#LARGE_0} = 102400 && test ${#LARGE_4} = 102400 && exit 7`)
		for i := range 5 {
			cmd.Env = append(cmd.Env, fmt.Sprintf("LARGE_%d=%s", i, long))
		}
		if out := box.Run(t, b, cmd, patience); out.Status != 7 {
			t.Errorf("the environment: status %d, stderr %q", out.Status, out.Stderr)
		}
	})
}

// legacyCgroup makes a directory in the version 1 hierarchy of a controller (cgroups(7)).
func legacyCgroup(t *testing.T, controller string) string {
	t.Helper()
	mounts, err := os.ReadFile("/proc/self/mountinfo")
	if err != nil {
		t.Fatal(err)
	}
	for line := range strings.Lines(string(mounts)) {
		before, after, _ := strings.Cut(line, " - ")
		left, right := strings.Fields(before), strings.Fields(after)
		if len(left) < 5 || len(right) < 3 || right[0] != "cgroup" ||
			!slices.Contains(strings.Split(right[2], ","), controller) {
			continue
		}
		dir, err := os.MkdirTemp(left[4], "lastout-")
		if err != nil {
			lacking(t, "no cgroup can be made: %v", err)
		}
		t.Cleanup(func() {
			for end := time.Now().Add(patience); unix.Rmdir(dir) == unix.EBUSY && time.Now().Before(end); {
				time.Sleep(5 * time.Millisecond) // a task is on its way out
			}
		})
		return dir
	}
	lacking(t, "no version 1 cgroups with the %s controller", controller)
	return ""
}

// TestTightMemory: the job takes more than there is, and the kernel kills it for that; or the
// keeper.
func TestTightMemory(t *testing.T) {
	underBoth(t, func(t *testing.T, b *box.Box, flag string) {
		dir := legacyCgroup(t, "memory")
		if err := os.WriteFile(filepath.Join(dir, "memory.limit_in_bytes"), []byte("48M"), 0); err != nil {
			lacking(t, "%v", err)
		}
		script := `echo 0 >"$0"/cgroup.procs && exec "$@"`
		out := box.Run(t, b, b.Command("sh", "-c", script, dir, box.Lastout(t), flag, "--grace", "300ms",
			trap(t, "eats-memory")), patience)
		checkNoTrace(t, out.Stderr)
		if out.Signal != unix.SIGKILL && out.Status != 125 {
			t.Errorf("status %d, signal %d, stderr %q", out.Status, out.Signal, out.Stderr)
		}
	})
}

// TestGroupOfAnotherNamespace: where lastout's process group has no number the command cannot be
// put there. It gets its signals all the same.
func TestGroupOfAnotherNamespace(t *testing.T) {
	t.Parallel()
	needRoot(t)
	underBoth(t, func(t *testing.T, b *box.Box, flag string) {
		script := `dir=$(mktemp -d); trap 'rm -r $dir' EXIT; mkfifo $dir/ready; "$@" --foreground sh -c 'echo >"$0"; exec sleep 300' $dir/ready & read x <$dir/ready; kill -TERM $!; wait $!`
		out := box.Run(t, b, noInput(b.Command("unshare", "--pid", "--fork", "--kill-child", "--mount-proc",
			"sh", "-c", script, "sh", box.Lastout(t), flag)), patience)
		if out.Status != 128+int(unix.SIGTERM) {
			t.Errorf("status %d, stderr %q", out.Status, out.Stderr)
		}
	})
}

// TestRoomForProcesses: lastout needs nine processes and threads besides itself, the command's
// among them; sometimes eight are enough. With less it says so in one line. Each run is another
// user's: on a busy machine threads of the one before may still be at their exit.
func TestRoomForProcesses(t *testing.T) {
	if os.Getuid() != 0 {
		t.Skip("needs root, to become a user who has no other process")
	}
	b := box.New(t)
	for limit := 1; limit <= 12; limit++ {
		user := []string{"nproc", strconv.Itoa(limit), "uid", strconv.Itoa(54321 + limit), "--", box.Lastout(t)}
		alone := box.Run(t, b, b.Command(trap(t, "starts-with"), append(user, "--keeper=off", "/bin/true")...),
			patience)
		if alone.Status != 0 && (alone.Status != 125 && alone.Status != 126 || strings.Count(alone.Stderr, "\n") != 1) {
			t.Errorf("a limit of %d, without a guardian: status %d, stderr %q", limit, alone.Status, alone.Stderr)
		}
		out := box.Run(t, b, b.Command(trap(t, "starts-with"), append(user, "/bin/true")...), patience)
		want := 125
		switch {
		case limit >= 10, limit == 9 && out.Status == 0:
			want = 0
		case limit >= 8:
			want = 126
		}
		if out.Status != want || strings.Count(out.Stderr, "\n") != min(want, 1) {
			t.Errorf("a limit of %d: status %d, want %d; stderr %q", limit, out.Status, want, out.Stderr)
		}
		checkNoTrace(t, out.Stderr)
	}
}
