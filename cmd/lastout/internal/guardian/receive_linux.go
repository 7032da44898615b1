package guardian

import (
	"os"
	"os/signal"
	"sync"
	"sync/atomic"
	"syscall"
	"time"
	"unsafe"

	"lastout/jobs/spawn"

	"golang.org/x/sys/unix"
)

// Info is what the kernel says of a signal, see sigaction(2).
type Info struct {
	Signal syscall.Signal
	Code   int32 // si_code: SI_USER, SI_TKILL, SI_KERNEL, …
	// of the sender, where Code is one of those that kill(2), sigqueue(3) and tgkill(2) set; 0
	// where it is not known
	PID int
	UID uint32
}

// FromKernel reports whether the kernel has sent it, as the terminal does.
func (i Info) FromKernel() bool { return i.Code == siKernel }

// receiving is the one receiver; a second Receive takes it over.
var receiving *receiver

// receiver hands signals on, one at a time, whichever way they have come.
type receiver struct {
	mu   sync.Mutex
	each func(Info)
	seen twice
}

// continued is how often Receive has told of a SIGCONT that was sent to lastout, and taken how
// often one was taken from the kernel.
var continued, taken atomic.Uint64

// sources are where signals come from; nil where nothing ran before the runtime.
var sources struct{ relay, own syscall.RawConn }

// Block has signals wait from now on until [Receive] is called, those too that the Go runtime has a
// handler for. It makes the runtime's poller: where that cannot be had the runtime ends the
// process.
func Block() {
	if entered.role == Unknown {
		return
	}
	catch()
	sources.relay, _ = os.NewFile(uintptr(entered.pipe[0]), "relay").SyscallConn() // it fails for no file at all
	sources.own, _ = os.NewFile(uintptr(entered.signals), "signals").SyscallConn()
}

// Receive calls each for every signal that lastout receives from now on, and for those that have
// come since its first instruction. Calls do not overlap. It costs no thread: the Go runtime's
// poller waits. [Block] must have been called.
//
// What is sent to the worker, as by a command to its parent, counts as sent to lastout. What one
// process sends to guardian and worker both, as pkill(1) does, counts once.
func Receive(each func(Info)) {
	if r := receiving; r != nil {
		r.mu.Lock()
		defer r.mu.Unlock()
		r.each = each
		return
	}
	r := &receiver{each: each}
	receiving = r
	if entered.role == Unknown {
		notify(r)
		return
	}
	go r.follow(sources.relay, func(info *signalInfo) bool {
		n, _, errno := unix.RawSyscall(unix.SYS_READ, uintptr(entered.pipe[0]), uintptr(unsafe.Pointer(info)),
			recordSize)
		return errno == 0 && n == recordSize
	})
	next := takeOwn
	if entered.role == Worker { // the file in the table is the guardian's, too: what is read is the reader's
		next = func(info *signalInfo) bool { return take(info, false) }
	}
	go r.follow(sources.own, next)
}

// follow reads what comes from a source.
func (r *receiver) follow(source syscall.RawConn, next func(*signalInfo) bool) {
	_ = source.Read(func(uintptr) bool {
		var info signalInfo
		for next(&info) {
			r.receive(&info)
		}
		return false
	})
}

func (r *receiver) receive(s *signalInfo) {
	r.mu.Lock()
	defer r.mu.Unlock()
	i, relayed := Info{Signal: syscall.Signal(s.Signo), Code: s.Code}, s.Errno == byGuardian
	if s.Code == siUser || s.Code == siQueue || s.Code == siTkill {
		i.PID, i.UID = int(s.PID), s.UID
	}
	if i.Signal == unix.SIGCHLD || s.Errno != before && r.own(i, relayed) {
		return
	}
	r.each(i)
	if i.Signal == unix.SIGCONT && relayed == (entered.role == Worker) {
		continued.Add(1)
	}
}

// own reports whether a signal is one of ours: the runtime's to preempt a goroutine (SIGURG), the
// guardian's that continues its worker, or the same that we have had the other way.
func (r *receiver) own(i Info, relayed bool) bool {
	switch {
	case i.PID == os.Getpid():
		return true
	case entered.role != Worker:
		return false
	}
	return !relayed && i.PID == int(entered.self) || r.seen.before(i, relayed)
}

// twice remembers the signals that have come last, to guardian and worker, for those that were sent
// to both.
type twice struct {
	last [2][16]sent
	next [2]int
}

type sent struct {
	Info
	at time.Time
}

// together is how long it may take until we have both of two signals that were sent one right after
// the other.
const together = time.Second

// before reports whether a signal has come the other way already. Then it is forgotten there: the
// next one is another.
func (t *twice) before(i Info, relayed bool) bool {
	if i.PID == 0 {
		return false
	}
	mine, other := 0, 1
	if relayed {
		mine, other = 1, 0
	}
	for n, o := range t.last[other] {
		if o.Info == i && time.Since(o.at) < together {
			t.last[other][n] = sent{}
			return true
		}
	}
	t.last[mine][t.next[mine]] = sent{i, time.Now()}
	t.next[mine] = (t.next[mine] + 1) % len(t.last[mine])
	return false
}

// Continued is how often a SIGCONT has been told of; see Suspend.
func Continued() uint64 { return continued.Load() }

// own is held while a process without a guardian takes a signal, or stops.
var own sync.Mutex

func takeOwn(info *signalInfo) bool {
	own.Lock()
	defer own.Unlock()
	if !take(info, true) {
		return false
	}
	if info.Signo == int32(unix.SIGCONT) {
		taken.Add(1)
	}
	return true
}

// Suspend stops lastout by a signal, as a job does whose leader has been stopped by it, and with
// group what else is in its process group. seen is what [Continued] said before the caller made
// sure that the job is to be stopped: if there has been a SIGCONT since, nothing stops. The worker
// goes on.
func Suspend(sig syscall.Signal, group bool, seen uint64) {
	if entered.role == Worker {
		shared.seen, shared.group = seen, 0
		if group {
			shared.group = 1
		}
		atomic.StoreUint32(&shared.stop, uint32(sig))
		wake()
		return
	}
	if entered.role == Unknown { // the runtime has handlers, which are not ours to set aside
		target := os.Getpid()
		if group {
			target = 0
		}
		_ = unix.Kill(target, unix.SIGSTOP)
		return
	}
	own.Lock()
	defer own.Unlock()
	if seen == taken.Load() {
		suspend(int32(sig), group)
	}
}

// Ignores reports whether a signal was ignored when we were started.
func Ignores(sig syscall.Signal) bool {
	if entered.role == Unknown {
		return signal.Ignored(sig)
	}
	return entered.inherited.Ignored&spawn.Bit(sig) != 0
}
