package jobs

import (
	"errors"
	"fmt"
	"io"
	"os"
	"sync"
	"syscall"
	"time"
)

// stdio is the parent's side of a job's descriptors.
type stdio struct {
	files  []*os.File // the job's, from descriptor 0 on; nil is a closed one
	ours   []*os.File // to be closed once the job has them
	ends   []*os.File // our ends of the pipes
	copies sync.WaitGroup

	mu  sync.Mutex
	err error
}

// openStdio opens what the job's descriptors are to be. Nothing is copied before start.
func openStdio(job *Job) (*stdio, []func(), error) {
	s := &stdio{}
	var copies []func()
	for _, open := range []func() (*os.File, func(), error){
		func() (*os.File, func(), error) { return s.input(job.Stdin) },
		func() (*os.File, func(), error) { return s.output(job.Stdout) },
		func() (*os.File, func(), error) {
			if job.Stderr != nil && sameWriter(job.Stderr, job.Stdout) {
				return s.files[1], nil, nil
			}
			return s.output(job.Stderr)
		},
	} {
		f, cp, err := open()
		if err != nil {
			s.closeAll()
			return nil, nil, fmt.Errorf("open the job's descriptors: %w", err)
		}
		s.files = append(s.files, f)
		if cp != nil {
			copies = append(copies, cp)
		}
	}
	s.files = append(s.files, job.ExtraFiles...)
	return s, copies, nil
}

// sameWriter reports whether two writers are one, so that the job's output keeps its order. Types
// that cannot be compared are not.
func sameWriter(a, b io.Writer) (same bool) {
	defer func() { _ = recover() }()
	return a == b
}

func (s *stdio) input(r io.Reader) (*os.File, func(), error) {
	switch r := r.(type) {
	case nil:
		return s.devNull(os.O_RDONLY)
	case *os.File:
		return r, nil, nil
	}
	theirs, end, err := s.pipe()
	if err != nil {
		return nil, nil, err
	}
	return theirs, func() {
		// A job that does not read all of its input is nobody's error.
		_, _ = io.Copy(end, r)
		_ = end.Close()
	}, nil
}

func (s *stdio) output(w io.Writer) (*os.File, func(), error) {
	switch w := w.(type) {
	case nil:
		return s.devNull(os.O_WRONLY)
	case *os.File:
		return w, nil, nil
	}
	end, theirs, err := os.Pipe()
	if err != nil {
		return nil, nil, err
	}
	s.ours, s.ends = append(s.ours, theirs), append(s.ends, end)
	s.copies.Add(1)
	return theirs, func() {
		defer s.copies.Done()
		_, err := io.Copy(w, end)
		if errors.Is(err, os.ErrDeadlineExceeded) {
			err = copyRest(w, end)
		}
		if err != nil {
			s.fail(err)
		}
		_ = end.Close() // a job that goes on to write gets SIGPIPE, as it would from a writer that is gone
	}, nil
}

// copyRest copies what a pipe holds at the moment.
func copyRest(w io.Writer, end *os.File) error {
	raw, err := end.SyscallConn()
	if err != nil {
		return err
	}
	if err := end.SetReadDeadline(time.Time{}); err != nil {
		return err
	}
	buf := make([]byte, 64<<10)
	for {
		n := 0
		_ = raw.Read(func(fd uintptr) bool {
			for n, err = syscall.Read(int(fd), buf); err == syscall.EINTR; {
				n, err = syscall.Read(int(fd), buf)
			}
			return true // EAGAIN is an answer, too
		})
		if n <= 0 {
			return nil
		}
		if _, err := w.Write(buf[:n]); err != nil {
			return err
		}
	}
}

func (s *stdio) pipe() (theirs, end *os.File, err error) {
	if theirs, end, err = os.Pipe(); err == nil {
		s.ours, s.ends = append(s.ours, theirs), append(s.ends, end)
	}
	return theirs, end, err
}

func (s *stdio) devNull(flag int) (*os.File, func(), error) {
	f, err := os.OpenFile(os.DevNull, flag, 0)
	if err == nil {
		s.ours = append(s.ours, f)
	}
	return f, nil, err
}

func (s *stdio) fail(err error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.err = errors.Join(s.err, fmt.Errorf("copy the job's output: %w", err))
}

// started closes the job's ends: it has them now.
func (s *stdio) started() {
	for _, f := range s.ours {
		_ = f.Close()
	}
	s.ours = nil
}

// wait returns when all of the output has been copied. The tree is gone, so all of it is in the
// pipes: the end of file is not waited for, because a stranger may have been passed a descriptor.
func (s *stdio) wait() error {
	for _, end := range s.ends {
		_ = end.SetReadDeadline(time.Unix(1, 0))
	}
	s.copies.Wait()
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.err
}

func (s *stdio) closeAll() {
	s.started()
	for _, f := range s.ends {
		_ = f.Close()
	}
}
