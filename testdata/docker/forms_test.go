//go:build linux

package docker

import (
	"context"
	"os/exec"
	"slices"
	"strings"
	"testing"
)

// TestForms: what becomes PID 1, and what of the command line lies between it and the program, in
// the ways to write it into a Dockerfile; and that docker stop reaches the program.
func TestForms(t *testing.T) {
	base := smallImage(t)
	const shell = `SHELL ["/usr/bin/lastout", "-c"]` + "\n"
	for _, c := range []struct {
		name, dockerfile string
		argv             []string // of docker run
		tree             []string // command lines, from PID 1 down
		status           int      // after docker stop
	}{
		{name: "exec form", dockerfile: `CMD ["lastout", "--", "sleep", "300"]`,
			tree: []string{"lastout -- sleep 300", "sleep 300"}, status: statusTerm},
		{name: "shell form", dockerfile: `CMD lastout -- sleep 300`,
			tree: []string{"lastout -- sleep 300", "sleep 300"}, status: statusTerm},
		{name: "shell form, something first", dockerfile: `CMD cd /tmp && exec lastout -- sleep 300`,
			tree: []string{"lastout -- sleep 300", "sleep 300"}, status: statusTerm},
		{name: "shell form, something after", dockerfile: `CMD lastout -- sleep 300; echo over`,
			tree: []string{"/bin/sh -c lastout -- sleep 300; echo over", "lastout -- sleep 300",
				"lastout -- sleep 300", "sleep 300"}, status: statusKill},
		{name: "SHELL, plain words", dockerfile: shell + `CMD sleep 300`,
			tree: []string{"/usr/bin/lastout -c sleep 300", "sleep 300"}, status: statusTerm},
		{name: "SHELL, quotes", dockerfile: shell + `CMD sleep "300"`,
			tree: []string{`/usr/bin/lastout -c sleep "300"`, "sleep 300"}, status: statusTerm},
		{name: "SHELL, a list", dockerfile: shell + `CMD cd /tmp && sleep 300`,
			tree: []string{"/usr/bin/lastout -c cd /tmp && sleep 300", "sleep 300"}, status: statusTerm},
		{name: "SHELL, a sequence", dockerfile: shell + `CMD sleep 300; echo over`,
			tree: []string{"/usr/bin/lastout -c sleep 300; echo over", "/bin/sh -c sleep 300; echo over",
				"sleep 300"}, status: statusTerm},
		{name: "SHELL, a variable", dockerfile: shell + `ENV TIME=300` + "\n" + `CMD sleep $TIME`,
			tree: []string{"/usr/bin/lastout -c sleep $TIME", "sleep 300"}, status: statusTerm},
		{name: "SHELL, ENTRYPOINT", dockerfile: shell + `ENTRYPOINT sleep 300`,
			tree: []string{"/usr/bin/lastout -c sleep 300", "sleep 300"}, status: statusTerm},
		{name: "ENTRYPOINT and CMD", dockerfile: `ENTRYPOINT ["lastout", "--"]` + "\n" + `CMD ["sleep", "300"]`,
			tree: []string{"lastout -- sleep 300", "sleep 300"}, status: statusTerm},
		{name: "ENTRYPOINT and another command", dockerfile: `ENTRYPOINT ["lastout", "--"]` + "\n" +
			`CMD ["sleep", "300"]`, argv: []string{"sleep", "200"},
			tree: []string{"lastout -- sleep 200", "sleep 200"}, status: statusTerm},
		{name: "ENTRYPOINT and a shell-form CMD", dockerfile: `ENTRYPOINT ["lastout", "--"]` + "\n" +
			`CMD sleep 300; echo over`,
			tree: []string{"lastout -- /bin/sh -c sleep 300; echo over", "/bin/sh -c sleep 300; echo over",
				"sleep 300"}, status: statusTerm},
	} {
		t.Run(c.name, func(t *testing.T) {
			image, out, err := build(t, "FROM "+base+"\n"+c.dockerfile+"\n")
			if err != nil {
				t.Fatalf("%v\n%s", err, out)
			}
			container := start(t, image, nil, c.argv...)
			container.awaitTree(c.tree)
			docker(t, "stop", "-t", "2", container.name) // a shell as PID 1 lets that pass, and ours stops at once
			if got := container.status(); got != c.status {
				t.Errorf("status %d, want %d", got, c.status)
			}
		})
	}
}

// awaitTree returns when the container consists of these processes, each the only child of the one
// before.
func (c *container) awaitTree(want []string) {
	c.t.Helper()
	var got []string
	init := c.init()
	if !within(limit/4, func() bool { got = branch(init); return slices.EqualFunc(got, want, matches) }) {
		c.t.Errorf("the processes are %q, want %q", got, want)
	}
}

// matches compares command lines; a star at the end stands for anything.
func matches(got, want string) bool {
	start, any := strings.CutSuffix(want, "*")
	return got == want || any && strings.HasPrefix(got, start)
}

// branch returns the command lines from a process down, as long as each has one child.
func branch(p process) (words []string) {
	for {
		words = append(words, p.words())
		children := p.children()
		if len(children) != 1 {
			return words
		}
		p = children[0]
	}
}

// build builds an image of a Dockerfile without a context.
func build(t *testing.T, dockerfile string) (image, out string, err error) {
	t.Helper()
	image = "lastout-test-" + strings.ToLower(strings.NewReplacer("/", "-", ",", "", " ", "-", "_",
		"-").Replace(t.Name())) + ":" + run
	ctx, cancel := context.WithTimeout(t.Context(), limit)
	defer cancel()
	cmd := exec.CommandContext(ctx, "docker", "build", "--network", "none", "--rm", "--force-rm", "--tag", image, "-")
	cmd.Stdin = strings.NewReader(dockerfile)
	text, err := cmd.CombinedOutput()
	if err == nil {
		keep(image)
	}
	return image, string(text), err
}

// TestBuild: RUN lines, run by lastout, that leave daemons behind. The step ends, the layer has
// what the line wrote before that and no more, and a line that fails fails the build with its own
// status.
func TestBuild(t *testing.T) {
	base := smallImage(t)
	dockerfile := "FROM " + base + `
SHELL ["/usr/bin/lastout", "-c"]
RUN touch /plain
RUN setsid sleep 300 & echo built >/line
RUN ["lastout", "sh", "-c", "(trap '' TERM; exec setsid sleep 300) & echo built >/exec-form"]
RUN sh -c 'trap "echo goodbye >/goodbye; kill \$!; exit" TERM; sleep 300 & echo up >/up; wait' & until [ -e /up ]; do :; done
CMD cat /line /exec-form /goodbye
`
	image, out, err := build(t, dockerfile)
	if err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	if n := strings.Count(out, "behind"); n != 3 {
		t.Errorf("%d reports of what was left, want 3:\n%s", n, out)
	}
	c := start(t, image, nil)
	if status := c.status(); status != 0 || c.said.String() != "built\nbuilt\ngoodbye\n" {
		t.Errorf("status %d, said %q", status, c.said.String())
	}
	if changes := docker(t, "history", "--no-trunc", "--format", "{{.CreatedBy}}", image); !strings.Contains(changes, "/usr/bin/lastout -c touch /plain") {
		t.Errorf("not run by lastout:\n%s", changes)
	}
	_, out, err = build(t, "FROM "+base+"\n"+`SHELL ["/usr/bin/lastout", "-c"]`+"\nRUN sleep 300 & exit 3\n")
	if err == nil || !strings.Contains(out, "returned a non-zero code: 3") {
		t.Errorf("%v, want status 3:\n%s", err, out)
	}
}
