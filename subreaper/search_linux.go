package subreaper

import (
	"maps"
	"slices"
)

// search finds our children without /proc: waitid(2) knows which numbers are children of ours. To
// try all numbers takes seconds, so one look tries three ranges of them: those around our own,
// which our descendants have unless the numbers have begun again, and children that an exec has
// handed to us; those after the child that was found last, where its own are; and the next of all
// the others. Who has been found is kept.
//
// Nothing is known to be missing: only ECHILD (see childless) says that nobody is.
type search struct {
	self  int32
	known map[int32]bool
	last  int32 // the child that was found last
	next  int32 // where the next range of all the others begins
	tried int   // how many of those ranges in a row have shown nobody new
}

const (
	// numbers is PID_MAX_LIMIT on 64-bit kernels: numbers are below it.
	numbers = 1 << 22
	// near is how many numbers of each of the first two ranges are tried, and share of all the
	// others: together, that takes 40 ms, or 200 where a system call is slow.
	near  = 1 << 14
	share = 1 << 16
)

func (s *search) init(self int32) {
	*s = search{self: self, known: make(map[int32]bool), last: self, next: (self + near) % numbers}
}

// look appends those children to dst that are known by now, in the order of their numbers.
func (s *search) look(dst []int32) []int32 {
	maps.DeleteFunc(s.known, func(pid int32, _ bool) bool { return !isChild(pid) })
	if childless() {
		return dst
	}
	before := len(s.known)
	s.try(s.self-near/2, 3*near/2)
	if s.last != s.self {
		s.try(s.last, near)
	}
	s.next = s.try(s.next, share)
	s.tried++
	if len(s.known) > before {
		s.tried = 0
	}
	from := len(dst)
	dst = slices.AppendSeq(dst, maps.Keys(s.known))
	slices.Sort(dst[from:])
	return dst
}

// try looks for children among n numbers from one on. It returns the number after those.
func (s *search) try(from, n int32) (next int32) {
	for i := range n {
		if pid := (from + i + numbers) % numbers; pid > 0 && isChild(pid) && !s.known[pid] {
			s.known[pid] = true
			s.last = pid
		}
	}
	return (from + n) % numbers
}

// round reports whether all numbers have been tried since somebody new was found.
func (s *search) round() bool { return s.tried >= numbers/share }
