//go:build linux

package main_test

import (
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"lastout/testdata/box"
)

// adoptOrphans makes the test process the parent of what lastout leaves when it is killed, to reap
// it: the first process of a container may do that late, or never.
func adoptOrphans(t testing.TB) {
	t.Helper()
	adopt := func(more int) {
		adopting.Lock()
		defer adopting.Unlock()
		adopting.tests += more
		if err := unix.Prctl(unix.PR_SET_CHILD_SUBREAPER, uintptr(min(adopting.tests, 1)), 0, 0, 0); err != nil {
			t.Error(err)
		}
	}
	adopt(1)
	t.Cleanup(func() { adopt(-1) })
}

// reapAdopted reaps the zombies in a box that are ours, but for commands: somebody waits for those.
func reapAdopted(b *box.Box, commands ...int) {
	for _, pid := range b.Procs() {
		path := fmt.Sprintf("/proc/%d/status", pid)
		if slices.Contains(commands, pid) || statusField(path, "PPid") != strconv.Itoa(os.Getpid()) {
			continue
		}
		flags := unix.WALL
		// the threads of one that is a zombie may still be at their exit
		if !strings.HasPrefix(statusField(path, "State"), "Z") {
			flags |= unix.WNOHANG
		}
		_, _ = unix.Wait4(pid, nil, flags, nil)
	}
}

// living returns the processes in a box. A zombie counts if its parent is in the box too: others
// are not lastout's to reap.
func living(b *box.Box) (pids []int) {
	procs := b.Procs()
	for _, pid := range procs {
		path := fmt.Sprintf("/proc/%d/status", pid)
		state := statusField(path, "State")
		if state == "" {
			continue
		}
		parent, _ := strconv.Atoi(statusField(path, "PPid"))
		if state[0] != 'Z' && state[0] != 'X' || slices.Contains(procs, parent) {
			pids = append(pids, pid)
		}
	}
	return pids
}

// emptyWithin asserts that the box is empty not later than d, and leeway, from now on.
// Adopted zombies are reaped on the way; command is one that is not.
func emptyWithin(t testing.TB, b *box.Box, d time.Duration, command int) {
	t.Helper()
	start := time.Now()
	defer reapAdopted(b, command)
	left := living(b)
	for ; len(left) > 0; left = living(b) {
		rest := time.Until(start.Add(d + leeway))
		if rest <= 0 {
			t.Errorf("%v later there are %d processes:%s", time.Since(start), len(left), describe(left))
			b.Kill()
			return
		}
		awaitExit(left[0], rest)
	}
	if took := time.Since(start); took > d {
		t.Logf("it took %v, which only a busy machine excuses: %v at most", took, d)
	}
}

// awaitExit waits until a process has exited, by its pidfd (pidfd_open(2), Linux 5.3), or for a
// time.
func awaitExit(pid int, limit time.Duration) {
	fd, err := unix.PidfdOpen(pid, 0)
	if err != nil { // gone, or no pidfds
		time.Sleep(time.Millisecond)
		return
	}
	defer unix.Close(fd)
	if n, _ := unix.Poll([]unix.PollFd{{Fd: int32(fd), Events: unix.POLLIN}}, int(limit.Milliseconds())+1); n == 1 {
		time.Sleep(time.Millisecond) // a zombie that is still listed: its parent needs a moment
	}
}

func describe(pids []int) string {
	var text strings.Builder
	for _, pid := range pids {
		line, _ := os.ReadFile(fmt.Sprintf("/proc/%d/cmdline", pid))
		path := fmt.Sprintf("/proc/%d/status", pid)
		fmt.Fprintf(&text, "\n\t%d, state %s, parent %s, %q", pid, statusField(path, "State"),
			statusField(path, "PPid"), strings.ReplaceAll(string(line), "\x00", " "))
	}
	return text.String()
}

// childOf returns a child of a process, 0 if it has none or is gone.
func childOf(pid int) int {
	for _, child := range childrenOf(pid) {
		return child
	}
	return 0
}

// childrenOf returns the children of all threads of a process.
func childrenOf(pid int) (children []int) {
	lists, _ := filepath.Glob(fmt.Sprintf("/proc/%d/task/*/children", pid))
	for _, list := range lists {
		data, _ := os.ReadFile(list)
		for _, field := range strings.Fields(string(data)) {
			child, _ := strconv.Atoi(field)
			children = append(children, child)
		}
	}
	return children
}

// awaitChild returns a child of a process as soon as it has one.
func awaitChild(t testing.TB, pid int) int {
	t.Helper()
	for end := time.Now().Add(patience); time.Now().Before(end); {
		if child := childOf(pid); child != 0 {
			return child
		}
	}
	t.Fatalf("process %d, in state %q, has no child", pid, processState(pid))
	return 0
}
