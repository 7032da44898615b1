//go:build linux

package docker

import (
	"archive/tar"
	"bytes"
	"io/fs"
	"os"
	"os/exec"
	"path"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"lastout/testdata/box"
)

// need fails the test where a file of a Debian package is missing.
func need(t testing.TB, paths ...string) {
	t.Helper()
	for _, p := range paths {
		if _, err := os.Stat(p); err != nil {
			t.Fatalf("%v: install what testdata/docker/packages lists", err)
		}
	}
}

var made struct {
	sync.Mutex
	names []string
}

// image makes an image once.
func image(t testing.TB, name string, fill func(t testing.TB, a *archive)) string {
	t.Helper()
	made.Lock()
	defer made.Unlock()
	for _, n := range made.names {
		if n == name {
			return name
		}
	}
	a := newArchive(t)
	fill(t, a)
	cmd := exec.Command("docker", "import", "--change", "LABEL "+label+"="+run, "-", name)
	cmd.Stdin = a.done()
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("docker import: %v\n%s", err, out)
	}
	made.names = append(made.names, name)
	return name
}

// keep notes an image that docker build has made, to be removed at the end.
func keep(name string) {
	made.Lock()
	defer made.Unlock()
	made.names = append(made.names, name)
}

// removeImages removes them, the youngest first: images that others were built on cannot be removed
// before those.
func removeImages() {
	made.Lock()
	defer made.Unlock()
	for i := len(made.names) - 1; i >= 0; i-- {
		_ = exec.Command("docker", "rmi", "--force", made.names[i]).Run()
	}
}

// smallImage is a busybox, with lastout, tini, and the scripts and programs of these tests.
func smallImage(t testing.TB) string {
	t.Helper()
	need(t, "/bin/busybox", "/usr/bin/tini-static")
	return image(t, "lastout-test-small:"+run, fillSmall)
}

func fillSmall(t testing.TB, a *archive) {
	for _, dir := range []string{"bin", "lib", "lib64", "etc", "proc", "sys", "dev", "tmp", "root", "usr/bin"} {
		a.dir(dir)
	}
	a.text("etc/passwd", "root:x:0:0:root:/root:/bin/sh\nnobody:x:65534:65534:nobody:/:/bin/sh\n")
	a.text("etc/group", "root:x:0:\nnogroup:x:65534:\n")
	a.program("bin/busybox", "/bin/busybox")
	applets, err := exec.Command("/bin/busybox", "--list").Output()
	if err != nil {
		t.Fatal(err)
	}
	for _, name := range strings.Fields(string(applets)) {
		if name != "busybox" {
			a.link("bin/"+name, "busybox")
		}
	}
	a.file("usr/bin/lastout", box.Lastout(t))
	a.file("usr/bin/tini", "/usr/bin/tini-static")
	scripts, _ := filepath.Glob("scripts/*")
	for _, s := range scripts {
		a.file("bin/"+path.Base(s), s)
	}
	a.file("bin/fork-bomb", box.Helper(t, "fork-bomb"))
	a.file("bin/eats-memory", box.Program(t, "traps", "eats-memory"))
}

// debianImage is next to nothing: the machine's own programs run in it, see [machine].
func debianImage(t testing.TB) string {
	t.Helper()
	return image(t, "lastout-test-debian:"+run, func(_ testing.TB, a *archive) {
		for _, dir := range []string{"usr", "etc", "proc", "sys", "dev", "tmp", "run", "root", "web"} {
			a.dir(dir)
		}
		for _, dir := range []string{"bin", "sbin", "lib", "lib64"} {
			a.link(dir, "usr/"+dir)
		}
		a.text("etc/passwd", "root:x:0:0:root:/tmp:/bin/sh\nwww-data:x:33:33:www-data:/tmp:/bin/sh\n")
		a.text("etc/group", "root:x:0:\nwww-data:x:33:\n")
		a.text("etc/mime.types", "text/html html\n")
		a.file("lastout", box.Lastout(t))
	})
}

// machine are the flags that put the machine's programs into a container of [debianImage].
func machine(t testing.TB) []string {
	t.Helper()
	web, err := filepath.Abs("web")
	if err != nil {
		t.Fatal(err)
	}
	return []string{"--volume", "/usr:/usr:ro", "--volume", web + ":/web:ro", "--env", "PYTHONPATH=/web",
		"--env", "HOME=/tmp",
		"--env", "PATH=/usr/sbin:/usr/bin", "--env", "PYTHONDONTWRITEBYTECODE=1", "--env", "LANG=C.UTF-8",
		"--workdir", "/tmp"}
}

// archive is the tar file of an image.
type archive struct {
	t testing.TB
	b bytes.Buffer
	w *tar.Writer
}

func newArchive(t testing.TB) *archive {
	a := &archive{t: t}
	a.w = tar.NewWriter(&a.b)
	return a
}

func (a *archive) add(h tar.Header, data []byte) {
	a.t.Helper()
	h.Size = int64(len(data))
	if err := a.w.WriteHeader(&h); err != nil {
		a.t.Fatal(err)
	}
	if _, err := a.w.Write(data); err != nil {
		a.t.Fatal(err)
	}
}

func (a *archive) dir(name string) {
	mode := fs.FileMode(0o755)
	if name == "tmp" {
		mode = 0o1777
	}
	a.add(tar.Header{Typeflag: tar.TypeDir, Name: name + "/", Mode: int64(mode)}, nil)
}

func (a *archive) link(name, to string) {
	a.add(tar.Header{Typeflag: tar.TypeSymlink, Name: name, Linkname: to}, nil)
}

func (a *archive) text(name, text string) { a.add(tar.Header{Name: name, Mode: 0o644}, []byte(text)) }

// file adds a file of this machine, executable.
func (a *archive) file(name, from string) {
	a.t.Helper()
	data, err := os.ReadFile(from)
	if err != nil {
		a.t.Fatal(err)
	}
	a.add(tar.Header{Name: name, Mode: 0o755}, data)
}

// program adds a program with the libraries that it needs: Debian has a static busybox, too, but
// not beside the other.
func (a *archive) program(name, from string) {
	a.t.Helper()
	a.file(name, from)
	libraries, _ := exec.Command("ldd", from).Output() // fails for a static one
	for word := range strings.FieldsSeq(string(libraries)) {
		if strings.HasPrefix(word, "/") {
			a.file(word[1:], word)
		}
	}
}

func (a *archive) done() *bytes.Buffer {
	a.t.Helper()
	if err := a.w.Close(); err != nil {
		a.t.Fatal(err)
	}
	return &a.b
}
