package guardian

// Role is what this process is.
type Role uint8

const (
	// Unknown is a process in which nothing has run before the runtime.
	Unknown Role = iota
	// Alone has no guardian: it is PID 1, or nobody wants one.
	Alone
	// Worker is the child of a guardian.
	Worker
	// Heir was the guardian of a worker that was killed. What that has left are its children.
	Heir
	// Settler is the guardian of a worker that has asked for children of the guardian's to be
	// settled.
	Settler
)
