// Package docker runs lastout in containers of a Docker engine, and beside it tini and the engine's
// own init (docker run --init).
//
// It holds only tests, which `make test-docker` runs. They need an engine of this machine, root,
// and no registry: images are made from scratch, of busybox and the programs under test. Debian's
// programs run in an image that has nothing but the machine's own /usr, read-only. Which packages
// they come from is listed in the file packages.
//
// TestInits and TestWebServers print a table: what lastout's column says is asserted, the others
// are there to be compared with. Every container and every image carries a label of the run, by
// which TestMain finds whatever a test has left in the engine, removes it and fails; and `make
// test-docker` does so where the tests could not.
package docker
