// Package safepath opens and replaces the files that flags name, in directories where others may
// write.
//
//	p, err := safepath.Find("out/report.json") // the directory is held from now on
//	...
//	err = p.Replace(data, 0) // the name in that directory, whatever the path leads to by then
//
// A [Path] is a directory, held by a descriptor (O_PATH, open(2)), and a name in it. All that is
// done is done to that name in that directory, by openat(2) and its kind.
//
// The name is never followed: a symbolic link there is refused, or replaced. Symbolic links among
// the directories before it are followed. A link that belongs neither to root nor to us leads only
// to directories of its owner: it cannot make us write where he could not.
//
// In a sticky directory, such as /tmp, what is written to, a FIFO or a device has to belong to us,
// or to the owner of the directory. The kernel has the same rule (fs.protected_regular and
// fs.protected_fifos, proc(5)), but only where it is switched on, and where a file would be made.
// What is no regular file is opened without waiting for anybody.
package safepath
