package jobs

import (
	"context"
	"errors"
	"testing"

	"golang.org/x/sys/unix"
)

// A keeper that was started ahead may be dead, and reaped, before its Runner has had a look at it.
func TestKeeperDeadBeforeItsRunner(t *testing.T) {
	k, err := StartKeeper()
	if err != nil {
		t.Fatal(err)
	}
	if err := unix.Kill(k.pid, unix.SIGKILL); err != nil {
		t.Fatal(err)
	}
	if err := unix.Waitid(unix.P_PID, k.pid, nil, unix.WEXITED|unix.WNOWAIT, nil); err != nil {
		t.Fatal(err)
	}
	r, err := NewRunner(Options{Keeper: k})
	if err != nil {
		t.Fatal(err)
	}
	<-k.gone // reaped
	lost := false
	r.opts.Events.KeeperLost = func() { lost = true }
	result, err := r.Run(context.Background(), Job{Args: []string{"/bin/true"}})
	if !errors.Is(err, ErrKeeperLost) || !lost {
		t.Errorf("result %+v, error %v, told %t; want %v", result, err, lost, ErrKeeperLost)
	}
	if err := r.Close(); err != nil {
		t.Error(err)
	}
}
