// Package ancestry tells who started whom, by /proc (proc_pid_stat(5)).
//
// The pieces: [Parent] is one step, [Descends] as many as it takes. What they say may be out of date at once: a process whose parent dies gets another.
package ancestry

import (
	"bytes"
	"os"
	"strconv"
)

// Parent returns the parent of a process. It is 0 where that is in another PID namespace, and where it cannot be known.
func Parent(pid int) int {
	stat, err := os.ReadFile("/proc/" + strconv.Itoa(pid) + "/stat")
	if err != nil {
		return 0
	}
	return parentIn(stat)
}

// parentIn reads the contents of a stat file. The name in it may hold anything, so that fields begin after the last parenthesis.
func parentIn(stat []byte) int {
	fields := bytes.Fields(stat[bytes.LastIndexByte(stat, ')')+1:])
	if len(fields) < 2 {
		return 0
	}
	ppid, err := strconv.Atoi(string(fields[1]))
	if err != nil || ppid < 0 {
		return 0
	}
	return ppid
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
