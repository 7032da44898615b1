package subreaper

// ID tells a process from every other one: its number may be used again, but not with the same
// start time.
type ID struct {
	pid   int
	start uint64
}

// ID returns what tells the process from every other one. It is known of processes that this
// [Reaper] has found.
func (p Process) ID() ID { return ID{p.PID, p.start} }

// PipeID tells a pipe from every other one.
type PipeID struct{ Dev, Ino uint64 }

// Pipe is one end of a pipe, of a FIFO, or of a pair of sockets whose other end has been closed.
type Pipe struct {
	ID            PipeID
	Reads, Writes bool
	Stdin         bool // it is the standard input
	// Ended says that nobody has it open for writing, so that there will be an end of file once
	// everything is read. Of a FIFO it says that no descendant and not this process has, since the
	// kernel does not tell of others.
	Ended bool
	// Unread is how many bytes can be read now; 0 for a socket.
	Unread int
}

// Activity is what a descendant does.
type Activity struct {
	Process // with its short name for a command line
	// Busy says that one of its threads runs, waits for a processor or for a device, or exits. A
	// process that waits for anything else, or is stopped, is not busy.
	Busy bool
	// Runs is how often one of its threads was given a processor so far. Where two looks have the
	// same number, the process did nothing in between. It stays 0 on a kernel without
	// CONFIG_SCHED_INFO.
	Runs uint64
	// Pipes are those that it has open, where [LookOptions.Pipes] asks for them.
	Pipes []Pipe
}

// LookOptions says what [Reaper.Look] is to look at.
type LookOptions struct {
	// Max is how many processes are looked at.
	Max int
	// Only is the one child that is looked at, if it is set, without what is below it.
	Only int
	// Pipes asks for Activity.Pipes, of the lowest 256 descriptors of each process that we may look
	// at (ptrace(2), PTRACE_MODE_READ).
	Pipes bool
	// Ours, if set, says which pipes are of no interest: they are left out.
	Ours func(PipeID) bool
}
