//go:build linux

package docker

import (
	"bytes"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"lastout/testdata/box"
)

// TestInitPath: an engine of its own has lastout for its docker-init. It is asked for its version,
// is bound into containers as /sbin/docker-init, and does there what it does everywhere.
func TestInitPath(t *testing.T) {
	e := startEngine(t)
	for format, want := range map[string]string{
		"{{range .Server.Components}}{{if eq .Name \"docker-init\"}}{{.Version}}{{end}}{{end}}": " (lastout)",
		"{{range .Server.Components}}{{.Name}} {{end}}":                                         "docker-init",
	} {
		if got := e.docker("version", "--format", format); !strings.Contains(got, want) {
			t.Errorf("docker version %s: %q, want %q", format, got, want)
		}
	}
	if got := e.docker("info", "--format", "{{.InitBinary}} {{.InitCommit.ID}}."); got != e.init+" ." {
		t.Errorf("docker info: %q", got)
	}
	if log := e.log(); strings.Contains(log, "docker-init version") {
		t.Errorf("the engine does not understand the version:\n%s", log)
	}

	a := newArchive(t)
	fillSmall(t, a)
	e.load(a.done())
	c := prepare(t)
	c.attach(e.command("run", "--init", "--name", c.name, "--network", "none", "small", "says-goodbye"))
	c.await("command is up")
	c.await("daemon is up")
	if got := e.docker("exec", c.name, "cat", "/proc/1/cmdline"); got != "/sbin/docker-init\x00--\x00says-goodbye\x00" {
		t.Errorf("PID 1 is %q", got)
	}
	e.docker("stop", c.name)
	<-c.over
	if said := c.said.String(); c.end != nil || !strings.Contains(said, "goodbye from the daemon") ||
		!strings.Contains(said, "goodbye from the command") {
		t.Errorf("%v, said:\n%s", c.end, said)
	}
}

// engine is one of the test's own.
type engine struct {
	t         *testing.T
	dir, init string
}

// startEngine starts a dockerd, under lastout: it starts a containerd, and that leaves a shim
// behind for each container.
func startEngine(t *testing.T) *engine {
	t.Helper()
	if _, err := exec.LookPath("dockerd"); err != nil {
		t.Fatal(err)
	}
	dir, err := os.MkdirTemp("", "lastout-") // t.TempDir's name is too long for a socket in it
	if err != nil {
		t.Fatal(err)
	}
	e := &engine{t, dir, filepath.Join(dir, "docker-init")}
	t.Cleanup(func() {
		if err := os.RemoveAll(dir); err != nil {
			t.Error(err)
		}
	})
	data, err := os.ReadFile(box.Lastout(t))
	if err == nil {
		err = os.WriteFile(e.init, data, 0o755)
	}
	if err != nil {
		t.Fatal(err)
	}
	cmd := exec.Command(box.Lastout(t), "--die-with-parent", "--quiet", "dockerd", "--init-path", e.init,
		"--host", "unix://"+e.path("sock"),
		"--data-root", e.path("data"), "--exec-root", e.path("exec"), "--pidfile", e.path("pid"),
		"--config-file", e.path("config"),
		"--storage-driver", "vfs", "--bridge", "none", "--iptables=false", "--ip6tables=false")
	if err := os.WriteFile(e.path("config"), []byte("{}\n"), 0o644); err != nil {
		t.Fatal(err)
	}
	log, err := os.Create(e.path("log"))
	if err != nil {
		t.Fatal(err)
	}
	defer log.Close()
	cmd.Stdout, cmd.Stderr = log, log
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		_ = cmd.Process.Signal(syscall.SIGTERM)
		if err := cmd.Wait(); err != nil {
			t.Errorf("dockerd: %v\n%s", err, e.log())
		}
	})
	until(t, "the engine answers", func() bool { return e.command("version").Run() == nil })
	return e
}

func (e *engine) path(name string) string { return filepath.Join(e.dir, name) }

func (e *engine) log() string {
	data, _ := os.ReadFile(e.path("log"))
	return string(data)
}

// command is the client of this engine.
func (e *engine) command(args ...string) *exec.Cmd {
	return exec.Command("docker", append([]string{"--host", "unix://" + e.path("sock")}, args...)...)
}

func (e *engine) docker(args ...string) string {
	e.t.Helper()
	cmd := e.command(args...)
	var stderr bytes.Buffer
	cmd.Stderr = &stderr
	out, err := cmd.Output()
	if err != nil {
		e.t.Fatalf("docker %q: %v\n%s\n%s", args, err, stderr.String(), e.log())
	}
	return strings.TrimSuffix(string(out), "\n")
}

func (e *engine) load(root io.Reader) {
	e.t.Helper()
	cmd := e.command("import", "-", "small")
	cmd.Stdin = root
	if out, err := cmd.CombinedOutput(); err != nil {
		e.t.Fatalf("docker import: %v\n%s", err, out)
	}
}
