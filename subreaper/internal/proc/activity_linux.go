package proc

import "strconv"

// Activity reports what the threads of a process do. st is what Stat has read of it.
//
// busy says that a thread runs, waits for a processor, waits for a device without being able to
// take a signal, or exits. A sleep that a signal or an end of file can end is not busy, nor is a
// stop.
//
// runs is how often one of the threads was given a processor. Where it has not changed between two
// calls, the process did nothing in between. It is 0 on a kernel without CONFIG_SCHED_INFO.
func (fs *FS) Activity(pid int32, st *Stat) (busy bool, runs uint64) {
	if st.Threads == 1 {
		n, _ := ParseSchedstat(fs.file(pid, "/schedstat"))
		return st.Busy(), n
	}
	// The first thread may be dead while others work on.
	for _, tid := range fs.Threads(pid) { // reading a file leaves the list as it is
		var thread Stat
		if b := fs.threadFile(pid, tid, "/stat"); b == nil || !ParseStat(b, &thread) {
			return true, runs // it has exited since it was listed
		}
		busy = busy || thread.Busy()
		n, _ := ParseSchedstat(fs.threadFile(pid, tid, "/schedstat"))
		runs += n
	}
	return busy, runs
}

func (fs *FS) threadFile(pid, tid int32, name string) []byte {
	fs.begin(pid, "/task/")
	fs.path = strconv.AppendInt(fs.path, int64(tid), 10)
	fs.path = append(fs.path, name...)
	return fs.contents()
}
