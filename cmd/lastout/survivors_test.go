//go:build linux

package main_test

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"lastout/testdata/box"
)

// untouchable returns a copy of becomes-root that is set-user-ID root.
func untouchable(t *testing.T) string {
	t.Helper()
	needRoot(t)
	dir, err := os.MkdirTemp("", "lastout-setuid-") // somebody else is to look into it
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { os.RemoveAll(dir) })
	var fs unix.Statfs_t
	if err := unix.Statfs(dir, &fs); err != nil {
		t.Fatal(err)
	}
	if fs.Flags&unix.ST_NOSUID != 0 {
		lacking(t, "%s is on a file system without set-user-ID programs", dir)
	}
	data, err := os.ReadFile(trap(t, "becomes-root"))
	if err != nil {
		t.Fatal(err)
	}
	path := filepath.Join(dir, "becomes-root")
	for _, err := range []error{os.WriteFile(path, data, 0o755), os.Chmod(path, 0o755|os.ModeSetuid),
		os.Chmod(dir, 0o755)} {
		if err != nil {
			t.Fatal(err)
		}
	}
	return path
}

// playUntouchable runs a job as somebody, with a descendant that somebody may not signal, and two
// that he may. The leader, whose status is 3, exits when its input ends.
func playUntouchable(t *testing.T, b *box.Box, preparation string, flags ...string) (s *scene, pid int) {
	t.Helper()
	return playUntouchables(t, b, preparation, "", flags...)
}

// playUntouchables is playUntouchable, with an argument for becomes-root.
func playUntouchables(t *testing.T, b *box.Box, preparation, argument string, flags ...string) (s *scene, pid int) {
	t.Helper()
	script := `"$0" ` + argument + ` & sleep 50 & setsid sleep 50 & read line; exit 3`
	argv := slices.Concat([]string{trap(t, "starts-with"), "uid", somebody, "--", box.Lastout(t)}, flags,
		[]string{"sh", "-c", script, untouchable(t)})
	var cmd *exec.Cmd
	if preparation == "" {
		cmd = b.Command(argv[0], argv[1:]...)
	} else {
		cmd = unshared(t, b, preparation, argv...)
	}
	s = play(t, b, cmd)
	pid, _ = s.ready()
	t.Cleanup(func() { _ = unix.Kill(pid, unix.SIGKILL) })
	return s, pid
}

// TestUntouchable (G5): a descendant that lastout may not signal is named, with the reason; its
// siblings are ended; lastout does not return before it ends, and does not spin meanwhile. Where
// /proc tells nothing of it, its number must do.
func TestUntouchable(t *testing.T) {
	t.Parallel()
	for _, c := range []struct{ name, preparation, command, keeper string }{
		{"plain", "", "becomes-root", "auto"},
		{"plain", "", "becomes-root", "off"},
		{"hidden", hidepid, "", "auto"},
	} {
		t.Run(c.name+", keeper="+c.keeper, func(t *testing.T) {
			b := box.New(t, box.PidsCap(600))
			s, pid := playUntouchable(t, b, c.preparation, "--keeper", c.keeper, "--grace", "300ms")
			s.in.Close()
			lastout := []int{s.pid()}
			if c.keeper == "auto" {
				lastout = append(lastout, childOf(s.pid()))
			}
			for end := time.Now().Add(patience); len(b.Procs()) > len(lastout)+1; time.Sleep(time.Millisecond) {
				if time.Now().After(end) {
					t.Fatalf("who may be ended is not:%s", describe(b.Procs()))
				}
			}
			time.Sleep(time.Second) // the pauses between its attempts become longer
			before := cpuTime(t, lastout)
			time.Sleep(2 * time.Second) // of which lastout is to use nothing
			if used := cpuTime(t, lastout) - before; used > 300*time.Millisecond {
				t.Errorf("lastout used %v of processor time while it waited for 2s", used)
			}
			if said := s.said(); lineWith(said, "lastout: ", strconv.Itoa(pid), c.command,
				"not permitted") == "" || strings.Count(said, "cannot end") > 3 {
				t.Errorf("stderr %q; want a line for %d, with the reason, and not again and again", said, pid)
			}
			s.signal(pid, unix.SIGKILL)
			s.end(3)
		})
	}
}

// cpuTime returns utime and stime of some processes (proc_pid_stat(5)).
func cpuTime(t *testing.T, pids []int) (total time.Duration) {
	t.Helper()
	for _, pid := range pids {
		data, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))
		if err != nil {
			t.Fatal(err)
		}
		fields := strings.Fields(string(data[strings.LastIndexByte(string(data), ')')+1:]))
		for _, f := range fields[11:13] {
			ticks, _ := strconv.Atoi(f)
			total += time.Duration(ticks) * 10 * time.Millisecond
		}
	}
	return total
}

// TestGiveUp (G5): with --give-up lastout returns, with status 125 and the survivors' names.
func TestGiveUp(t *testing.T) {
	t.Parallel()
	for name, preparation := range map[string]string{"plain": "", "hidden": hidepid,
		"without proc": "mount -t tmpfs none /proc"} {
		t.Run(name, func(t *testing.T) {
			underBoth(t, func(t *testing.T, b *box.Box, flag string) {
				adoptOrphans(t)
				s, pid := playUntouchable(t, b, preparation, flag, "--grace", "300ms", "--give-up", "1s")
				s.in.Close()
				start := time.Now()
				if st := s.wait(); !st.Exited() || st.ExitStatus() != 125 {
					t.Errorf("%s, want status 125", ended(st))
				}
				t.Logf("it took %v after the leader, of which grace and --give-up are 1.3s", time.Since(start))
				if lineWith(s.said(), "lastout: ", strconv.Itoa(pid)) == "" {
					t.Errorf("stderr %q does not name the survivor %d", s.said(), pid)
				}
				s.noTrace()
				if left := living(b); !slices.Equal(left, []int{pid}) {
					t.Errorf("of all, want %d alone to live:%s", pid, describe(left))
				}
				_ = unix.Kill(pid, unix.SIGKILL)
				emptyWithin(t, b, time.Second, 0)
			})
		})
	}
}

// TestGiveUpWithoutWorker is TestGiveUp where the worker is killed. The survivor has a child, which
// is none of the guardian's.
func TestGiveUpWithoutWorker(t *testing.T) {
	t.Parallel()
	adoptOrphans(t)
	b := box.New(t, box.PidsCap(600))
	s, pid := playUntouchables(t, b, "", "and-child", "--give-up", "1s")
	child := childOf(pid)
	s.signal(childOf(s.pid()), unix.SIGKILL)
	if st := s.wait(); !st.Exited() || st.ExitStatus() != 125 {
		t.Errorf("%s, want status 125", ended(st))
	}
	for _, survivor := range []int{pid, child} {
		if lineWith(s.said(), "lastout: ", strconv.Itoa(survivor)) == "" {
			t.Errorf("stderr %q does not name the survivor %d", s.said(), survivor)
		}
	}
	s.noTrace()
	if left := living(b); !slices.Equal(left, slices.Sorted(slices.Values([]int{pid, child}))) {
		t.Errorf("of all, want %d and %d alone to live:%s", pid, child, describe(left))
	}
	_ = unix.Kill(pid, unix.SIGKILL)
	emptyWithin(t, b, time.Second, 0)
}

// freeze puts a process into a frozen cgroup of version 1, where SIGKILL does not reach it:
// uninterruptible, as in a wait for a dead file server.
func freeze(t *testing.T, pid int) (thaw func()) {
	t.Helper()
	dir := legacyCgroup(t, "freezer")
	state := filepath.Join(dir, "freezer.state")
	thaw = func() { _ = os.WriteFile(state, []byte("THAWED"), 0) }
	t.Cleanup(thaw)
	for _, err := range []error{
		os.WriteFile(filepath.Join(dir, "cgroup.procs"), []byte(strconv.Itoa(pid)), 0),
		os.WriteFile(state, []byte("FROZEN"), 0),
	} {
		if err != nil {
			lacking(t, "%v", err)
		}
	}
	for end := time.Now().Add(patience); time.Now().Before(end); time.Sleep(time.Millisecond) {
		if text, _ := os.ReadFile(state); string(text) == "FROZEN\n" {
			return thaw
		}
	}
	t.Fatal("it does not freeze")
	return nil
}

// TestUninterruptible (G5): who does not die of SIGKILL is named after a second, with what he waits
// in; and lastout waits.
func TestUninterruptible(t *testing.T) {
	t.Parallel()
	needRoot(t)
	underBoth(t, func(t *testing.T, b *box.Box, flag string) {
		s := play(t, b, b.Command(box.Lastout(t), flag, "--grace", "300ms", "sh", "-c",
			"sleep 50 & echo ready $! $$; setsid sleep 50 & read line; exit 3"))
		pid, _ := s.ready()
		thaw := freeze(t, pid)
		wchan, _ := os.ReadFile(fmt.Sprintf("/proc/%d/wchan", pid))
		s.in.Close()
		line := s.awaitSaid("lastout: ", strconv.Itoa(pid), "sleep")
		if len(wchan) > 0 && string(wchan) != "0" && !strings.Contains(line, string(wchan)) {
			t.Errorf("%q does not say that it waits in %s", line, wchan)
		}
		thaw()
		s.end(3)
	})
}

// TestGiveUpUninterruptible is TestGiveUp for such a one.
func TestGiveUpUninterruptible(t *testing.T) {
	t.Parallel()
	needRoot(t)
	underBoth(t, func(t *testing.T, b *box.Box, flag string) {
		adoptOrphans(t)
		s := play(t, b, b.Command(box.Lastout(t), flag, "--grace", "300ms", "--give-up", "500ms", "sh", "-c",
			"sleep 50 & echo ready $! $$; read line; exit 0"))
		pid, _ := s.ready()
		thaw := freeze(t, pid)
		s.in.Close()
		if st := s.wait(); !st.Exited() || st.ExitStatus() != 125 {
			t.Errorf("%s, want status 125; stderr %q", ended(st), s.said())
		}
		if lineWith(s.said(), "lastout: ", strconv.Itoa(pid), "sleep") == "" {
			t.Errorf("stderr %q does not name the survivor %d", s.said(), pid)
		}
		s.noTrace()
		thaw()
		emptyWithin(t, b, time.Second, 0)
	})
}

// TestZombieOfTracer: who is dead, but not reaped by the one that traces it, is named, and awaited.
func TestZombieOfTracer(t *testing.T) {
	needRoot(t)
	for _, flag := range []string{"--keeper=auto", "--keeper=off"} {
		t.Run(flag, func(t *testing.T) {
			b := box.New(t, box.PidsCap(600))
			const job = "sleep 300 & echo ready $! $PPID; read line; exit 3"
			s := play(t, b, b.Command(box.Lastout(t), flag, "--grace", "300ms", "sh", "-c", job))
			pid, _ := s.ready()
			tracer := play(t, b, exec.Command(trap(t, "holds-zombie"), strconv.Itoa(pid)))
			tracer.expect("traced")
			fmt.Fprintln(s.in)
			s.awaitSaid(strconv.Itoa(pid), fmt.Sprintf("dead, but traced by process %d", tracer.pid()))
			tracer.in.Close()
			tracer.wait()
			s.end(3)
		})
	}
}
