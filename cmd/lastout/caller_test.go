//go:build linux

package main_test

import (
	"os"
	"slices"
	"strconv"
	"syscall"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"lastout/testdata/box"
)

// TestDieWithParent: with --die-with-parent the death of the caller, of whatever, ends the tree. A
// caller that has died before lastout could see it is not known.
func TestDieWithParent(t *testing.T) {
	adoptOrphans(t)
	underBoth(t, func(t *testing.T, b *box.Box, flag string) {
		for _, sig := range []syscall.Signal{unix.SIGKILL, unix.SIGTERM} {
			s, _ := dyingCaller(t, b, flag, "--die-with-parent")
			s.signal(s.pid(), sig)
			emptyWithin(t, b, 1500*time.Millisecond, s.pid())
			s.wait()
		}
	})
}

// TestOutlivesParent: without the flag the tree lives on, as it would without lastout.
func TestOutlivesParent(t *testing.T) {
	adoptOrphans(t)
	b := box.New(t)
	s, worker := dyingCaller(t, b)
	s.signal(s.pid(), unix.SIGKILL)
	s.wait()
	s.in.Close() // only now does the leader end, of itself
	awaitExit(worker, patience)
	emptyWithin(t, b, 1500*time.Millisecond, s.pid())
	if lineWith(s.said(), "grove left") == "" {
		t.Errorf("stderr %q does not tell of the leftovers: lastout did not go on", s.said())
	}
}

// dyingCaller is a shell that runs lastout, which has a grove below it.
func dyingCaller(t *testing.T, b *box.Box, flags ...string) (s *scene, worker int) {
	t.Helper()
	argv := []string{"dup", "3", "--", "sh", "-c", `"$@" <&3 3<&- & exec 3<&-; wait`, "sh", box.Lastout(t),
		"--grace", "500ms"}
	s = play(t, b, b.Command(trap(t, "starts-with"), slices.Concat(argv, flags, []string{trap(t, "grove")})...))
	_, worker = s.ready()
	return s, worker
}

// TestDieWithParentWhileStarting: the caller dies as soon as lastout has a child. By then it must
// be followed.
func TestDieWithParentWhileStarting(t *testing.T) {
	adoptOrphans(t)
	b := box.New(t, box.PidsCap(600))
	for i := range 20 {
		cmd := b.Command("sh", "-c", `"$@" <&3 3<&- & exec 3<&-; echo $!; wait`, "sh", box.Lastout(t),
			"--die-with-parent", "--grace", "300ms", trap(t, "grove"))
		stdin, in, err := os.Pipe()
		if err != nil {
			t.Fatal(err)
		}
		cmd.ExtraFiles = []*os.File{stdin}
		s := play(t, b, cmd)
		stdin.Close()
		runner, err := strconv.Atoi(s.line())
		if err != nil {
			t.Fatal(err)
		}
		awaitChild(t, runner)
		time.Sleep(time.Duration(i) * 100 * time.Microsecond) // not to wait for something, but to come at every moment
		s.signal(s.pid(), unix.SIGKILL)
		emptyWithin(t, b, 1300*time.Millisecond, s.pid())
		in.Close()
		s.wait()
		if t.Failed() {
			t.Fatalf("in round %d", i)
		}
	}
}
