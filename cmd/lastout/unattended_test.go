//go:build linux

package main_test

import (
	"bufio"
	"bytes"
	"fmt"
	"io"
	"net"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"testing"

	"golang.org/x/sys/unix"

	"lastout/testdata/box"
)

// TestHeldOutputIsLarge: a gigabyte of output is held back, and shown to the last byte, in less
// than 64 MiB of memory.
func TestHeldOutputIsLarge(t *testing.T) {
	const size = 1 << 30
	for _, c := range []struct {
		name  string
		flags []string
		shown int64
	}{
		{"all", nil, size},
		{"its end", []string{"--tail", "100M"}, 100 << 20},
	} {
		t.Run(c.name, func(t *testing.T) {
			b := box.New(t)
			// Another lastout tells what memory that took: what the kernel counts for our child
			// begins with what we have (exec_mmap).
			report := filepath.Join(t.TempDir(), "report")
			argv := slices.Concat([]string{"--report", report, box.Lastout(t), "--quiet-success"}, c.flags,
				[]string{"sh", "-c", `yes "$0" | head -c 1G; exit 3`, strings.Repeat("x", 1023)})
			cmd := noInput(b.Command(box.Lastout(t), argv...))
			cmd.Env = append(cmd.Env, "TMPDIR="+t.TempDir())
			out, theirs, err := os.Pipe()
			if err != nil {
				t.Fatal(err)
			}
			cmd.Stdout = theirs
			read := make(chan int64)
			go func() {
				n, _ := io.Copy(io.Discard, out)
				read <- n
			}()
			end := box.Run(t, b, cmd, 10*patience)
			theirs.Close()
			if n := <-read; end.Status != 3 || n != c.shown {
				t.Errorf("status %d, %d bytes shown, want %d; stderr %q", end.Status, n, c.shown, end.Stderr)
			}
			checkMemory(t, report, 64<<20)
		})
	}
}

// checkMemory asserts that no process of a run took as much memory, by the run's report.
func checkMemory(t *testing.T, report string, limit int) {
	t.Helper()
	data, err := os.ReadFile(report)
	if err != nil {
		t.Fatal(err)
	}
	_, after, _ := strings.Cut(string(data), `"peak_memory_bytes":`)
	number, _, _ := strings.Cut(after, ",")
	memory, err := strconv.Atoi(number)
	if err != nil || memory >= limit {
		t.Errorf("%d MiB of memory, want less than %d: %v", memory>>20, limit>>20, err)
	}
	t.Logf("%d MiB of memory", memory>>20)
}

// TestHeldOutputFillsDisk: where there is no more place for what is held back, the newest of it is
// kept, the loss is told in a line, and the job's own status stands. 4 MB are on the disk, of 20.
func TestHeldOutputFillsDisk(t *testing.T) {
	dir := t.TempDir()
	b := box.New(t)
	argv := []string{"env", "TMPDIR=" + dir, box.Lastout(t), "--quiet-success", "sh", "-c", "seq 3000000; exit 3"}
	out := box.Run(t, b, unshared(t, b, "mount -t tmpfs -o size=4m none "+dir, argv...), patience)
	lost := lineWith(out.Stderr, "lastout: ", "no space left on device")
	if out.Status != 3 || lost == "" || strings.Count(out.Stderr, "\n") != 2 {
		t.Errorf("status %d, stderr %q", out.Status, out.Stderr)
	}
	checkLastOf(t, out.Stdout, 3000000)
	if n, _ := strconv.Atoi(strings.Fields(lost + " 0 0")[1]); n+len(out.Stdout) != 22888896 {
		t.Errorf("%d bytes shown and %d lost of 22888896: %q", len(out.Stdout), n, lost)
	}
}

// TestHeldOutputIsNotRead: nobody reads what is shown in the end; TERM ends the wait for that, and
// not what comes after it.
func TestHeldOutputIsNotRead(t *testing.T) {
	r, w, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	defer r.Close()
	b := box.New(t)
	hook := filepath.Join(t.TempDir(), "hook")
	cmd := b.Command("bash", "-c", `exec "$@" >&3 3>&-`, "bash", box.Lastout(t), "--quiet-success",
		"--on-failure", "echo ran >"+hook, "sh", "-c", "seq 100000; exit 3")
	cmd.ExtraFiles = []*os.File{w}
	s := play(t, b, cmd)
	w.Close()
	if _, err := r.Read(make([]byte, 1)); err != nil { // it has begun to show
		t.Fatal(err)
	}
	s.signal(s.pid(), unix.SIGTERM)
	s.end(3)
	if text, err := os.ReadFile(hook); err != nil || string(text) != "ran\n" {
		t.Errorf("the hook has written %q, %v", text, err)
	}
}

// TestHeldOutputWithoutDisk: there is no directory for a file at all.
func TestHeldOutputWithoutDisk(t *testing.T) {
	b := box.New(t)
	cmd := noInput(b.Command(box.Lastout(t), "--quiet-success", "sh", "-c", "seq 3000000; exit 3"))
	cmd.Env = append(cmd.Env, "TMPDIR=/nowhere")
	out := box.Run(t, b, cmd, patience)
	if out.Status != 3 || lineWith(out.Stderr, "lastout: ", "lost", "no such file or directory") == "" {
		t.Errorf("status %d, stderr %q", out.Status, out.Stderr)
	}
	checkLastOf(t, out.Stdout, 3000000)
}

// checkLastOf asserts that a text is the end of what seq prints, and not little of it.
func checkLastOf(t *testing.T, text string, last int) {
	t.Helper()
	lines := strings.Split(strings.TrimSuffix(text, "\n"), "\n")
	for i, line := range lines[1:] { // the first may be a piece of one
		if want := strconv.Itoa(last - len(lines) + 2 + i); line != want {
			t.Fatalf("line %d of %d is %q, want %q", i+2, len(lines), line, want)
		}
	}
	if len(text) < 256<<10 {
		t.Errorf("only %d bytes are kept", len(text))
	}
}

// TestHeldOutputAtPidsLimit: a job that leaves no place for another thread has its output held back
// all the same.
func TestHeldOutputAtPidsLimit(t *testing.T) {
	lock, log := filepath.Join(t.TempDir(), "lock"), filepath.Join(t.TempDir(), "log")
	for _, keeper := range keepers {
		for _, limit := range []int{40, 64, 150} {
			t.Run(fmt.Sprintf("%d, keeper=%s", limit, keeper), func(t *testing.T) {
				b := box.New(t, box.PidsLimit(limit))
				argv := []string{"--keeper", keeper, "--grace", "200ms", "--quiet-success", "--lock", lock,
					"--log", log, trap(t, "fills-up")}
				checkFull(t, box.Run(t, b, noInput(b.Command(box.Lastout(t), argv...)), patience))
			})
		}
	}
}

// TestHeldOutputFewDescriptors: with so few that lastout itself has enough, but hardly.
func TestHeldOutputFewDescriptors(t *testing.T) {
	underBoth(t, func(t *testing.T, b *box.Box, flag string) {
		argv := []string{"nofile", "24", "--", box.Lastout(t), flag, "--grace", "300ms", "--quiet-success",
			"--lock", filepath.Join(t.TempDir(), "lock"), trap(t, "grove")}
		checkGrove(t, box.Run(t, b, noInput(b.Command(trap(t, "starts-with"), argv...)), patience))
	})
}

// TestHeldOutputIntoClosedDescriptors: standard output, standard error or both were closed from the
// beginning.
func TestHeldOutputIntoClosedDescriptors(t *testing.T) {
	underBoth(t, func(t *testing.T, b *box.Box, flag string) {
		for _, list := range closings {
			argv := []string{"close", list, "--", box.Lastout(t), flag, "--quiet-success", "sh", "-c",
				"echo out; echo err >&2; sleep 60 & exit 7"}
			out := box.Run(t, b, b.Command(trap(t, "starts-with"), argv...), patience)
			if out.Status != 7 || strings.Contains(list, "1") == strings.Contains(out.Stdout, "out\n") ||
				strings.Contains(list, "2") == strings.Contains(out.Stderr, "err\n") {
				t.Errorf("with %q closed: status %d, stdout %q, stderr %q", list, out.Status, out.Stdout, out.Stderr)
			}
		}
	})
}

// TestStrangerHoldsOutput: a process outside of the tree, which has been passed the pipe and keeps
// it, is not waited for.
func TestStrangerHoldsOutput(t *testing.T) {
	b, stranger := box.New(t), box.New(t)
	dir := t.TempDir()
	for _, name := range []string{"job", "go"} {
		if err := unix.Mkfifo(filepath.Join(dir, name), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	// It opens the job's standard output by /proc, as one that was passed the descriptor over a
	// socket has it.
	other := stranger.Command("sh", "-c", `read pid <job; exec >/proc/$pid/fd/3; echo stranger; echo >go; read end; exec echo more`)
	other.Dir = dir
	in, err := other.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := other.Start(); err != nil {
		t.Fatal(err)
	}
	cmd := noInput(b.Command(box.Lastout(t), "--quiet-success", "sh", "-c",
		`exec 3>&1; echo $$ >job; read go <go; exit 3`))
	cmd.Dir = dir
	if out := box.Run(t, b, cmd, patience); out.Status != 3 || out.Stdout != "stranger\n" {
		t.Errorf("status %d, stdout %.100q, stderr %q", out.Status, out.Stdout, out.Stderr)
	}
	in.Close()
	if err := other.Wait(); err == nil || other.ProcessState.Sys().(syscall.WaitStatus).Signal() != unix.SIGPIPE {
		t.Errorf("the stranger ended with %v, want SIGPIPE: nobody reads any more", other.ProcessState)
	}
}

// TestRetryIsEnded: a signal between two attempts ends lastout, and one to an attempt makes it the
// last.
func TestRetryIsEnded(t *testing.T) {
	heedSignals(t)
	for _, sig := range []unix.Signal{unix.SIGTERM, unix.SIGINT, unix.SIGHUP} {
		underBoth(t, func(t *testing.T, b *box.Box, flag string) {
			s := play(t, b, b.Command(box.Lastout(t), flag, "--retry", "3", "--retry-delay", "1h",
				"--on-failure", "echo told $LASTOUT_RUN_SIGNAL", "sh", "-c", "exit 3"))
			s.awaitSaid("attempt 1 of 4, the next in")
			s.signal(s.pid(), sig)
			s.endOf(sig)
			if n := strings.Count(s.said(), "told "+signalWord(sig)+"\n"); n != 1 {
				t.Errorf("on-failure was run %d times: %q", n, s.said())
			}
		})
		underBoth(t, func(t *testing.T, b *box.Box, flag string) {
			s := play(t, b, b.Command(box.Lastout(t), flag, "--retry", "3", "--retry-delay", "0", "sh", "-c",
				"trap 'exit 3' TERM INT HUP; echo ready $$ $PPID; while :; do sleep .1; done"))
			s.ready()
			s.signal(s.pid(), sig)
			s.end(3)
			if strings.Contains(s.said(), "attempt") {
				t.Errorf("there was another attempt: %q", s.said())
			}
		})
	}
}

// TestSignalsBetweenAttempts: a signal at any moment of a run of many short attempts ends it. None
// is lost while one is being started.
func TestSignalsBetweenAttempts(t *testing.T) {
	underBoth(t, func(t *testing.T, b *box.Box, flag string) {
		for i := range 40 {
			s := play(t, b, b.Command(box.Lastout(t), flag, "-q", "--retry", "1000000", "--retry-delay", "0",
				"sh", "-c", "echo; exit 3"))
			for range 1 + i/4 {
				s.line()
			}
			go func() { _, _ = io.Copy(io.Discard, s.lines) }()
			s.signal(s.pid(), unix.SIGTERM)
			if st := s.wait(); !(st.Signaled() && st.Signal() == unix.SIGTERM) &&
				!(st.Exited() && st.ExitStatus() == 3) {
				t.Errorf("%s, want the command's status or death by TERM; stderr %q", ended(st), s.said())
			}
			b.AssertEmpty()
		}
	})
}

// TestRunnerKilledInHook: what a hook has started is ended too where lastout is killed.
func TestRunnerKilledInHook(t *testing.T) {
	adoptOrphans(t)
	b := box.New(t, box.PidsCap(600))
	s := play(t, b, b.Command(box.Lastout(t), "--on-success", "setsid sleep 300 & sleep 300 & echo hook; wait", "true"))
	s.awaitSaid("hook")
	s.signal(s.pid(), unix.SIGKILL)
	s.wait()
	emptyWithin(t, b, patience, s.pid())
}

// TestHookIsEnded: TERM to lastout while a hook runs is the hook's.
func TestHookIsEnded(t *testing.T) {
	b := box.New(t)
	s := play(t, b, b.Command(box.Lastout(t), "--on-success", "echo hook; exec sleep 300", "true"))
	s.awaitSaid("hook")
	s.signal(s.pid(), unix.SIGTERM)
	s.end(0)
	if lineWith(s.said(), "--on-success: died of TERM") == "" {
		t.Errorf("stderr %q", s.said())
	}
}

// TestStartHookIsEnded: TERM while the first hook runs is for the run, too: the command is not
// started.
func TestStartHookIsEnded(t *testing.T) {
	b := box.New(t)
	s := play(t, b, b.Command(box.Lastout(t), "--on-start", "echo hook; exec sleep 300", "--on-failure",
		"echo told", "sh", "-c", "echo started >&2"))
	s.awaitSaid("hook")
	s.signal(s.pid(), unix.SIGTERM)
	s.endOf(unix.SIGTERM)
	if strings.Contains(s.said(), "started") || !strings.Contains(s.said(), "told") {
		t.Errorf("stderr %q", s.said())
	}
}

// TestLogSockets: the journal's socket and syslog's, with a test behind them.
func TestLogSockets(t *testing.T) {
	for target, preparation := range map[string]string{
		"journal": "mount -t tmpfs none /run && mkdir -p /run/systemd/journal && touch /run/systemd/journal/socket && mount --bind %s /run/systemd/journal/socket",
		"syslog":  "mount -t tmpfs none /dev && mknod -m 666 /dev/null c 1 3 && touch /dev/log && mount --bind %s /dev/log",
	} {
		t.Run(target, func(t *testing.T) {
			dir, err := os.MkdirTemp("", "log") // a socket's name is short (unix(7))
			if err != nil {
				t.Fatal(err)
			}
			defer os.RemoveAll(dir)
			path := filepath.Join(dir, "socket")
			daemon, err := net.ListenUnixgram("unixgram", &net.UnixAddr{Name: path, Net: "unixgram"})
			if err != nil {
				t.Fatal(err)
			}
			defer daemon.Close()
			b := box.New(t)
			out := box.Run(t, b, unshared(t, b, fmt.Sprintf(preparation, path), box.Lastout(t), "--log", target,
				"--name", "backup", "sh", "-c", "exit 3"), patience)
			if out.Status != 3 || out.Stderr != "" {
				t.Errorf("status %d, stderr %q", out.Status, out.Stderr)
			}
			checkEvents(t, daemon, map[string]string{"journal": "LASTOUT_STATUS=3\n", "syslog": " status=3 "}[target])
		})
	}
}

// checkEvents reads what a daemon was sent, from "begin" to "over", which is to have words.
func checkEvents(t *testing.T, daemon *net.UnixConn, words string) {
	t.Helper()
	buf := make([]byte, 64<<10)
	for n := 0; ; n++ {
		size, err := daemon.Read(buf)
		if err != nil {
			t.Fatal(err)
		}
		event := string(buf[:size])
		if !strings.Contains(event, "backup") || n == 0 && !strings.Contains(event, "begin") {
			t.Errorf("event %d is %q", n, event)
		}
		if strings.Contains(event, "MESSAGE=over\n") || strings.Contains(event, ": over ") {
			if !strings.Contains(event, words) || n < 2 {
				t.Errorf("event %d is %q, want %q in it", n, event, words)
			}
			return
		}
	}
}

// TestMetricsOnFullDisk: the old metrics stay where the new ones cannot be written, and the job's
// status stands.
func TestMetricsOnFullDisk(t *testing.T) {
	dir := t.TempDir()
	b := box.New(t)
	script := `cd "$1" && "$0" --metrics m.prom true && "$0" --metrics m.prom sh -c 'dd if=/dev/zero of=fill bs=4k 2>/dev/null; exit 3'; echo $?; cat m.prom`
	out := box.Run(t, b, unshared(t, b, "mount -t tmpfs -o size=64k none "+dir, "sh", "-c", script,
		box.Lastout(t), dir), patience)
	if !strings.HasPrefix(out.Stdout, "3\n# HELP") ||
		!strings.Contains(out.Stdout, `lastout_exit_status{name="true"} 0`) {
		t.Errorf("stdout %q, stderr %q", out.Stdout, out.Stderr)
	}
	if lineWith(out.Stderr, "lastout: --metrics:", "no space left on device") == "" {
		t.Errorf("stderr %q", out.Stderr)
	}
}

// TestOutputOfAttempts: what several attempts have written is shown as they wrote it, with what
// lastout said between them.
func TestOutputOfAttempts(t *testing.T) {
	b := box.New(t)
	cmd := noInput(b.Command(box.Lastout(t), "--quiet-success", "--retry", "1", "--retry-delay", "0", "sh",
		"-c", "echo out; echo err >&2; exit 3"))
	var both bytes.Buffer
	r, w, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	cmd.Stdout, cmd.Stderr = w, w
	box.Run(t, b, cmd, patience)
	w.Close()
	_, _ = both.ReadFrom(r)
	var got []string
	for lines := bufio.NewScanner(&both); lines.Scan(); {
		got = append(got, strings.Fields(lines.Text())[0])
	}
	if want := []string{"out", "err", "lastout:", "out", "err", "lastout:"}; !slices.Equal(got, want) {
		t.Errorf("lines begin with %q, want %q", got, want)
	}
}
