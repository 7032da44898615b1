package siginfo

import (
	"encoding/binary"
	"fmt"
	"os"
	"runtime"
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
	self int
	buf  [64 * recordSize]byte
	have []byte
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
	return &Receiver{file: os.NewFile(uintptr(fds[0]), "signals"), self: os.Getpid()}, nil
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

// Next waits for a signal. It costs no thread: the Go runtime's poller does it. More than two thousand that nobody
// has taken are lost, which is more than the kernel queues of most.
func (r *Receiver) Next() (Info, error) {
	for {
		for len(r.have) < recordSize {
			n, err := r.file.Read(r.buf[:]) // whole records: that is what is written, and read in multiples of
			if err != nil {
				return Info{}, fmt.Errorf("receive signals: %w", err)
			}
			r.have = r.buf[:n]
		}
		info := parse(r.have[:recordSize])
		r.have = r.have[recordSize:]
		if !r.own(info) {
			return info, nil
		}
	}
}

// own reports whether the Go runtime has sent a signal to one of its threads, to have it preempted.
func (r *Receiver) own(i Info) bool {
	return i.Signal == unix.SIGURG && i.Code == siTkill && i.PID == r.self
}

func parse(b []byte) Info {
	field := func(at uintptr) int32 { return int32(binary.NativeEndian.Uint32(b[at:])) }
	i := Info{Signal: syscall.Signal(field(0)), Code: field(8)}
	if i.Code == siUser || i.Code == siQueue || i.Code == siTkill {
		i.PID, i.UID = int(field(unionAt)), uint32(field(unionAt+4))
	}
	return i
}
