//go:build linux

package docker

import (
	"context"
	"errors"
	"os/exec"
	"slices"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"
)

// container is one whose output the test reads.
type container struct {
	t    testing.TB
	name string
	said transcript    // stdout and stderr
	over chan struct{} // closed when docker run has returned
	end  error         // how it did
}

var numbered atomic.Int32

// start runs a container, attached, and returns at once. The test removes it at its end.
func start(t testing.TB, image string, flags []string, argv ...string) *container {
	t.Helper()
	c := prepare(t)
	c.attach(exec.Command("docker", slices.Concat([]string{"run"}, c.flags(), flags, []string{image}, argv)...))
	return c
}

func prepare(t testing.TB) *container {
	c := &container{t: t, name: "lastout-test-" + run + "-" + strconv.Itoa(int(numbered.Add(1))),
		over: make(chan struct{})}
	c.said.changed = make(chan struct{}, 1)
	return c
}

// flags are those of docker run and create that every container here gets.
func (c *container) flags() []string {
	return []string{"--name", c.name, "--label", label + "=" + run, "--network", "none"}
}

// attach runs a client that stays as long as the container.
func (c *container) attach(cmd *exec.Cmd) {
	c.t.Helper()
	cmd.Stdout, cmd.Stderr = &c.said, &c.said
	if err := cmd.Start(); err != nil {
		c.t.Fatal(err)
	}
	c.t.Cleanup(c.remove)
	go func() {
		defer close(c.over)
		c.end = cmd.Wait()
	}()
}

// remove also ends the client, whose container it takes away.
func (c *container) remove() {
	if c.t.Failed() {
		c.t.Logf("%s said:\n%s", c.name, c.said.String())
	}
	_ = within(limit, func() bool { // one that is being created cannot be removed, and has to be
		ctx, cancel := context.WithTimeout(context.Background(), limit)
		defer cancel()
		_ = exec.CommandContext(ctx, "docker", "rm", "--force", "--volumes", c.name).Run()
		select {
		case <-c.over:
			return exec.CommandContext(ctx, "docker", "inspect", c.name).Run() != nil
		default:
			return false
		}
	})
}

// await returns when the container has written text.
func (c *container) await(text string) {
	c.t.Helper()
	for late := time.After(limit); !strings.Contains(c.said.String(), text); {
		select {
		case <-c.said.changed:
		case <-c.over:
			if !strings.Contains(c.said.String(), text) {
				c.t.Fatalf("the container ended (%v) without %q", c.end, text)
			}
		case <-late:
			c.t.Fatalf("no %q after %v", text, limit)
		}
	}
}

// status waits for the end of the container and returns its exit status.
func (c *container) status() int {
	c.t.Helper()
	select {
	case <-c.over:
	case <-time.After(limit):
		c.t.Fatalf("has not ended after %v", limit)
	}
	var exit *exec.ExitError
	if c.end != nil && !errors.As(c.end, &exit) {
		c.t.Fatal(c.end)
	}
	return c.number("{{.State.ExitCode}}")
}

// number asks the engine for a number that it knows of the container.
func (c *container) number(format string) int {
	c.t.Helper()
	n, err := strconv.Atoi(docker(c.t, "inspect", "--format", format, c.name))
	if err != nil {
		c.t.Fatal(err)
	}
	return n
}

// init returns the machine's number of the container's PID 1.
func (c *container) init() process {
	c.t.Helper()
	pid := 0
	until(c.t, "the container runs", func() bool {
		select {
		case <-c.over:
			c.t.Fatalf("the container ended (%v)", c.end)
		default:
		}
		// Not there at all until docker run has created it.
		pid, _ = strconv.Atoi(c.ask("{{.State.Pid}}"))
		return pid > 0
	})
	p, ok := readProcess(pid)
	if !ok {
		c.t.Fatalf("%d, the container's PID 1, is gone", pid)
	}
	return p
}

func (c *container) ask(format string) string {
	out, _ := tryDocker(c.t, "inspect", "--format", format, c.name)
	return out
}

// zombies returns how many processes there are in the container besides PID 1 and the command, once
// they have had the time to be reaped. The caller knows that they have all ended, or are about to.
func (c *container) zombies(command string) (n int) {
	c.t.Helper()
	init := c.init()
	within(5*time.Second, func() bool {
		n = 0
		for _, p := range descendants(init.pid) {
			if p.pid != init.pid && p.words() != command {
				n++
			}
		}
		return n == 0
	})
	return n
}

// transcript is what a container has written so far.
type transcript struct {
	mu      sync.Mutex
	text    strings.Builder
	changed chan struct{} // capacity 1
}

func (tr *transcript) Write(p []byte) (int, error) {
	tr.mu.Lock()
	defer tr.mu.Unlock()
	select {
	case tr.changed <- struct{}{}:
	default:
	}
	return tr.text.Write(p)
}

func (tr *transcript) String() string {
	tr.mu.Lock()
	defer tr.mu.Unlock()
	return tr.text.String()
}
