package cgroup

// Prefix begins the name of every directory; the process id of its maker follows.
const Prefix = "lastout-"

// Dir is a directory of ours, by its path; "" is none.
type Dir string
