package terminal

import (
	"errors"
	"fmt"
	"os"
	"os/exec"
	"strings"
	"syscall"
	"testing"

	"github.com/creack/pty"
	"golang.org/x/sys/unix"
)

// atTerminal runs a part of a test as the leader of a session at a new terminal, in a process of
// its own: the test binary again.
func atTerminal(t *testing.T, part string) {
	t.Helper()
	master, tty, err := pty.Open()
	if err != nil {
		t.Fatal(err)
	}
	defer master.Close()
	defer tty.Close()
	out, err := os.CreateTemp(t.TempDir(), "")
	if err != nil {
		t.Fatal(err)
	}
	defer out.Close()
	cmd := exec.Command(os.Args[0], "-test.run=^$")
	cmd.Env = append(os.Environ(), "TERMINAL_PART="+part)
	cmd.Stdin, cmd.Stdout, cmd.Stderr = tty, tty, tty
	cmd.ExtraFiles = []*os.File{out}
	cmd.SysProcAttr = &syscall.SysProcAttr{Setsid: true, Setctty: true}
	runErr := cmd.Run()
	said, _ := os.ReadFile(out.Name())
	if runErr != nil || len(said) > 0 {
		t.Errorf("%v\n%s", runErr, said)
	}
}

// parts are what runs at a terminal. They write what is wrong.
var parts = map[string]func(wrong func(format string, args ...any)){"loan": loan, "seats": seats}

func TestMain(m *testing.M) {
	part, ok := parts[os.Getenv("TERMINAL_PART")]
	if !ok {
		os.Exit(m.Run())
	}
	report := os.NewFile(3, "report")
	part(func(format string, args ...any) { fmt.Fprintf(report, format+"\n", args...) })
	os.Exit(0)
}

func TestLoan(t *testing.T) { atTerminal(t, "loan") }

func TestSeats(t *testing.T) { atTerminal(t, "seats") }

// borrower starts a process that leads a group and ends with its input.
func borrower() (pid int, end func()) {
	cmd := exec.Command("cat")
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	in, _ := cmd.StdinPipe()
	if err := cmd.Start(); err != nil {
		panic(err)
	}
	return cmd.Process.Pid, func() { in.Close(); _ = cmd.Wait() }
}

func loan(wrong func(format string, args ...any)) {
	tty, err := Open()
	if err != nil {
		wrong("%v", err)
		return
	}
	defer tty.Close()
	self := unix.Getpgrp()
	front := func(want int, when string) {
		if now, err := tty.Foreground(); now != want || err != nil {
			wrong("%s: %d, %v is in the foreground, want %d", when, now, err, want)
		}
	}
	pid, end := borrower()
	l := Loan{TTY: tty, Owner: self}
	if l.Lent() || l.Out(nil) || l.GiveBack(true, nil) {
		wrong("lent before it was")
	}
	if err := l.Lend(pid); err != nil || !l.Lent() || !l.Out(nil) {
		wrong("lend: %v", err)
	}
	front(pid, "lent")
	raw := *l.Modes
	raw.Lflag &^= unix.ICANON | unix.ECHO
	if err := tty.SetModes(&raw); err != nil { // from the background
		wrong("set modes: %v", err)
	}
	if !l.GiveBack(false, nil) || l.Out(nil) {
		wrong("not given back")
	}
	front(self, "given back")
	if now, _ := tty.Modes(); *now != raw {
		wrong("the modes are reset without being asked for")
	}
	if err := l.Lend(pid); err != nil {
		wrong("lend again: %v", err)
	}
	end() // nobody is left of the group
	if !l.GiveBack(true, nil) {
		wrong("not given back by the dead")
	}
	front(self, "given back by the dead")
	if now, _ := tty.Modes(); now.Lflag != raw.Lflag|unix.ICANON|unix.ECHO {
		wrong("the modes are not reset")
	}
	other, end := borrower()
	defer end()
	if err := tty.SetForeground(other); err != nil {
		wrong("%v", err)
	}
	if err := l.Lend(pid); !errors.Is(err, unix.EBUSY) {
		wrong("lent what another group has: %v", err)
	}
	if l.GiveBack(true, func(group int) bool { return false }) {
		wrong("taken from another group")
	}
	if !l.GiveBack(true, func(group int) bool { return group == other }) {
		wrong("not given back by a group of the job")
	}
	front(self, "given back by a group of the job")
}

func seats(wrong func(format string, args ...any)) {
	if SeatOf(os.Getpid()) != Alone {
		wrong("the leader of the session is not alone at its terminal: %d", SeatOf(os.Getpid()))
	}
	if !Orphaned(os.Getpid(), os.Getppid()) {
		wrong("the group of a session's leader is not orphaned")
	}
	null, err := os.Open(os.DevNull)
	if err != nil {
		wrong("%v", err)
		return
	}
	if err := unix.Dup3(int(null.Fd()), 1, 0); err != nil || SeatOf(os.Getpid()) != Shared {
		wrong("with its output elsewhere its seat is %d, %v", SeatOf(os.Getpid()), err)
	}
	if tty, err := Open(); err == nil {
		defer tty.Close()
		group, end := borrower()
		defer end()
		if err := tty.SetForeground(group); err != nil || SeatOf(os.Getpid()) != Away {
			wrong("in the background its seat is %d, %v", SeatOf(os.Getpid()), err)
		}
	}
}

func TestWithoutTerminal(t *testing.T) {
	cmd := exec.Command("setsid", "-w", os.Args[0], "-test.run=^TestOpenFails$", "-test.v")
	cmd.Env = append(os.Environ(), "TERMINAL_NONE=1")
	if out, err := cmd.CombinedOutput(); err != nil || !strings.Contains(string(out), "--- PASS: TestOpenFails") {
		t.Errorf("%v\n%s", err, out)
	}
}

// TestOpenFails is run by TestWithoutTerminal.
func TestOpenFails(t *testing.T) {
	if os.Getenv("TERMINAL_NONE") == "" {
		t.Skip("there may be a terminal")
	}
	if _, err := Open(); !errors.Is(err, ErrNone) {
		t.Errorf("open: %v, want %v", err, ErrNone)
	}
}
