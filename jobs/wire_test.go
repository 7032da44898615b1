package jobs

import (
	"errors"
	"log/slog"
	"reflect"
	"syscall"
	"testing"
	"time"
	"unsafe"

	"lastout/subreaper"
)

func TestWire(t *testing.T) {
	at := time.Unix(1700000000, 123456789)
	for _, c := range []struct{ in, out interface{ fields(*wire) } }{
		{&order{
			job: Job{
				Args: []string{"sh", "", "-c\x00é"}, Path: "/bin/sh", Env: []string{}, Dir: "/tmp",
				StopSignal: 15, Linger: Forever, Settle: -1, Grace: -1,
				Timeout: time.Hour, KillAfter: 1, GiveUp: 2, Forward: Tree, DeathSignal: -1,
				Cgroup: CgroupRequire, Holders: true, Record: 1 << 20, cgroup: "/sys/fs/cgroup/a",
				NoNewPrivs: true, Ignore: []syscall.Signal{1, 64},
			},
			files: []int{0, fileClosed, filePassed}, held: 1, level: slog.LevelDebug,
		}, &order{}},
		{&order{job: Job{Args: []string{"x"}}}, &order{}},
		{&request{input: stopSignal, sig: 64, sent: 1 << 40, alone: true}, &request{}},
		{&outcome{
			result: Result{
				PID: 1 << 22, Status: 0xff00, Started: at, Exited: at.Add(time.Second),
				Settled: at.Add(time.Hour), TimedOut: true, Killed: true,
				Usage: subreaper.Usage{User: 1, System: 2, MaxRSS: 3, Preemptions: 4}, Reaped: 5, LeftoverCount: 7,
				Leftovers: []Leftover{{Process: subreaper.Process{PID: 9, Cmdline: "a b", Age: time.Second},
					End: ByKill, Status: 9, Reaped: true, Holds: Stdout | Stderr}},
				Lingered: []Leftover{{Process: subreaper.Process{PID: 10, Comm: "x"}, End: ByItself, Reaped: true}},
				Ended: []Ended{{Exit: subreaper.Exit{PID: 3, Status: 9, Usage: subreaper.Usage{MaxRSS: 1},
					Comm: "x", Age: 10 * time.Millisecond}, At: at.Add(-time.Second)}},
			},
			survivors: []subreaper.Survivor{{Err: syscall.EPERM, Wchan: "do_wait"}, {Tracer: 7}},
		}, &outcome{}},
		{&StartError{Path: "x", Err: syscall.ENOENT, NotFound: true, Detail: "d"}, &StartError{}},
		{&record{level: slog.LevelInfo, message: "m", attrs: []slog.Attr{slog.String("k", "v")}}, &record{}},
	} {
		body := message(msgRun, c.in.fields)[headerSize:]
		if err := decode(body, c.out.fields); err != nil {
			t.Errorf("%T: %v", c.in, err)
		}
		if !reflect.DeepEqual(c.in, c.out) {
			t.Errorf("sent     %+v\nreceived %+v", c.in, c.out)
		}
		for cut := range body {
			if decode(body[:cut], reflect.New(reflect.TypeOf(c.in).Elem()).Interface().(interface{ fields(*wire) }).fields) == nil {
				t.Errorf("%T cut to %d of %d bytes is accepted", c.in, cut, len(body))
			}
		}
	}
}

// A keeper's clock may be set while it has a job: what travels are distances of the monotonic
// clock.
func TestWireKeepsDistances(t *testing.T) {
	start := time.Now()
	end := clockSet(start.Add(time.Minute), -time.Hour)
	if d := end.Round(0).Sub(start.Round(0)); d != time.Minute-time.Hour {
		t.Fatalf("by the clock it is %v later: package time has changed, and clockSet must", d)
	}
	sent := outcome{result: Result{Started: start, Exited: end, Settled: end}}
	var got outcome
	if err := decode(message(msgResult, sent.fields)[headerSize:], got.fields); err != nil {
		t.Fatal(err)
	}
	if d := got.result.Exited.Sub(got.result.Started); d != time.Minute {
		t.Errorf("a minute became %v", d)
	}
	if !got.result.Started.Equal(start) {
		t.Errorf("%v became %v", start, got.result.Started)
	}
}

// clockSet returns what time.Now would have returned if the clock had been set by d, whole seconds,
// meanwhile: the first word of a Time with a monotonic reading has the seconds of the clock from
// bit 30 on.
func clockSet(t time.Time, d time.Duration) time.Time {
	wall := (*uint64)(unsafe.Pointer(&t))
	*wall += uint64(d/time.Second) << 30
	return t
}

func FuzzWire(f *testing.F) {
	f.Add(message(msgRun, (&order{job: Job{Args: []string{"a", "b"}}}).fields)[headerSize:])
	f.Add(message(msgResult, (&outcome{}).fields)[headerSize:])
	f.Fuzz(func(t *testing.T, body []byte) {
		// No message makes us fail or allocate more than it is long; one that is understood is sent
		// again as it is.
		var o order
		if decode(body, o.fields) == nil {
			var again order
			if err := decode(message(msgRun, o.fields)[headerSize:], again.fields); err != nil ||
				!reflect.DeepEqual(o, again) {
				t.Errorf("%+v became %+v, %v", o, again, err)
			}
		}
		_ = decode(body, (&outcome{}).fields)
		_ = decode(body, (&record{}).fields)
		_ = decode(body, (&StartError{}).fields)
		_ = decode(body, (&request{}).fields)
	})
}

// TestEncode: a result goes through bytes, with those who survived.
func TestEncode(t *testing.T) {
	result := &Result{PID: 7, Reaped: 3, LeftoverCount: 1, Leftovers: []Leftover{{End: ByKill, Reaped: true}}}
	survivors := []subreaper.Survivor{{Process: subreaper.Process{PID: 9}, Err: syscall.EPERM}}
	got, err := Decode(Encode(result, &subreaper.SurvivorError{Procs: survivors}))
	var alive *subreaper.SurvivorError
	if !reflect.DeepEqual(got, result) || !errors.As(err, &alive) || !reflect.DeepEqual(alive.Procs, survivors) {
		t.Errorf("got %+v, %v", got, err)
	}
	if got, err := Decode(Encode(result, nil)); err != nil || got.PID != 7 {
		t.Errorf("got %+v, %v", got, err)
	}
	if _, err := Decode([]byte{1, 2, 3}); err == nil {
		t.Error("three bytes are no result")
	}
}
