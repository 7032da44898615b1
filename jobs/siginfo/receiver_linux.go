package siginfo

import (
	"encoding/binary"
	"fmt"
	"os"
	"runtime"
	"sync"
	"syscall"
	"unsafe"

	"golang.org/x/sys/unix"
)

// recordSize is how much of a siginfo_t the handler writes: si_signo, si_errno and si_code, and of the union, which begins
// at the next pointer-aligned offset, si_pid and si_uid. Writes of up to PIPE_BUF bytes are atomic (pipe(7)).
const (
	recordSize = 32
	unionAt    = 12 + (unsafe.Sizeof(uintptr(0))/4-1)*4
)

// Receiver receives signals. Next is for one goroutine; Ask is safe for concurrent use.
type Receiver struct {
	file *os.File
	raw  syscall.RawConn
	self int
	fd   int
	buf  [64 * recordSize]byte
	have []byte

	mu   sync.Mutex
	busy bool // what was read has not been dealt with
	idle sync.Cond
}

// New returns the process's Receiver, which receives nothing before Ask.
func New() (*Receiver, error) {
	var fds [2]int
	if err := unix.Pipe2(fds[:], unix.O_CLOEXEC|unix.O_NONBLOCK); err != nil {
		return nil, fmt.Errorf("receive signals: pipe: %w", err)
	}
	setHandlerFD(fds[1])
	if anyBlocked() {
		go unblocked()
	}
	r := &Receiver{file: os.NewFile(uintptr(fds[0]), "signals"), fd: fds[0], self: os.Getpid()}
	r.idle.L = &r.mu
	var err error
	r.raw, err = r.file.SyscallConn()
	return r, err
}

// AskAll asks for every signal that can be received. One that is ignored (nohup's HUP) stays so, for children too: asking
// for it would end that.
func (r *Receiver) AskAll() {
	for sig := syscall.Signal(1); sig <= Max; sig++ {
		if Catchable(sig) && !Ignored(sig) && (sig != unix.SIGURG || Sender) {
			_ = r.Ask(sig) // one that cannot be had is lost, as it would be to any program
		}
	}
}

// anyBlocked reports whether the process was started with signals blocked: then all its threads block them.
func anyBlocked() bool {
	var mask unix.Sigset_t
	return unix.PthreadSigmask(unix.SIG_BLOCK, nil, &mask) == nil && mask != unix.Sigset_t{}
}

// unblocked is a thread that every signal can be delivered to. The others keep their mask, which children inherit.
func unblocked() {
	runtime.LockOSThread()
	_ = unix.PthreadSigmask(unix.SIG_SETMASK, &unix.Sigset_t{}, nil)
	select {}
}

// Next waits for a signal that somebody else has sent. It costs no thread: the Go runtime's poller does it. More than two thousand that nobody
// has taken are lost, which is more than the kernel queues of most.
func (r *Receiver) Next() (Info, error) {
	for {
		for len(r.have) < recordSize {
			if err := r.raw.Read(r.read); err != nil {
				return Info{}, fmt.Errorf("receive signals: %w", err)
			}
		}
		info := parse(r.have[:recordSize])
		r.have = r.have[recordSize:]
		if !r.own(info) {
			return info, nil
		}
	}
}

// read reads whole records: that is what is written, and read in multiples of. It does not block, and so need not leave the Go scheduler.
func (r *Receiver) read(fd uintptr) bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	n, _, errno := unix.RawSyscall(unix.SYS_READ, fd, uintptr(unsafe.Pointer(&r.buf[0])), uintptr(len(r.buf)))
	r.busy = errno == 0
	if errno != 0 {
		r.idle.Broadcast()
		return errno != unix.EAGAIN && errno != unix.EINTR
	}
	r.have = r.buf[:n]
	return true
}

// Pending reports whether there are signals that Next has not returned, or one that it has returned and whose receiver has not come back
// for the next. It is safe for concurrent use.
func (r *Receiver) Pending() bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.pending()
}

func (r *Receiver) pending() bool {
	fds := []unix.PollFd{{Fd: int32(r.fd), Events: unix.POLLIN}}
	n, err := unix.Poll(fds, 0)
	return r.busy || n > 0 && err == nil
}

// Drain returns when no signal is pending. It is safe for concurrent use, but not for who calls Next.
func (r *Receiver) Drain() {
	r.mu.Lock()
	defer r.mu.Unlock()
	for r.pending() {
		r.idle.Wait()
	}
}

// own reports whether this process has sent a signal to itself: the Go runtime does, SIGURG, to have a goroutine preempted, and the
// kernel sends SIGPIPE in our name when we write to a closed pipe.
func (r *Receiver) own(i Info) bool { return i.PID == r.self }

func parse(b []byte) Info {
	field := func(at uintptr) int32 { return int32(binary.NativeEndian.Uint32(b[at:])) }
	i := Info{Signal: syscall.Signal(field(0)), Code: field(8)}
	if i.Code == siUser || i.Code == siQueue || i.Code == siTkill {
		i.PID, i.UID = int(field(unionAt)), uint32(field(unionAt+4))
	}
	return i
}
