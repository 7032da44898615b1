//go:build linux

package main_test

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"lastout/testdata/box"
)

// everywhere runs a test where the kernel itself protects sticky directories, and where it does
// not.
func everywhere(t *testing.T, f func(t *testing.T, dir string)) {
	needRoot(t)
	uid, _ := strconv.Atoi(somebody)
	// Another test of this kind, of another checkout, would put back what is ours.
	settings, err := os.Open("/proc/sys/fs")
	if err == nil {
		err = unix.Flock(int(settings.Fd()), unix.LOCK_EX)
	}
	if err != nil {
		lacking(t, "%v", err)
	}
	defer settings.Close()
	for _, protected := range []string{"0", "1"} {
		t.Run("protected="+protected, func(t *testing.T) {
			for _, name := range []string{"symlinks", "hardlinks", "fifos", "regular"} {
				setting := "/proc/sys/fs/protected_" + name
				old, err := os.ReadFile(setting)
				if err == nil {
					err = os.WriteFile(setting, []byte(protected), 0)
				}
				if err != nil {
					lacking(t, "%v", err)
				}
				t.Cleanup(func() { _ = os.WriteFile(setting, bytes.TrimSpace(old), 0) })
			}
			above, err := os.MkdirTemp("", "lastout-files-") // somebody else is to look into it
			if err != nil {
				t.Fatal(err)
			}
			t.Cleanup(func() { os.RemoveAll(above) })
			dir := filepath.Join(above, "tmp")
			for _, err := range []error{os.Chmod(above, 0o755), os.Mkdir(dir, 0o700), unix.Chmod(dir, 0o1777),
				os.Mkdir(dir+"/home", 0o755), os.Chown(dir+"/home", uid, uid)} {
				if err != nil {
					t.Fatal(err)
				}
			}
			f(t, dir)
		})
	}
}

// outcomeOf runs lastout and returns its status and what it said.
func outcomeOf(t *testing.T, argv ...string) (status int, said string) {
	t.Helper()
	b := box.New(t, box.PidsCap(600))
	out := box.Run(t, b, noInput(b.Command(box.Lastout(t), argv...)), patience)
	return out.Status, out.Stderr
}

// writers are the flags that write.
var writers = []string{"--report", "--trace", "--metrics", "--log", "--lock"}

// fileFor is a name in a directory that a flag takes.
func fileFor(flag, dir string) string {
	if flag == "--metrics" {
		return filepath.Join(dir, "file.prom")
	}
	return filepath.Join(dir, "file")
}

// TestLinkOfAttacker: a symbolic link that somebody else has put where a file is to be written
// leads nowhere.
func TestLinkOfAttacker(t *testing.T) {
	everywhere(t, func(t *testing.T, dir string) {
		uid, _ := strconv.Atoi(somebody)
		secret := filepath.Join(t.TempDir(), "secret")
		for _, at := range []string{"", "home/"} {
			for _, flag := range writers {
				name := fileFor(flag, filepath.Join(dir, at))
				for _, content := range []string{"", "precious\n"} {
					_ = os.Remove(secret)
					if content != "" {
						writeFile(t, secret, content)
					}
					if err := errors.Join(os.Symlink(secret, name), os.Lchown(name, uid, uid)); err != nil {
						t.Fatal(err)
					}
					status, said := outcomeOf(t, flag, name, "true")
					if status != 125 || !strings.Contains(said, "symbolic link") {
						t.Errorf("%s %s: status %d, %q", flag, name, status, said)
					}
					if got, err := os.ReadFile(secret); content == "" && err == nil || string(got) != content {
						t.Errorf("%s %s: what it leads to has %q, %v", flag, name, got, err)
					}
					if err := os.Remove(name); err != nil {
						t.Fatal(err)
					}
				}
			}
		}
	})
}

// TestFIFOOfAttacker: nobody reads by a FIFO of his what the job is, or holds lastout up.
func TestFIFOOfAttacker(t *testing.T) {
	everywhere(t, func(t *testing.T, dir string) {
		uid, _ := strconv.Atoi(somebody)
		for _, flag := range writers {
			name := fileFor(flag, dir)
			if err := errors.Join(unix.Mkfifo(name, 0o666), os.Chown(name, uid, uid)); err != nil {
				t.Fatal(err)
			}
			reader, err := os.OpenFile(name, os.O_RDWR|unix.O_NONBLOCK, 0)
			if err != nil {
				t.Fatal(err)
			}
			status, said := outcomeOf(t, flag, name, "true")
			if status != 125 || !strings.HasPrefix(said, "lastout: "+flag+": ") {
				t.Errorf("%s: status %d, %q", flag, status, said)
			}
			if n, _ := unix.Read(int(reader.Fd()), make([]byte, 1)); n > 0 {
				t.Errorf("%s: something was written to it", flag)
			}
			reader.Close()
			if err := os.Remove(name); err != nil {
				t.Fatal(err)
			}
		}
	})
}

// TestSecondNameOfAttacker: nothing is appended to a file by way of a second name that somebody
// else has given it.
func TestSecondNameOfAttacker(t *testing.T) {
	everywhere(t, func(t *testing.T, dir string) {
		secret := filepath.Join(filepath.Dir(dir), "secret")
		for _, flag := range writers {
			writeFile(t, secret, "")
			name := fileFor(flag, dir)
			if err := os.Link(secret, name); err != nil {
				t.Fatal(err)
			}
			_, _ = outcomeOf(t, flag, name, "true")
			if got, err := os.ReadFile(secret); err != nil || len(got) > 0 {
				t.Errorf("%s: %q was written, %v", flag, got, err)
			}
			if err := errors.Join(os.Remove(secret), os.Remove(name)); err != nil {
				t.Fatal(err)
			}
		}
	})
}

// TestSwappedDirectory: a job that exchanges the directory of a report, for a link to another, does
// not move the report there.
func TestSwappedDirectory(t *testing.T) {
	everywhere(t, func(t *testing.T, dir string) {
		uid, _ := strconv.Atoi(somebody)
		out, secret := filepath.Join(dir, "home", "out"), filepath.Join(t.TempDir(), "secret")
		for _, err := range []error{os.Mkdir(out, 0o755), os.Chown(out, uid, uid), os.Mkdir(secret, 0o755)} {
			if err != nil {
				t.Fatal(err)
			}
		}
		swap := fmt.Sprintf("mv %s %s.old && ln -s %s %s", out, out, secret, out)
		b := box.New(t, box.PidsCap(600))
		argv := []string{"--report", out + "/r.json", "--trace", out + "/t.json", "--metrics", out + "/m.prom",
			trap(t, "starts-with"), "uid", somebody, "--", "sh", "-c", swap}
		if got := box.Run(t, b, noInput(b.Command(box.Lastout(t), argv...)), patience); got.Status != 0 ||
			got.Stderr != "" {
			t.Errorf("status %d, %q", got.Status, got.Stderr)
		}
		if entries, _ := os.ReadDir(secret); len(entries) > 0 {
			t.Errorf("by way of the link %v came to be", entries)
		}
		if entries, _ := os.ReadDir(out + ".old"); len(entries) != 3 {
			t.Errorf("in the directory that was held there is %v", entries)
		}
	})
}

// TestReportIsNotRead: a signal ends the wait for who reads a report, or what lastout says.
func TestReportIsNotRead(t *testing.T) {
	for _, keeper := range []string{"auto", "off"} {
		for _, sig := range []unix.Signal{unix.SIGTERM, unix.SIGINT} {
			t.Run(fmt.Sprintf("%s/%v", keeper, sig), func(t *testing.T) {
				dir := t.TempDir()
				pipe := filepath.Join(dir, "pipe")
				if err := unix.Mkfifo(pipe, 0o600); err != nil {
					t.Fatal(err)
				}
				reader, err := os.OpenFile(pipe, os.O_RDWR|unix.O_NONBLOCK, 0)
				if err != nil {
					t.Fatal(err)
				}
				defer reader.Close()
				full := make([]byte, 1<<20)
				for n := 1; n > 0; { // nothing more goes in
					n, _ = unix.Write(int(reader.Fd()), full)
				}
				b := box.New(t, box.PidsCap(600))
				s := play(t, b, b.Command(box.Lastout(t), "--keeper="+keeper, "--report", pipe, "sh", "-c",
					"echo gone"))
				s.expect("gone")
				leader := func() int { return childOf(s.pid()) }
				if keeper == "auto" {
					leader = func() int { return childOf(childOf(s.pid())) }
				}
				for end := time.Now().Add(patience); leader() != 0; time.Sleep(time.Millisecond) {
					if time.Now().After(end) {
						t.Fatal("the command does not end")
					}
				}
				s.again(sig)
				s.end(0)
				if lineWith(s.said(), "--report", "lost") == "" {
					t.Errorf("stderr %q does not say that the report is lost", s.said())
				}
			})
		}
	}
}

// again sends a signal until the process ends: before the job is over it is for a command that is
// not there any more.
func (s *scene) again(sig unix.Signal) {
	s.t.Helper()
	done := make(chan struct{})
	go func() {
		defer close(done)
		s.wait()
	}()
	for {
		select {
		case <-done:
			return
		case <-time.After(10 * time.Millisecond):
			_ = s.cmd.Process.Signal(sig)
		}
	}
}

// TestRightsOfAFile: a lastout that is set-user-ID does not run. One with capabilities heeds no
// variables.
func TestRightsOfAFile(t *testing.T) {
	needRoot(t)
	if _, err := exec.LookPath("setcap"); err != nil {
		lacking(t, "%v", err)
	}
	dir, err := os.MkdirTemp("", "lastout-rights-")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { os.RemoveAll(dir) })
	data, err := os.ReadFile(box.Lastout(t))
	if err != nil {
		t.Fatal(err)
	}
	path := filepath.Join(dir, "lastout")
	if err := errors.Join(os.Chmod(dir, 0o777), os.WriteFile(path, data, 0o755)); err != nil {
		t.Fatal(err)
	}
	as := func(argv ...string) *exec.Cmd {
		cmd := exec.Command(trap(t, "starts-with"), append([]string{"uid", somebody, "--", path}, argv...)...)
		cmd.Env = append(os.Environ(), "LASTOUT_KEEPER=off", "LASTOUT_REPORT="+dir+"/report",
			"LASTOUT_FAIL_ON_LEAK=true", "LASTOUT_GODEBUG=inittrace=1",
			"GODEBUG=inittrace=1", "GITHUB_ACTIONS=true", "GITHUB_STEP_SUMMARY="+dir+"/summary")
		return cmd
	}
	for _, mode := range []os.FileMode{os.ModeSetuid, os.ModeSetgid} {
		if err := os.Chmod(path, 0o755|mode); err != nil {
			t.Fatal(err)
		}
		out, _ := as("touch", dir+"/started").CombinedOutput()
		if !strings.HasPrefix(string(out), "lastout: it must not be set-user-ID") ||
			strings.Count(string(out), "\n") != 1 {
			t.Errorf("%v: %q", mode, out)
		}
		if _, err := os.Stat(dir + "/started"); err == nil {
			t.Errorf("%v: it has run", mode)
		}
	}
	if err := os.Chmod(path, 0o755); err != nil {
		t.Fatal(err)
	}
	if out, err := exec.Command("setcap", "cap_kill+ep", path).CombinedOutput(); err != nil {
		lacking(t, "setcap: %s", out)
	}
	cmd := as("sh", "-c", "sleep 60 >/dev/null 2>&1 & env | grep -c ^LASTOUT_REPORT=")
	out, err := cmd.CombinedOutput()
	if text := string(out); err != nil || !strings.HasPrefix(text, "1\n") ||
		!strings.Contains(text, "left 1 process behind") ||
		strings.Contains(text, "::") || strings.Contains(text, "init ") {
		t.Errorf("%v: %s", err, out)
	}
	for _, name := range []string{"report", "summary"} {
		if _, err := os.Stat(filepath.Join(dir, name)); err == nil {
			t.Errorf("it has written a %s", name)
		}
	}
}

// TestKilledWhileItWrites: a worker that is killed before it can give a file its name leaves no
// temporary one.
func TestKilledWhileItWrites(t *testing.T) {
	needProgram(t, "strace")
	for _, flag := range []string{"report", "trace", "metrics"} {
		t.Run(flag, func(t *testing.T) {
			b := box.New(t, box.PidsCap(600))
			path := filepath.Join(t.TempDir(), "file")
			s := play(t, b, b.Command(box.Lastout(t), "--"+flag, path, "sh", "-c", "echo ready $$ $PPID; read x"))
			_, worker := s.ready()
			tracer := exec.Command("strace", "-f", "-e", "trace=/^renameat", "-e",
				"inject=/^renameat:signal=KILL", "-p", strconv.Itoa(worker))
			said, err := tracer.StderrPipe()
			if err := errors.Join(err, tracer.Start()); err != nil {
				t.Fatal(err)
			}
			lines := bufio.NewScanner(said)
			if !lines.Scan() || !strings.Contains(lines.Text(), "attached") {
				t.Fatalf("strace: %q", lines.Text())
			}
			fmt.Fprintln(s.in)
			text := ""
			for lines.Scan() {
				text += lines.Text() + "\n"
			}
			_ = tracer.Wait() // it ends with what it traces
			if !strings.Contains(text, "SIGKILL") || !strings.Contains(text, ".tmp") {
				t.Fatalf("it was not killed there; strace:\n%s", text)
			}
			s.wait()
			if said := s.said(); !strings.Contains(said, "the worker died") {
				t.Errorf("stderr %q", said)
			}
			entries, err := os.ReadDir(filepath.Dir(path))
			if err != nil || len(entries) != 1 || entries[0].Name() != "file" {
				t.Errorf("there is %v, %v; want the file alone", entries, err)
			}
		})
	}
}
