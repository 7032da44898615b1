package subreaper

import "lastout/subreaper/internal/proc"

// maxDescriptors bounds how many descriptors of a process are looked at. The lowest are those that
// it was born with.
const maxDescriptors = 256

// Writes reports which of files a process has open for writing, of its lowest 256 descriptors.
// Files are named as the links in proc_pid_fd(5) name them ("pipe:[4711]", "/dev/pts/1"), which
// asks no file server; "" is none. Of a process that is gone, or that we may not look at
// (ptrace(2)), nothing is known.
func (r *Reaper) Writes(p Process, files []string) []bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	writes := make([]bool, len(files))
	if r.closed || r.fs == nil {
		return writes
	}
	rest := 0 // how many of the files p may have open yet
	for _, file := range files {
		if file != "" {
			rest++
		}
	}
	see := func(link []byte, writable func() bool) {
		for i, file := range files {
			if file != "" && !writes[i] && string(link) == file && writable() {
				writes[i] = true
				rest--
			}
		}
	}
	r.fs.Link(int32(p.PID), 1, see) // where they are most of the time
	r.fs.Link(int32(p.PID), 2, see)
	if rest > 0 {
		r.fs.Links(int32(p.PID), maxDescriptors, see)
	}
	var st proc.Stat
	if !r.fs.Stat(int32(p.PID), &st) || st.Start != p.start { // the number may be another's
		clear(writes)
	}
	return writes
}
