package holdback

import (
	"errors"
	"fmt"
	"os"
	"sync/atomic"
	"syscall"
	"time"
	"unsafe"

	"golang.org/x/sys/unix"
)

// Pipes are what one job writes to.
type Pipes struct {
	// Stdout and Stderr are the job's ends; the same where one pipe serves both. Finish closes
	// them.
	Stdout, Stderr *os.File

	output   *Output
	epoll    *os.File
	raw      syscall.RawConn
	ends     []int // ours, by stream
	finished atomic.Bool
	done     chan struct{}
}

// Collect opens pipes, and reads them into the output until Finish. With one, Stderr is Stdout.
func (o *Output) Collect(one bool) (*Pipes, error) {
	p := &Pipes{output: o, done: make(chan struct{})}
	if err := p.open(one); err != nil {
		p.close()
		return nil, fmt.Errorf("hold the output back: %w", err)
	}
	go p.read()
	return p, nil
}

func (p *Pipes) open(one bool) (err error) {
	// An epoll descriptor can be waited for like any other (epoll(7)), so the Go runtime's poller
	// does, and no thread.
	fd, err := unix.EpollCreate1(unix.EPOLL_CLOEXEC)
	if err != nil {
		return err
	}
	if err = unix.SetNonblock(fd, true); err != nil { // which makes os.NewFile give it to the poller
		unix.Close(fd)
		return err
	}
	p.epoll = os.NewFile(uintptr(fd), "epoll")
	if p.raw, err = p.epoll.SyscallConn(); err != nil {
		return err
	}
	if p.Stdout, err = p.pipe(fd); err != nil {
		return err
	}
	if p.Stderr = p.Stdout; !one {
		p.Stderr, err = p.pipe(fd)
	}
	return err
}

// pipe makes a pipe, and returns the end that is the job's.
func (p *Pipes) pipe(epoll int) (*os.File, error) {
	var fds [2]int
	if err := unix.Pipe2(fds[:], unix.O_CLOEXEC); err != nil {
		return nil, err
	}
	stream := len(p.ends)
	p.ends = append(p.ends, fds[0])
	theirs := os.NewFile(uintptr(fds[1]), "pipe")
	if err := unix.SetNonblock(fds[0], true); err != nil {
		theirs.Close()
		return nil, err
	}
	event := unix.EpollEvent{Events: unix.EPOLLIN, Fd: int32(stream)}
	return theirs, unix.EpollCtl(epoll, unix.EPOLL_CTL_ADD, fds[0], &event)
}

// read takes in what arrives, until Finish.
func (p *Pipes) read() {
	defer close(p.done)
	err := p.raw.Read(func(fd uintptr) bool {
		for !p.finished.Load() {
			if !p.each(fd, func(s Stream) int { return p.take(s, maxFrame) }) {
				return false
			}
		}
		return true
	})
	if err == nil || errors.Is(err, os.ErrDeadlineExceeded) {
		_ = p.raw.Control(p.rest)
	}
}

// rest takes in what the pipes hold at the moment, and no more: a stranger that was passed a
// descriptor may go on to write.
func (p *Pipes) rest(fd uintptr) {
	left := make([]int, len(p.ends))
	all := 0
	for s, end := range p.ends {
		left[s], _ = unix.IoctlGetInt(end, unix.TIOCINQ) // FIONREAD, pipe(7)
		all += left[s]
	}
	for all > 0 && p.each(fd, func(s Stream) int {
		n := p.take(s, min(left[s], maxFrame))
		left[s], all = left[s]-n, all-n
		return n
	}) {
	}
}

// each calls f for the pipes that can be read, in the order in which they became so, and reports
// whether there was any data.
func (p *Pipes) each(epoll uintptr, f func(Stream) int) (any bool) {
	var events [2]unix.EpollEvent
	n, _, errno := unix.RawSyscall6(unix.SYS_EPOLL_PWAIT, epoll, uintptr(unsafe.Pointer(&events)),
		uintptr(len(events)), 0, 0, 0)
	if errno != 0 {
		return errno == unix.EINTR
	}
	for _, e := range events[:n] {
		any = f(Stream(e.Fd)) > 0 || any
	}
	return any
}

// take reads up to limit bytes of a stream. Neither it nor each blocks, so they need not leave the
// Go scheduler.
func (p *Pipes) take(s Stream, limit int) int {
	if limit == 0 {
		return 0
	}
	o := p.output
	o.mu.Lock()
	defer o.mu.Unlock()
	buf := o.store.space()
	n, _, errno := unix.RawSyscall(unix.SYS_READ, uintptr(p.ends[s]), uintptr(unsafe.Pointer(&buf[0])), uintptr(limit))
	if errno != 0 || n == 0 {
		return 0
	}
	o.add(s, int(n))
	return int(n)
}

// Finish returns when all that the job has written is in the output. The job's tree must be gone:
// the end of the pipes is not waited for, because a stranger may have been passed a descriptor.
func (p *Pipes) Finish() {
	p.finished.Store(true)
	_ = p.epoll.SetReadDeadline(time.Unix(1, 0))
	<-p.done
	p.close()
}

func (p *Pipes) close() {
	for _, f := range []*os.File{p.Stdout, p.Stderr, p.epoll} {
		if f != nil {
			f.Close()
		}
	}
	for _, fd := range p.ends {
		unix.Close(fd)
	}
}
