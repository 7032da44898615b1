package proc

import "strconv"

// Links calls visit with what the descriptors of pid are open on, as their links name it
// (proc_pid_fd(5)), at most max of them from the lowest on. link is valid until visit returns;
// writable reports whether the descriptor is open for writing.
func (fs *FS) Links(pid int32, max int, visit func(link []byte, writable func() bool)) {
	fs.begin(pid, "/fd")
	fs.tids = fs.firstNumbers(fs.tids[:0], max)
	for _, fd := range fs.tids {
		fs.Link(pid, fd, visit)
	}
}

// Link is Links for one descriptor. It costs a fraction of a list.
func (fs *FS) Link(pid, fd int32, visit func(link []byte, writable func() bool)) {
	fs.begin(pid, "/fd/")
	fs.path = strconv.AppendInt(fs.path, int64(fd), 10)
	fs.path = append(fs.path, 0)
	if link := fs.link(); link != nil {
		visit(link, fs.writable)
	}
}

// writable reports whether the link fs.path is that of a descriptor which is open for writing: its
// mode says so.
func (fs *FS) writable() bool { return fs.linkMode()&0o200 != 0 }
