//go:build linux

package docker

import (
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
)

// process is a line of proc_pid_stat(5), as the machine sees it.
type process struct {
	pid, parent int
	state       byte
}

// readProcess reports false where there is no such process (any more). The name may hold anything:
// fields begin after the last parenthesis.
func readProcess(pid int) (process, bool) {
	text, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))
	if err != nil {
		return process{}, false
	}
	fields := strings.Fields(string(text[strings.LastIndexByte(string(text), ')')+1:]))
	if len(fields) < 2 {
		return process{}, false
	}
	parent, err := strconv.Atoi(fields[1])
	return process{pid, parent, fields[0][0]}, err == nil
}

// words returns the command line of a process, with spaces between its words.
func (p process) words() string {
	text, _ := os.ReadFile(fmt.Sprintf("/proc/%d/cmdline", p.pid))
	return strings.TrimSpace(strings.ReplaceAll(string(text), "\x00", " "))
}

// children returns the children of a process.
func (p process) children() []process { return childrenOf()[p.pid] }

// descendants returns a process and all that descend from it.
func descendants(pid int) []process {
	all := childrenOf()
	var found []process
	if p, ok := readProcess(pid); ok {
		found = append(found, p)
	}
	for i := 0; i < len(found); i++ {
		found = append(found, all[found[i].pid]...)
	}
	return found
}

func childrenOf() map[int][]process {
	all := make(map[int][]process)
	dirs, _ := filepath.Glob("/proc/[0-9]*")
	for _, dir := range dirs {
		pid, _ := strconv.Atoi(filepath.Base(dir))
		if p, ok := readProcess(pid); ok {
			all[p.parent] = append(all[p.parent], p)
		}
	}
	return all
}
