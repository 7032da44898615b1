//go:build linux

package docker

import (
	"os/exec"
	"slices"
	"strings"
	"testing"
)

// TestTerminal: Ctrl-C at the terminal of docker run -it. The kernel sends INT to the terminal's foreground process group, which is that
// of PID 1, and lastout passes it on.
func TestTerminal(t *testing.T) {
	image := smallImage(t)
	c := prepare(t)
	line := slices.Concat([]string{"docker", "run", "--interactive", "--tty"}, c.flags(), []string{image, "lastout", "--", "tells-usr1"})
	cmd := exec.Command("script", "--quiet", "--return", "--flush", "--command", strings.Join(line, " "), "/dev/null")
	keyboard, err := cmd.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	defer keyboard.Close()
	c.attach(cmd)
	c.await("command is up")
	if _, err := keyboard.Write([]byte("\x03")); err != nil {
		t.Fatal(err)
	}
	if status := c.status(); status != 128+2 {
		t.Errorf("status %d, want 130", status)
	}
}
