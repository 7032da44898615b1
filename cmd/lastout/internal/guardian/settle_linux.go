package guardian

import (
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"os"
	"os/signal"
	"sync"
	"sync/atomic"
	"syscall"

	"golang.org/x/sys/unix"
)

// Handed reports whether the guardian had children when it was executed: sh -c 'server & exec
// lastout job'. Only it can wait for them.
func Handed() bool { return entered.role == Worker && entered.handed }

// settling are the worker's ends, once it has asked. The table of descriptors is shared, so that
// the death of the guardian closes no pipe: then the worker does.
var settling struct {
	mu           sync.Mutex
	ask, outcome *os.File
	gone         bool // the guardian
}

// errGone says that nobody is left to ask.
var errGone = errors.New("it has died")

// ask asks, and returns where the outcome comes from.
func ask() (outcome *os.File, err error) {
	s := &settling
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.gone {
		return nil, errGone
	}
	if s.ask != nil {
		_, err = s.ask.Write([]byte{0})
		return s.outcome, err
	}
	var ask, out [2]int
	const flags = unix.O_CLOEXEC | unix.O_NONBLOCK
	if err := errors.Join(unix.Pipe2(ask[:], flags), unix.Pipe2(out[:], flags)); err != nil {
		return nil, fmt.Errorf("pipe: %w", err)
	}
	shared.asking, shared.outcome = int32(ask[0]), int32(out[1])
	s.ask, s.outcome = os.NewFile(uintptr(ask[1]), "ask"), os.NewFile(uintptr(out[0]), "outcome")
	atomic.StoreUint32(&shared.settle, 1)
	wake()
	return s.outcome, nil
}

// stopAsking is called when the guardian is dead.
func stopAsking() {
	settling.mu.Lock()
	defer settling.mu.Unlock()
	settling.gone = true
	if settling.outcome != nil {
		_ = settling.outcome.Close()
	}
}

// SettleHanded has the guardian settle the children that were handed to it, and returns what it
// tells of that. The first time that starts its Go runtime; where there is no room for that, they
// have been killed, and nothing is told but their number: see Killed.
func SettleHanded() ([]byte, error) {
	outcome, err := ask()
	if err != nil {
		return nil, err
	}
	var size [4]byte
	if _, err := io.ReadFull(outcome, size[:]); err != nil {
		return nil, errors.Join(errGone, err)
	}
	data := make([]byte, binary.NativeEndian.Uint32(size[:]))
	_, err = io.ReadFull(outcome, data)
	return data, err
}

// Spare are the children that are not to be ended: the worker of a [Settler].
func Spare() []int {
	if entered.role != Settler {
		return nil
	}
	return []int{int(entered.worker)}
}

// Serve calls settle now, and whenever the worker asks for it again, and tells it what that
// returns. It returns when the worker has exited: with what that wants lastout to end with, and
// false if it was killed.
func Serve(settle func() []byte) (verdict Verdict, ok bool) {
	worker := int(entered.worker)
	gone := make(chan struct{})
	go func() {
		defer close(gone)
		for unix.Waitid(unix.P_PID, worker, nil, unix.WEXITED|unix.WNOWAIT|unix.WALL, nil) == unix.EINTR {
		}
	}()
	kept := make(chan struct{})
	go func() {
		defer close(kept)
		keepGoing(worker, gone)
	}()
	again := make(chan struct{}, 1)
	again <- struct{}{}
	go func() {
		ask := os.NewFile(uintptr(shared.asking), "ask")
		for {
			if n, err := ask.Read(make([]byte, 1)); n != 1 || err != nil {
				return
			}
			again <- struct{}{}
		}
	}()
	outcome := os.NewFile(uintptr(shared.outcome), "outcome")
	for {
		select {
		case <-again:
			data := settle()
			_, _ = outcome.Write(append(binary.NativeEndian.AppendUint32(nil, uint32(len(data))), data...))
		case <-gone:
			<-kept // its number is its own until it is reaped
			_, _ = unix.Wait4(worker, nil, unix.WALL, nil)
			if shared.verdict == verdictNone {
				entered.role = Heir
				return Verdict{}, false
			}
			return verdictOf(shared), true
		}
	}
}

// keepGoing continues the worker whenever it may have been stopped, which it has no business being:
// at every SIGCHLD, since the reaper has taken the stop off the kernel's list by then. A worker
// that runs takes no notice. It has exited, and is not reaped, when gone is closed.
func keepGoing(worker int, gone <-chan struct{}) {
	changed := make(chan os.Signal, 1)
	signal.Notify(changed, unix.SIGCHLD)
	defer signal.Stop(changed)
	for {
		_ = unix.Kill(worker, unix.SIGCONT)
		select {
		case <-changed:
		case <-gone:
			return
		}
	}
}

// Verdict is what lastout is to end with.
type Verdict struct {
	Status int
	Signal syscall.Signal // if not 0, die of it
}

func verdictOf(p *page) Verdict {
	if p.verdict == verdictDie {
		return Verdict{128 + int(p.status), syscall.Signal(p.status)}
	}
	return Verdict{Status: int(p.status)}
}
