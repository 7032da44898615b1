// Package lockfile takes a lock on a file, flock(2), and says who holds one that cannot be had.
//
// The lock is the open file description's: it is free when the last descriptor of that is closed,
// whoever has it. So a process that is to hold the lock as well is passed the descriptor, and one
// that is not to hold it must not inherit it.
//
// Who holds the lock is written into the file, one line, if the file is empty or holds such a line
// already: a script may be its own lock. What is written there is believed only while a second lock
// stands, an OFD lock for reading on the file's first byte (F_OFD_SETLK, fcntl(2), Linux 3.15),
// which belongs to the same open file description and so ends with the lock itself. The line of a
// holder that was killed is not believed, nor is it once flock(1) holds the lock, which leaves no
// line.
package lockfile
