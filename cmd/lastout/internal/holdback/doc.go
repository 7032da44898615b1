// Package holdback keeps the output of a job until it is known whether anybody is to see it.
//
// [Pipes] are what the job writes to, and an [Output] is what was written, in the order in which it
// arrived. One goroutine reads both pipes: their order is that in which they became readable, which
// is as exact as two pipes can be; where standard output and standard error are the same file one
// pipe serves both, and the order is the job's own.
//
// Memory is bounded: what is more than a megabyte goes to a file without a name (O_TMPFILE,
// open(2), Linux 3.11). Where only the end is wanted, the file's beginning is given back
// (FALLOC_FL_PUNCH_HOLE, fallocate(2)). Where the disk is full, the newest output is kept at the
// expense of the oldest.
package holdback
