package main

import "testing"

func TestShellName(t *testing.T) {
	for comm, want := range map[string]string{
		"sh\n": "sh", "bash\n": "bash", "dash\n": "dash", "busybox\n": "busybox",
		"systemd\n": "", "tini\n": "", "lastout\n": "", "docker-init\n": "", "python3\n": "", "": "", "\n": "",
		"sh bash\n": "", "s\n": "",
	} {
		if got := shellName(comm); got != want {
			t.Errorf("%q: %q, want %q", comm, got, want)
		}
	}
}
