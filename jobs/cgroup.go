package jobs

import "errors"

// CgroupMode says whether a job gets a cgroup of its own.
type CgroupMode uint8

// With a cgroup, SIGKILL reaches all of its members in one step that is atomic against fork
// (cgroup.kill, Linux 5.14), set-user-ID programs among them, once each has been looked at; and
// descendants are searched for as always. It is a directory in the hierarchy of version 2, below
// our own cgroup, and needs the permission to make one there: root, or delegation. Only a job that
// has to be killed is affected. Whoever moves a process into the directory gives it to the job: it
// is killed with it.
const (
	CgroupOff     CgroupMode = iota // none
	CgroupAuto                      // where one can be made
	CgroupRequire                   // or the job is not started, for ErrNoCgroup
)

// ErrNoCgroup says that CgroupRequire cannot be had.
var ErrNoCgroup = errors.New("no cgroup can be made for the command")
