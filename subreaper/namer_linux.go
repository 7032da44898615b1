package subreaper

import (
	"bytes"
	"fmt"
	"os"
	"strings"
	"time"
)

// namer reads command lines. /proc/PID/cmdline takes the memory lock of that process: against a fork bomb whose
// members hold theirs in fork(2) the read was seen to block for half a minute, in uninterruptible sleep, while the bomb went
// on. So a goroutine of its own reads, and once it takes too long the names of the others will do (/proc/PID/stat does not block).
type namer struct {
	ask    chan int32
	answer chan string
	stuck  bool
	timer  *time.Timer
}

// namingTime is how long the reading of one command line may take before the rest is done without.
const namingTime = 50 * time.Millisecond

func newNamer() *namer {
	n := &namer{ask: make(chan int32), answer: make(chan string, 1), timer: time.NewTimer(namingTime)}
	go func() {
		for pid := range n.ask {
			n.answer <- readCmdline(pid)
		}
	}()
	return n
}

func (n *namer) close() {
	n.timer.Stop()
	close(n.ask)
}

// cmdline returns the arguments of a process, "" where they are not to be had in time.
func (n *namer) cmdline(pid int32) string {
	if n.stuck {
		return ""
	}
	n.timer.Reset(namingTime)
	n.ask <- pid
	select {
	case s := <-n.answer:
		return s
	case <-n.timer.C:
		n.stuck = true
		return ""
	}
}

func readCmdline(pid int32) string {
	f, err := os.Open(fmt.Sprintf("%s/%d/cmdline", procDir, pid))
	if err != nil {
		return ""
	}
	defer f.Close()
	buf := make([]byte, 4096)
	n, _ := f.Read(buf)
	return strings.TrimSpace(string(bytes.ReplaceAll(buf[:max(n, 0)], []byte{0}, []byte{' '})))
}

func (r *Reaper) dropNamer() {
	if r.namer != nil {
		r.namer.close()
		r.namer = nil
	}
}
