package main

import "path/filepath"

// dockerInit is the name by which Docker calls the init of a container (docker run --init, dockerd
// --init-path).
const dockerInit = "docker-init"

// versionLine is what --version prints. dockerd asks its init for it, and reads nothing but tini's
// words (parseInitVersion in moby's daemon/info_unix.go). No " - git.COMMIT" may follow: Docker
// 20.10 cuts the commit that it was built for to the same length, and panics where that one is
// shorter; Debian's is empty.
func versionLine(name string) string {
	if filepath.Base(name) == dockerInit {
		return "tini version " + versionText() + " (lastout)"
	}
	return "lastout " + versionText()
}
