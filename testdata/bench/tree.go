//go:build linux

package main

import (
	"encoding/binary"
	"fmt"
	"os"
	"strconv"
	"syscall"
	"time"

	"golang.org/x/sys/unix"
)

// ended is how long it took from the leader's exit on.
type ended struct {
	returned float64 // until wait4(2) for the runner returned, ms
	gone     float64 // until no descendant held a file any more, ms
}

// report is what the reader of a tree's FIFO sees.
type fifoReport struct {
	left int64 // when the leader was about to exit
	gone int64 // when the last descendant had closed the FIFO
	err  error
}

// endTree runs the tree program under a runner, and times its end.
func (b *bench) endTree(r runner, shape string, n int) (ended, error) {
	path, seen, err := b.fifo()
	if err != nil {
		return ended{}, err
	}
	defer os.Remove(path)
	pid, err := b.start(command{argv: r.argv(b.work("tree"), shape, strconv.Itoa(n), path)})
	if err != nil {
		return ended{}, err
	}
	if err := b.wait(pid); err != nil {
		return ended{}, fmt.Errorf("tree %s %d under %s: %w", shape, n, r.name, err)
	}
	back := now()
	return since(<-seen, back)
}

func since(r fifoReport, back int64) (ended, error) {
	return ended{
		returned: milliseconds(time.Duration(back - r.left)),
		gone:     milliseconds(time.Duration(r.gone - r.left)),
	}, r.err
}

// fifo makes a FIFO and reads it. The reader is there before the writers are, and is woken twice:
// for the leader's word and for the end.
func (b *bench) fifo() (path string, seen <-chan fifoReport, err error) {
	path = b.work("fifo")
	if err := unix.Mkfifo(path, 0o666); err != nil {
		return "", nil, fmt.Errorf("%s: %w", path, err)
	}
	fd, err := unix.Open(path, unix.O_RDONLY|unix.O_NONBLOCK|unix.O_CLOEXEC, 0)
	if err != nil {
		return "", nil, fmt.Errorf("%s: %w", path, err)
	}
	reports := make(chan fifoReport, 1)
	go func() {
		defer unix.Close(fd)
		var r fifoReport
		r.left, r.err = readStamp(fd)
		awaitHangUp(fd)
		r.gone = now()
		reports <- r
	}()
	return path, reports, nil
}

func readStamp(fd int) (int64, error) {
	poll(fd, unix.POLLIN, -1)
	var word [8]byte
	n, err := unix.Read(fd, word[:])
	if err == nil && n != len(word) {
		err = fmt.Errorf("the leader wrote %d bytes, not the time", n)
	}
	return int64(binary.NativeEndian.Uint64(word[:])), err
}

// awaitHangUp returns when there is no writer any more. POLLHUP is always polled for, and comes
// only after there has been one.
func awaitHangUp(fd int) {
	for poll(fd, 0, -1)&unix.POLLHUP == 0 {
	}
}

func poll(fd int, events int16, milliseconds int) (found int16) {
	fds := []unix.PollFd{{Fd: int32(fd), Events: events}}
	for {
		_, err := unix.Poll(fds, milliseconds)
		if err != syscall.EINTR {
			return fds[0].Revents
		}
	}
}
