// Package outfile writes a file when a run is over, and finds out before the run begins whether
// that can be done.
//
//	f, err := outfile.Check("report.json") // before: is there a directory, may we write to it
//	...
//	err = f.Write(data, ended) // after: the file is replaced, in one step
//
// A regular file is replaced by rename(2): a reader sees the old contents or the new, never a half,
// and where the disk is full the old file stays. What is no regular file, such as a terminal or a
// FIFO, is written to as it is, and so is a descriptor that the caller has passed, by the name
// fd:N, /dev/fd/N or /dev/stderr. Package safepath says what is not written to.
package outfile
