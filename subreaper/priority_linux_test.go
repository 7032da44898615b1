package subreaper

import (
	"os"
	"testing"

	"golang.org/x/sys/unix"
)

// TestAlert: but for the runtime's monitor every thread comes before others until that is over, and
// in a hurry that one, too.
func TestAlert(t *testing.T) {
	if os.Geteuid() != 0 {
		t.Skip("a real-time policy takes CAP_SYS_NICE")
	}
	r := newReaper(t, Options{Exclusive: true})
	check := func(when string, main, monitor bool) {
		t.Helper()
		for i, want := range []bool{main, monitor} {
			attr, err := unix.SchedGetAttr(int(r.fs.Threads(r.walk.self)[i]), 0)
			if err != nil {
				t.Fatal(err)
			}
			if got := attr.Policy == unix.SCHED_RR; got != want {
				t.Errorf("%s thread %d is raised: %t, want %t", when, i, got, want)
			}
		}
	}
	check("before,", false, false)
	calm := r.Alert()
	check("alert,", true, false)
	restore := r.Hurry()
	check("in a hurry,", true, true)
	restore()
	check("alert again,", true, false)
	calm()
	check("after it,", false, false)
}
