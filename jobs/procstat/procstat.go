// Package procstat reads /proc/PID/stat (proc_pid_stat(5)): who started a process, and what it
// does.
//
// The pieces: [Read] is one look, [Parent] one step up, and [Descends] as many as it takes. What
// they say may be out of date at once: a process whose parent dies gets another.
package procstat

import (
	"bytes"
	"os"
	"strconv"
)

// Stat is some of what the file says.
type Stat struct {
	State  byte   // R, S, D, Z, T: stopped, t: stopped by a tracer, …
	Parent int    // 0 is in another PID namespace
	Flags  uint64 // PF_…, include/linux/sched.h
}

// Read reads the file of a process, and reports whether it says all of that.
func Read(pid int) (Stat, bool) {
	text, err := os.ReadFile("/proc/" + strconv.Itoa(pid) + "/stat")
	if err != nil {
		return Stat{}, false
	}
	return parse(text)
}

// parse reads the contents of a file. The name in it may hold anything, so that fields begin after
// the last parenthesis: there the first is the state, which is field 3 of the manual page.
func parse(text []byte) (s Stat, ok bool) {
	fields := bytes.Fields(text[bytes.LastIndexByte(text, ')')+1:])
	if len(fields) < 7 || len(fields[0]) != 1 {
		return Stat{}, false
	}
	parent, err := strconv.Atoi(string(fields[1]))
	flags, err2 := strconv.ParseUint(string(fields[6]), 10, 64)
	if err != nil || err2 != nil || parent < 0 {
		return Stat{}, false
	}
	return Stat{fields[0][0], parent, flags}, true
}

// Parent returns the parent of a process. It is 0 where that is in another PID namespace, and where
// it cannot be known.
func Parent(pid int) int {
	s, _ := Read(pid)
	return s.Parent
}

// Descends reports whether a process has another one among its ancestors.
func Descends(pid, ancestor int) bool {
	for pid = Parent(pid); pid > 0; pid = Parent(pid) {
		if pid == ancestor {
			return true
		}
	}
	return false
}
