package spawn

import (
	"sync"
	"syscall"

	"lastout/pdeath"

	"golang.org/x/sys/unix"
)

// forkExec leaves everything to package syscall.
func (a *Attr) forkExec() (pid int, err error) {
	attr := &syscall.ProcAttr{Dir: a.Dir, Env: a.Env, Sys: a.sys()}
	for _, fd := range a.Files {
		attr.Files = append(attr.Files, uintptr(fd)) // -1 is syscall's sign for a closed one, too
	}
	if !a.NoNewPrivs {
		return syscall.ForkExec(a.Path, a.Args, attr)
	}
	thread, err := restricted()
	if err != nil {
		return 0, err
	}
	return thread.Start(a.Path, a.Args, attr)
}

// restricted is a thread with no_new_privs, for all children that are to have it: a thread cannot
// take it back, and the end of a thread is what the parent-death signal tells of.
var restricted = sync.OnceValues(func() (thread *pdeath.Thread, err error) {
	thread = pdeath.NewThread()
	thread.Do(func() { err = unix.Prctl(unix.PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) })
	return thread, err
})

func (a *Attr) sys() *syscall.SysProcAttr {
	sys := &syscall.SysProcAttr{
		Setsid: a.Session, Setctty: a.Control, Setpgid: a.InGroup || a.NewGroup, Pdeathsig: a.DeathSignal,
		UseCgroupFD: a.UseCgroup, CgroupFD: a.Cgroup,
	}
	if a.InGroup {
		sys.Pgid = a.Group
	}
	return sys
}
