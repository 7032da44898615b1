//go:build linux

package docker

import (
	"io"
	"os/exec"
	"slices"
	"strings"
	"testing"
)

// TestTerminal: docker run -it. Ctrl-C comes from the kernel, as INT to the terminal's foreground
// process group; and what a program reads from the terminal, only that group may.
func TestTerminal(t *testing.T) {
	image := smallImage(t)
	for _, c := range []struct {
		name   string
		argv   []string
		talk   []string // what is to be read at the terminal, and then typed, in turns
		status int
		says   string
	}{
		{name: "Ctrl-C", argv: []string{"tells-usr1"}, talk: []string{"command is up", "\x03"}, status: 128 + 2},
		{name: "a line", argv: []string{"head", "-n", "1"}, talk: []string{"", "a word\n"},
			says: "a word\r\na word\r\n"},
		{name: "an interactive shell", argv: []string{"sh", "-i"},
			talk: []string{"# ", "echo $((6 * 7)); exit 3\n"}, status: 3, says: "\r\n42\r\n"},
		{name: "Ctrl-C in an interactive shell", argv: []string{"sh", "-i"}, status: 4,
			talk: []string{"# ", "echo $((6 * 7)); sleep 300\n", "\r\n42\r\n", "\x03", "^C", "exit 4\n"}},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			terminal, keyboard := attended(t, image, append([]string{"lastout", "--"}, c.argv...))
			for turn := range slices.Chunk(c.talk, 2) {
				terminal.await(turn[0])
				if _, err := io.WriteString(keyboard, turn[1]); err != nil {
					t.Fatal(err)
				}
			}
			if status := terminal.status(); status != c.status {
				t.Errorf("status %d, want %d", status, c.status)
			}
			if said := terminal.said.String(); !strings.Contains(said, c.says) {
				t.Errorf("%q is not in %q", c.says, said)
			}
		})
	}
}

// attended runs a container at a terminal of its own, which script(1) makes.
func attended(t *testing.T, image string, argv []string) (c *container, keyboard io.Writer) {
	t.Helper()
	c = prepare(t)
	line := slices.Concat([]string{"docker", "run", "--interactive", "--tty"}, c.flags(), []string{image}, argv)
	cmd := exec.Command("script", "--quiet", "--return", "--flush", "--command", strings.Join(line, " "), "/dev/null")
	keyboard, err := cmd.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	c.attach(cmd)
	return c, keyboard
}
