//go:build linux && (amd64 || arm64)

package clone

import "unsafe"

// Possible says that there is assembly for this processor.
const Possible = true

// Task is what a child runs.
type Task struct {
	// Run is called in the child. When it returns, the child's thread exits with status 1.
	Run func(*Task)
	// Data is for Run.
	Data unsafe.Pointer
}

// Clone makes the system call of number trap, clone(2) or clone3(2), with its first two arguments.
// The child runs the task; the parent gets the child's number, or an errno as a negative number.
//
// The child needs a stack: for clone it is the second argument, and grows downwards from there.
//
//go:noescape
func Clone(trap, arg1, arg2 uintptr, task *Task) (pid int)

// Exchange stores v and returns what was there, in one step. A child may call it, which must not
// call sync/atomic: with the race detector that calls the detector.
//
//go:noescape
func Exchange(p *int32, v int32) (old int32)
