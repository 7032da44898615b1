package jobs

import (
	"encoding/binary"
	"io"
	"os"
	"sync"
	"syscall"
	"unsafe"

	"golang.org/x/sys/unix"
)

// conn is one end of the stream between a runner and its keeper. The Go runtime's poller waits for
// it, which costs no thread; or, before that is asked to, the caller's thread does. Reading is for
// one goroutine; sending is safe for concurrent use.
type conn struct {
	fd   int
	file *os.File
	raw  syscall.RawConn // nil: blocking
	in   []byte          // received and not yet taken
	fds  []int           // received descriptors, not yet taken
	buf  []byte          // where the next bytes go
	oob  []byte          // and descriptors

	mu sync.Mutex // held while a message is sent
}

func newConn(fd int) (*conn, error) {
	c := newBlockingConn(fd)
	return c, c.poll()
}

func newBlockingConn(fd int) *conn {
	return &conn{fd: fd, buf: make([]byte, 4096), oob: make([]byte, unix.CmsgSpace(4*253))} // SCM_MAX_FD
}

// poll makes the poller wait from now on.
func (c *conn) poll() (err error) {
	if err := unix.SetNonblock(c.fd, true); err != nil {
		return err
	}
	c.file = os.NewFile(uintptr(c.fd), "keeper")
	c.raw, err = c.file.SyscallConn()
	return err
}

// reading and writing call f until it reports that it is done, waiting in between.
func (c *conn) reading(f func(fd uintptr) bool) error {
	if c.raw == nil {
		for !f(uintptr(c.fd)) {
		}
		return nil
	}
	return c.raw.Read(f)
}

func (c *conn) writing(f func(fd uintptr) bool) error {
	if c.raw == nil {
		for !f(uintptr(c.fd)) {
		}
		return nil
	}
	return c.raw.Write(f)
}

func (c *conn) close() error { return c.file.Close() }

// send sends a message, and descriptors with its first bytes.
func (c *conn) send(k kind, fields func(*wire), fds ...int) error {
	msg := message(k, fields)
	var rights []byte
	if len(fds) > 0 {
		rights = unix.UnixRights(fds...)
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	for len(msg) > 0 {
		n, err := c.sendSome(msg, rights)
		if err != nil {
			return err
		}
		msg, rights = msg[n:], nil
	}
	return nil
}

// sendSome uses MSG_NOSIGNAL: the death of the other end is not to be a SIGPIPE.
func (c *conn) sendSome(msg, rights []byte) (n int, err error) {
	waitErr := c.writing(func(fd uintptr) bool {
		if rights != nil {
			n, err = unix.SendmsgN(int(fd), msg, rights, nil, unix.MSG_NOSIGNAL)
		} else {
			n, err = sendNow(fd, msg)
		}
		return err != unix.EAGAIN && err != unix.EINTR
	})
	if waitErr != nil {
		return 0, waitErr
	}
	return n, err
}

// sendNow does not leave the Go scheduler, which might need another thread then and, at a pids
// limit, not get one.
func sendNow(fd uintptr, msg []byte) (int, error) {
	n, _, errno := unix.RawSyscall6(unix.SYS_SENDTO, fd, uintptr(unsafe.Pointer(&msg[0])), uintptr(len(msg)),
		unix.MSG_NOSIGNAL|unix.MSG_DONTWAIT, 0, 0)
	if errno != 0 {
		return 0, errno
	}
	return int(n), nil
}

// receive returns the next message; io.EOF when the other end is gone.
func (c *conn) receive() (kind, []byte, error) {
	for {
		if len(c.in) >= headerSize {
			size := int(binary.NativeEndian.Uint32(c.in))
			if size > maxMessage {
				return 0, nil, errMessage
			}
			if len(c.in) >= headerSize+size {
				k, body := kind(c.in[4]), c.in[headerSize:headerSize+size]
				c.in = c.in[headerSize+size:]
				return k, body, nil
			}
		}
		if err := c.receiveSome(); err != nil {
			return 0, nil, err
		}
	}
}

func (c *conn) receiveSome() error {
	var n, oobn int
	var err error
	waitErr := c.reading(func(fd uintptr) bool {
		if c.raw == nil {
			n, oobn, _, _, err = unix.Recvmsg(int(fd), c.buf, c.oob, unix.MSG_CMSG_CLOEXEC)
		} else {
			n, oobn, err = receiveNow(fd, c.buf, c.oob)
		}
		return err != unix.EAGAIN && err != unix.EINTR
	})
	switch {
	case waitErr != nil:
		return waitErr
	case err == unix.ECONNRESET:
		return io.EOF
	case err != nil:
		return err
	case n == 0:
		return io.EOF
	}
	c.in = append(c.in, c.buf[:n]...)
	return c.takeRights(c.oob[:oobn])
}

// receiveNow does not leave the Go scheduler: see sendNow.
func receiveNow(fd uintptr, buf, oob []byte) (n, oobn int, err error) {
	iov := unix.Iovec{Base: &buf[0]}
	iov.SetLen(len(buf))
	msg := unix.Msghdr{Iov: &iov, Control: &oob[0]}
	msg.SetIovlen(1)
	msg.SetControllen(len(oob))
	got, _, errno := unix.RawSyscall(unix.SYS_RECVMSG, fd, uintptr(unsafe.Pointer(&msg)),
		unix.MSG_CMSG_CLOEXEC|unix.MSG_DONTWAIT)
	if errno != 0 {
		return 0, 0, errno
	}
	return int(got), int(msg.Controllen), nil
}

func (c *conn) takeRights(oob []byte) error {
	messages, err := unix.ParseSocketControlMessage(oob)
	if err != nil {
		return err
	}
	for i := range messages {
		fds, err := unix.ParseUnixRights(&messages[i])
		if err != nil {
			return err
		}
		c.fds = append(c.fds, fds...)
	}
	return nil
}

// takeFDs returns the descriptors that came with the messages so far; they are the caller's to
// close.
func (c *conn) takeFDs() []int {
	fds := c.fds
	c.fds = nil
	return fds
}
