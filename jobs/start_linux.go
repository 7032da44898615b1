package jobs

import (
	"bufio"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"syscall"

	"lastout/jobs/spawn"

	"golang.org/x/sys/unix"
)

// forkExec starts the job's leader: in its process group, with its parent-death signal.
func (h *host) forkExec(job *Job, files []int) (int, error) {
	a := &spawn.Attr{
		Path: job.Path, Args: job.Args, Env: job.Env, Dir: job.Dir, Files: files,
		Session: job.Session, Control: job.Session && job.place.controls,
		InGroup: !job.Session && job.Foreground, Group: job.place.group, NewGroup: !job.Session && !job.Foreground,
		DeathSignal: job.deathSignal(), NoNewPrivs: job.NoNewPrivs,
		Inherited: h.origin.inherited(job), Known: h.origin.Names,
	}
	leave, err := job.intoCgroup(a)
	if err != nil {
		return 0, &StartError{Path: job.Path, Err: err, Detail: "its cgroup"}
	}
	defer leave()
	pid, err := h.fork(a)
	if errors.Is(err, unix.ENOEXEC) {
		// A script without #!: execvp(3) runs it with the shell.
		a.Path, a.Args = "/bin/sh", append([]string{"/bin/sh", job.Path}, job.Args[1:]...)
		pid, err = h.fork(a)
	}
	if err != nil {
		return 0, explain(job, err)
	}
	return pid, nil
}

// inherited is what a job starts with, with what Job.Ignore adds to it.
func (o *Origin) inherited(job *Job) *spawn.Inherited {
	if o.Inherited == nil {
		return nil
	}
	in := *o.Inherited
	for _, sig := range job.Ignore {
		in.Ignored |= spawn.Bit(sig)
	}
	return &in
}

func (j *Job) deathSignal() syscall.Signal {
	if j.DeathSignal == 0 {
		return syscall.SIGKILL
	}
	return max(j.DeathSignal, 0)
}

// explain finds out what an errno of fork, chdir or execve was about.
func explain(job *Job, err error) *StartError {
	e := &StartError{Path: job.Path, Err: err}
	if job.Dir != "" {
		if _, dirErr := os.Stat(job.Dir); dirErr != nil {
			e.Detail = fmt.Sprintf("working directory %s", quote(job.Dir))
			return e
		}
	}
	path := job.Path
	if job.Dir != "" && !filepath.IsAbs(path) {
		path = filepath.Join(job.Dir, path)
	}
	info, statErr := os.Stat(path)
	switch {
	case statErr != nil && errors.Is(err, unix.ENOENT):
		e.NotFound = true
	case statErr == nil && info.IsDir():
		e.Detail = "a directory"
	case errors.Is(err, unix.ENOENT):
		e.Detail = "its interpreter is missing"
		if name := interpreter(path); name != "" {
			e.Detail = fmt.Sprintf("its interpreter %s is missing", quote(name))
		}
	}
	return e
}

// interpreter returns the program that the #! line of a script names.
func interpreter(path string) string {
	f, err := os.Open(path)
	if err != nil {
		return ""
	}
	defer f.Close()
	line, _ := bufio.NewReaderSize(f, 256).ReadString('\n')
	if !strings.HasPrefix(line, "#!") {
		return ""
	}
	words := strings.Fields(line[2:])
	if len(words) == 0 {
		return ""
	}
	return words[0]
}

// LookPath finds the file that name means, as execvp(3) does: in the PATH of env unless it holds a
// slash, relative directories seen from dir ("" is ours). A candidate that may not be executed is
// passed over, and is the reason for the failure, a [*StartError], if there is no other.
func LookPath(name string, env []string, dir string) (string, error) {
	if name == "" {
		return "", &StartError{Path: name, Err: unix.ENOENT, NotFound: true}
	}
	if strings.Contains(name, "/") {
		return name, nil // execve will say what is wrong with it
	}
	var denied *StartError
	for _, d := range strings.Split(pathOf(env), ":") { // an empty one is the working directory, "" has one
		if d == "" {
			d = "."
		}
		path := d + "/" + name
		switch err := executable(seenFrom(dir, path)); {
		case err == nil:
			return path, nil
		case denied == nil && !errors.Is(err, unix.ENOENT) && !errors.Is(err, unix.ENOTDIR):
			denied = &StartError{Path: path, Err: err}
		}
	}
	if denied != nil {
		return "", denied
	}
	return "", &StartError{Path: name, Err: unix.ENOENT, NotFound: true}
}

func seenFrom(dir, path string) string {
	if dir == "" || filepath.IsAbs(path) {
		return path
	}
	return dir + "/" + path
}

func executable(path string) error {
	var st unix.Stat_t
	if err := unix.Stat(path, &st); err != nil {
		return err
	}
	if st.Mode&unix.S_IFMT == unix.S_IFDIR {
		return unix.EISDIR
	}
	return unix.Faccessat(unix.AT_FDCWD, path, unix.X_OK, unix.AT_EACCESS)
}

// pathOf returns PATH, or what execvp(3) takes in its place.
func pathOf(env []string) string {
	for _, e := range env {
		if v, ok := strings.CutPrefix(e, "PATH="); ok {
			return v
		}
	}
	return "/bin:/usr/bin"
}
