//go:build linux

package docker

import (
	"slices"
	"testing"
)

// TestJupyter: a notebook server starts a kernel, which answers; as PID 1, and with lastout as PID 1.
// An orphan of the kernel is adopted by PID 1, and is a zombie for ever where that is the server.
func TestJupyter(t *testing.T) {
	need(t, "/usr/bin/jupyter-notebook", "/usr/lib/python3/dist-packages/websocket")
	image := debianImage(t)
	server := []string{"jupyter-notebook", "--allow-root", "--no-browser", "--ip=127.0.0.1", "--port=8000",
		"--NotebookApp.token=secret", "--notebook-dir=/tmp"}
	for _, r := range []struct {
		name, patience string
		init           []string
		answer         string // of the kernel, and the number of zombies
	}{
		{"as PID 1", "1", nil, "42\n1"},
		{"under lastout", "10", []string{"/lastout", "--"}, "42\n0"},
	} {
		t.Run(r.name, func(t *testing.T) {
			c := start(t, image, machine(t), slices.Concat(r.init, server)...)
			c.init()
			if got := docker(t, "exec", c.name, "python3", "/web/ask_kernel.py", r.patience); got != r.answer {
				t.Errorf("%q, want %q", got, r.answer)
			}
			stop(c)
			if status := c.status(); status != 0 {
				t.Errorf("ends with status %d when it is stopped", status)
			}
		})
	}
}
