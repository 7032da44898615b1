//go:build linux

package box

import (
	"bytes"
	"fmt"
	"os"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"time"
)

// proc is what a box wants to know of a process.
type proc struct {
	pid   int
	comm  string
	state byte // proc_pid_stat(5): R, S, D, T, t, Z, X …
	ppid  int
}

func (p proc) dead() bool { return p.state == 'Z' || p.state == 'X' }

// parseStat reads the text of /proc/PID/stat. The name, in parentheses, may
// hold anything, so that the fields begin after the last parenthesis.
func parseStat(text string) (proc, error) {
	open, end := strings.IndexByte(text, '('), strings.LastIndexByte(text, ')')
	if open < 1 || end < open {
		return proc{}, fmt.Errorf("malformed stat: %q", text)
	}
	pid, err := strconv.Atoi(strings.TrimSpace(text[:open]))
	if err != nil {
		return proc{}, fmt.Errorf("malformed stat: %q", text)
	}
	f := strings.Fields(text[end+1:])
	if len(f) < 2 || len(f[0]) != 1 {
		return proc{}, fmt.Errorf("malformed stat: %q", text)
	}
	ppid, err := strconv.Atoi(f[1])
	if err != nil {
		return proc{}, fmt.Errorf("malformed stat: %q", text)
	}
	return proc{pid: pid, comm: text[open+1 : end], state: f[0][0], ppid: ppid}, nil
}

func readProc(pid int) (proc, error) {
	text, err := os.ReadFile("/proc/" + strconv.Itoa(pid) + "/stat")
	if err != nil {
		return proc{}, err
	}
	return parseStat(string(text))
}

func alive(pid int) bool {
	p, err := readProc(pid)
	return err == nil && !p.dead()
}

// describe returns a line for a person: pid, state, parent, command line.
func describe(pid int) string {
	p, err := readProc(pid)
	if err != nil {
		return fmt.Sprintf("pid %d, gone before it could be looked at", pid)
	}
	line, _ := os.ReadFile("/proc/" + strconv.Itoa(pid) + "/cmdline")
	args := strings.TrimSpace(strings.ReplaceAll(string(line), "\x00", " "))
	if len(args) > 100 {
		args = args[:100] + "…"
	}
	return fmt.Sprintf("pid %d, state %c, parent %d, %q, command line %q", pid, p.state, p.ppid, p.comm, args)
}

func allPids() []int {
	dir, err := os.Open("/proc")
	if err != nil {
		return nil
	}
	defer dir.Close()
	names, _ := dir.Readdirnames(-1)
	var pids []int
	for _, name := range names {
		if pid, err := strconv.Atoi(name); err == nil {
			pids = append(pids, pid)
		}
	}
	return pids
}

// tasksOf counts the threads of all processes of a user.
func tasksOf(uid int) (n int) {
	for _, pid := range allPids() {
		dir := "/proc/" + strconv.Itoa(pid)
		var st syscall.Stat_t
		if syscall.Stat(dir, &st) != nil || int(st.Uid) != uid {
			continue
		}
		threads, _ := os.ReadDir(dir + "/task")
		n += max(1, len(threads))
	}
	return n
}

// markedProcs returns, in ascending order, the processes with the marker in
// their environment, and those without a readable one (zombies, programs that
// cleared it, setuid programs) whose parent is among them.
func markedProcs(marker string) []int {
	var unknown []proc
	found := map[int]bool{}
	var pids []int
	for _, pid := range allPids() {
		p, err := readProc(pid)
		if err != nil {
			continue
		}
		if hasVariable(pid, marker) {
			found[pid] = true
			pids = append(pids, pid)
		} else {
			unknown = append(unknown, p)
		}
	}
	for more := true; more; {
		more = false
		for _, p := range unknown {
			if found[p.ppid] && !found[p.pid] {
				found[p.pid], more = true, true
				pids = append(pids, p.pid)
			}
		}
	}
	slices.Sort(pids)
	return pids
}

// isMarked is markedProcs for one process.
func isMarked(pid int, marker string) bool {
	for range 1000 {
		if hasVariable(pid, marker) {
			return true
		}
		p, err := readProc(pid)
		if err != nil || p.ppid <= 1 {
			return false
		}
		pid = p.ppid
	}
	return false
}

func hasVariable(pid int, variable string) bool {
	for v := range bytes.SplitSeq(environ(pid), []byte{0}) {
		if string(v) == variable {
			return true
		}
	}
	return false
}

// environ reads /proc/PID/environ. It is empty for zombies, kernel threads and
// programs that cleared theirs, but also in the middle of execve(2), which is
// waited for: a process that executes something is not asleep.
func environ(pid int) []byte {
	for range 1000 {
		data, err := os.ReadFile("/proc/" + strconv.Itoa(pid) + "/environ")
		if err != nil || len(data) > 0 {
			return data
		}
		if p, err := readProc(pid); err != nil || p.state != 'R' && p.state != 'D' || p.ppid == 2 {
			return nil
		}
		time.Sleep(time.Millisecond)
	}
	return nil
}
