// Package proc reads the few things that lastout needs from proc(5): a process's children, its
// parent and start time.
//
// The parsers take bytes and are portable; FS, which reads a mounted /proc without allocating, is
// for Linux.
package proc

import "bytes"

// Stat is the part of /proc/PID/stat that tells one process from another; see proc_pid_stat(5).
type Stat struct {
	Comm    []byte // the name, without its parentheses; valid until the buffer that was parsed is used again
	State   byte   // R, S, D, T, t, Z, X, I
	PPID    int32
	PGID    int32
	SID     int32
	Threads int32
	Start   uint64 // clock ticks after boot
}

// Dead reports whether the process has exited. State Z alone does not tell: a process whose first
// thread has exited shows it while others work on.
func (s *Stat) Dead() bool { return s.State == 'Z' && s.Threads <= 1 }

// Busy reports whether the thread runs or waits for a processor (R), waits for a device (D), or is
// on its way out of the kernel (X). One that sleeps (S), was stopped (T, t), is parked or idle (P,
// I) or is a zombie (Z) is not busy.
func (s *Stat) Busy() bool { return s.State == 'R' || s.State == 'D' || s.State == 'X' }

// ParseStat reads the contents of /proc/PID/stat and reports whether they were well formed. The
// name may itself hold ") Z 1 1 1" and newlines, so the fields begin after the last parenthesis.
func ParseStat(b []byte, s *Stat) bool {
	open, end := bytes.IndexByte(b, '('), bytes.LastIndexByte(b, ')')
	if open < 0 || end < open || end+4 > len(b) || b[end+1] != ' ' || b[end+3] != ' ' {
		return false
	}
	s.Comm, s.State = b[open+1:end], b[end+2]
	rest := b[end+4:]
	for field := 4; field <= 22; field++ {
		v, n := parseUint(rest)
		if n == 0 {
			return false
		}
		switch field {
		case 4:
			s.PPID = int32(v)
		case 5:
			s.PGID = int32(v)
		case 6:
			s.SID = int32(v)
		case 20:
			s.Threads = int32(v)
		case 22:
			s.Start = v
		}
		if rest = rest[n:]; len(rest) > 0 {
			rest = rest[1:]
		}
	}
	return true
}

// parseUint reads a decimal number, the absolute value of a negative one, and returns how many
// bytes it took.
func parseUint(b []byte) (v uint64, n int) {
	if len(b) > 0 && b[0] == '-' {
		n = 1
	}
	start := n
	for n < len(b) && b[n]-'0' <= 9 {
		v = v*10 + uint64(b[n]-'0')
		n++
	}
	if n == start {
		return 0, 0
	}
	return v, n
}

// ParsePIDs appends the numbers of b, which are separated by white space, to dst. It returns the
// number of bytes at the end of b that may be the beginning of a number which goes on in the next
// read.
func ParsePIDs(dst []int32, b []byte) ([]int32, int) {
	v, digits := int32(0), 0
	for _, c := range b {
		if c-'0' <= 9 {
			v = v*10 + int32(c-'0')
			digits++
			continue
		}
		if digits > 0 {
			dst = append(dst, v)
		}
		v, digits = 0, 0
	}
	return dst, digits
}

// ParseFdinfoPID reads the process id from the fdinfo of a pidfd; see proc_pid_fdinfo(5).
func ParseFdinfoPID(b []byte) (int32, bool) {
	_, after, found := bytes.Cut(b, []byte("\nPid:\t"))
	if !found {
		return 0, false
	}
	v, n := parseUint(after)
	return int32(v), n > 0 && after[0] != '-'
}
