package jobs

import (
	"fmt"
	"syscall"

	"lastout/jobs/cgroup"
	"lastout/jobs/spawn"
)

// makeCgroup makes the directory that the leader will be started in. It is made, and at the end
// removed, by the runner, which knows it whatever becomes of the keeper; where the runner dies, the
// keeper removes it.
func (r *Runner) makeCgroup(job *Job) error {
	if job.Cgroup == CgroupOff {
		return nil
	}
	dir, err := cgroup.Make(func(argv0 string, argv []string, attr *syscall.ProcAttr) (pid int, err error) {
		_, err = r.host.reaper.Start(func() (int, error) { return syscall.ForkExec(argv0, argv, attr) }, nil)
		return 0, err
	})
	switch {
	case err == nil:
		r.logger.Info("cgroup", "path", string(dir))
		job.cgroup = dir
		r.opts.Events.cgroup(string(dir))
	case job.Cgroup == CgroupRequire:
		return fmt.Errorf("%w: %w", ErrNoCgroup, err)
	default:
		r.logger.Info("no cgroup", "because", err)
	}
	return nil
}

// removeCgroup leaves the directory to whoever is still in it: a survivor that was given up, or a
// stranger.
func (r *Runner) removeCgroup(job *Job) {
	if err := job.cgroup.Remove(); err != nil {
		r.logger.Warn("the cgroup remains", "error", err)
	}
	if job.cgroup != "" {
		r.opts.Events.cgroup("")
	}
}

// intoCgroup makes a start the leader in the job's cgroup, if it has one.
func (j *Job) intoCgroup(a *spawn.Attr) (leave func(), err error) {
	if j.cgroup == "" {
		return func() {}, nil
	}
	var attr syscall.SysProcAttr
	leave, err = j.cgroup.Into(&attr)
	a.UseCgroup, a.Cgroup = attr.UseCgroupFD, attr.CgroupFD
	return leave, err
}

// cgroupKill returns what kills the members of the job's cgroup. It proves nothing: members may
// have gone elsewhere, and an error is what the passes are for.
func (j *Job) cgroupKill() func() {
	if j.cgroup == "" {
		return nil
	}
	return func() { _ = j.cgroup.Kill() }
}
