package cgroup

import "path"

// Prefix begins the name of every directory; the process id of its maker follows.
const Prefix = "lastout-"

// Dir is a directory of ours, by its path; "" is none.
type Dir string

// Parent is where it was made.
func (d Dir) Parent() string { return path.Dir(string(d)) }
