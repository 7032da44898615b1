package jobs

import (
	"bufio"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"syscall"

	"golang.org/x/sys/unix"
)

// forkExec starts the job's leader: in its process group, with its parent-death signal.
func (h *host) forkExec(job *Job, files []int) (int, error) {
	attr := &syscall.ProcAttr{Dir: job.Dir, Env: job.Env, Sys: job.placed()}
	for _, fd := range files {
		attr.Files = append(attr.Files, uintptr(fd)) // -1 is syscall's sign for a closed one, too
	}
	leave, err := job.intoCgroup(attr.Sys)
	if err != nil {
		return 0, &StartError{Path: job.Path, Err: err, Detail: "its cgroup"}
	}
	defer leave()
	pid, err := h.fork(job.NoNewPrivs, job.Path, job.Args, attr)
	if errors.Is(err, unix.ENOEXEC) {
		// A script without #!: execvp(3) runs it with the shell.
		pid, err = h.fork(job.NoNewPrivs, "/bin/sh", append([]string{"/bin/sh", job.Path}, job.Args[1:]...), attr)
	}
	if err != nil {
		return 0, explain(job, err)
	}
	return pid, nil
}

// placed says which process group and session the leader begins in.
func (j *Job) placed() *syscall.SysProcAttr {
	attr := &syscall.SysProcAttr{Pdeathsig: j.deathSignal()}
	switch {
	case j.Session: // Ctty is a descriptor of the child's
		attr.Setsid, attr.Setctty = true, j.place.controls
	case j.Foreground:
		attr.Setpgid, attr.Pgid = true, j.place.group
	default:
		attr.Setpgid = true
	}
	return attr
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

// LookPath finds the file that name means, as execvp(3) does: in the PATH of env unless it holds a slash, relative directories seen
// from dir ("" is ours). A candidate that may not be executed is passed over, and is the reason for the failure, a
// [*StartError], if there is no other.
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
