package siginfo

import (
	"os"
	"os/exec"
	"runtime"
	"strconv"
	"sync"
	"syscall"
	"testing"

	"golang.org/x/sys/unix"
)

// receiver is the one of the test process.
var receiver = sync.OnceValues(New)

func ask(t *testing.T, sigs ...syscall.Signal) *Receiver {
	t.Helper()
	r, err := receiver()
	if err != nil {
		t.Fatal(err)
	}
	for _, sig := range sigs {
		if err := r.Ask(sig); err != nil {
			t.Fatal(err)
		}
	}
	return r
}

func next(t *testing.T, r *Receiver) Info {
	t.Helper()
	info, err := r.Next()
	if err != nil {
		t.Fatal(err)
	}
	return info
}

func TestEverySignalOfAnother(t *testing.T) {
	r := ask(t)
	for sig := syscall.Signal(1); sig <= 64; sig++ {
		switch sig {
		case unix.SIGKILL, unix.SIGSTOP, unix.SIGCHLD: // sh's own end is a SIGCHLD
			continue
		case 32, 33, 34, unix.SIGPROF: // the C library's, and where os/signal does the work it cannot receive those
			if !Sender {
				continue
			}
		}
		if err := r.Ask(sig); err != nil {
			t.Fatal(err)
		}
		cmd := exec.Command("/bin/bash", "-c", "kill -"+strconv.Itoa(int(sig))+" "+strconv.Itoa(os.Getpid())) // dash does not know them all
		if out, err := cmd.CombinedOutput(); err != nil {
			t.Fatalf("%v: %s", err, out)
		}
		info := next(t, r)
		if info.Signal != sig {
			t.Errorf("sent %d, received %+v", sig, info)
		}
		if Sender && (info.PID != cmd.Process.Pid || info.Code != siUser || info.UID != uint32(os.Getuid())) {
			t.Errorf("sent by %d, received %+v", cmd.Process.Pid, info)
		}
	}
}

func TestPreemptionIsNoSignal(t *testing.T) {
	if !Sender {
		t.Skip("the sender is not known on this architecture")
	}
	r := ask(t, unix.SIGURG)
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	for range 100 { // what the runtime does to preempt a goroutine
		if err := unix.Tgkill(os.Getpid(), unix.Gettid(), unix.SIGURG); err != nil {
			t.Fatal(err)
		}
	}
	_ = unix.Kill(os.Getpid(), unix.SIGURG)
	if info := next(t, r); info.Signal != unix.SIGURG || info.Code != siUser {
		t.Errorf("received %+v, want the SIGURG of kill", info)
	}
}

// Signals that come in any state of the program, on any thread, at any depth of its stacks.
func TestStorm(t *testing.T) {
	const storm = syscall.Signal(50)
	r := ask(t, storm)
	const many = 1000 // queued, not merged, as real-time signals are
	stop := make(chan struct{})
	var busy sync.WaitGroup
	for range 4 {
		busy.Go(func() {
			for {
				select {
				case <-stop:
					return
				default:
					deep(200)
					runtime.GC()
				}
			}
		})
	}
	go func() {
		for range many {
			_ = unix.Kill(os.Getpid(), storm)
		}
	}()
	for range many {
		if info := next(t, r); info.Signal != storm {
			t.Fatalf("received %+v", info)
		}
	}
	close(stop)
	busy.Wait()
}

func deep(n int) int {
	var pad [64]byte
	if n == 0 {
		return len(pad)
	}
	return deep(n-1) + int(pad[n%64])
}

func TestChildDoesNotInherit(t *testing.T) {
	ask(t, unix.SIGTERM)
	err := exec.Command("/bin/sh", "-c", "kill -TERM $$; sleep 10").Run()
	if exit, ok := err.(*exec.ExitError); !ok || exit.Sys().(syscall.WaitStatus).Signal() != syscall.SIGTERM {
		t.Errorf("the child did not die of SIGTERM: %v", err)
	}
}

func TestUnreceivable(t *testing.T) {
	r := ask(t)
	for _, sig := range []syscall.Signal{unix.SIGKILL, unix.SIGSTOP, 65} {
		if Sender && r.Ask(sig) == nil {
			t.Errorf("asked for signal %d", sig)
		}
	}
}

func TestFaultIsThePrograms(t *testing.T) {
	ask(t, unix.SIGSEGV)
	defer func() {
		if recover() == nil {
			t.Error("no panic")
		}
	}()
	var p *int
	*p = 1
}
