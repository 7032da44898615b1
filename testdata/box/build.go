//go:build linux

package box

import (
	"crypto/sha256"
	_ "embed"
	"encoding/hex"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"
)

// Programs are built into a directory that test processes share, under names
// made of the hash of what they are built from: each is compiled once, not
// once per package under test, and nothing needs to be removed at the end of
// a process (there is no hook for that outside TestMain).

//go:embed enter/enter.c
var enterSource []byte

var builds struct {
	sync.Mutex
	paths map[string]string
	errs  map[string]error
}

// once runs build for key once in this process.
func once(t testing.TB, key string, build func() (string, error)) string {
	t.Helper()
	builds.Lock()
	defer builds.Unlock()
	if builds.paths == nil {
		builds.paths, builds.errs = map[string]string{}, map[string]error{}
	}
	if _, done := builds.errs[key]; !done {
		builds.paths[key], builds.errs[key] = build()
	}
	if err := builds.errs[key]; err != nil {
		t.Fatalf("box: build %s: %v", key, err)
	}
	return builds.paths[key]
}

// Lastout returns the path of the lastout binary: $LASTOUT_BIN, otherwise it
// is built once per test process.
func Lastout(t testing.TB) string {
	t.Helper()
	if path := os.Getenv("LASTOUT_BIN"); path != "" {
		abs, err := filepath.Abs(path)
		if err != nil {
			t.Fatalf("box: LASTOUT_BIN: %v", err)
		}
		return abs
	}
	return once(t, "lastout", buildLastout)
}

func buildLastout() (string, error) {
	root, err := moduleRoot()
	if err != nil {
		return "", err
	}
	dir, err := cacheDir()
	if err != nil {
		return "", err
	}
	fresh, err := os.MkdirTemp(dir, "build-")
	if err != nil {
		return "", err
	}
	defer os.RemoveAll(fresh)
	bin := filepath.Join(fresh, "lastout")
	cmd := exec.Command("go", "build", "-o", bin, "./cmd/lastout")
	cmd.Dir = root
	if out, err := cmd.CombinedOutput(); err != nil {
		return "", fmt.Errorf("%w\n%s", err, out)
	}
	data, err := os.ReadFile(bin)
	if err != nil {
		return "", err
	}
	home := filepath.Join(dir, digest(data))
	if err := os.MkdirAll(home, 0o755); err != nil {
		return "", err
	}
	path := filepath.Join(home, "lastout")
	return path, os.Rename(bin, path)
}

// Helper returns the path of a hostile program, compiled from
// testdata/hostile/NAME.c once for each change of it.
func Helper(t testing.TB, name string) string {
	t.Helper()
	return Program(t, "hostile", name)
}

// Program is [Helper] for testdata/DIR/NAME.c, which may include hostile.h.
func Program(t testing.TB, dir, name string) string {
	t.Helper()
	return once(t, filepath.Join(dir, name), func() (string, error) {
		root, err := moduleRoot()
		if err != nil {
			return "", err
		}
		testdata := filepath.Join(root, "testdata")
		source, err := os.ReadFile(filepath.Join(testdata, dir, name+".c"))
		if err != nil {
			return "", err
		}
		header, err := os.ReadFile(filepath.Join(testdata, "hostile", "hostile.h"))
		if err != nil && !errors.Is(err, os.ErrNotExist) {
			return "", err
		}
		return compile(name, source, header)
	})
}

// enter returns the path of the program that enters a version 1 cgroup.
func enter(t testing.TB) string {
	t.Helper()
	return once(t, "enter", func() (string, error) { return compile("enter", enterSource, nil) })
}

// compile builds a C program, statically where the C library allows it: a
// static program starts several times faster, and speed is what a bomb is about.
func compile(name string, source, header []byte) (string, error) {
	dir, err := cacheDir()
	if err != nil {
		return "", err
	}
	home := filepath.Join(dir, digest([]byte(name), source, header))
	path := filepath.Join(home, name)
	if _, err := os.Stat(path); err == nil {
		now := time.Now()
		os.Chtimes(home, now, now)
		return path, nil
	}
	fresh, err := os.MkdirTemp(dir, "build-")
	if err != nil {
		return "", err
	}
	defer os.RemoveAll(fresh)
	if err := os.WriteFile(filepath.Join(fresh, name+".c"), source, 0o644); err != nil {
		return "", err
	}
	if err := os.WriteFile(filepath.Join(fresh, "hostile.h"), header, 0o644); err != nil {
		return "", err
	}
	args := []string{"-std=gnu11", "-O2", "-Wall", "-Wextra", "-Werror", "-pthread", "-o", name, name + ".c"}
	var out []byte
	for _, mode := range []string{"-static", "-O2"} {
		cmd := exec.Command("gcc", append([]string{mode}, args...)...)
		cmd.Dir = fresh
		if out, err = cmd.CombinedOutput(); err == nil {
			break
		}
	}
	if err != nil {
		return "", fmt.Errorf("%w\n%s", err, out)
	}
	if err := os.MkdirAll(home, 0o755); err != nil {
		return "", err
	}
	return path, os.Rename(filepath.Join(fresh, name), path)
}

func digest(parts ...[]byte) string {
	h := sha256.New()
	for _, part := range parts {
		fmt.Fprintf(h, "%d:", len(part))
		h.Write(part)
	}
	return hex.EncodeToString(h.Sum(nil))[:20]
}

var sweep sync.Once

// cacheDir returns the directory for what is built. It is ours alone to write,
// and may be read by commands that run as another user. What has not been used
// for a day is removed.
func cacheDir() (string, error) {
	dir := filepath.Join(os.TempDir(), fmt.Sprintf("lastout-testdata-%d", os.Getuid()))
	if err := os.Mkdir(dir, 0o755); err != nil && !errors.Is(err, os.ErrExist) {
		return "", err
	}
	info, err := os.Lstat(dir)
	if err != nil {
		return "", err
	}
	if st := info.Sys().(*syscall.Stat_t); !info.IsDir() || int(st.Uid) != os.Getuid() ||
		info.Mode().Perm()&0o022 != 0 {
		return "", fmt.Errorf("%s is not a directory that only we can write to", dir)
	}
	sweep.Do(func() {
		entries, _ := os.ReadDir(dir)
		for _, e := range entries {
			if info, err := e.Info(); err == nil && time.Since(info.ModTime()) > 24*time.Hour {
				os.RemoveAll(filepath.Join(dir, e.Name()))
			}
		}
	})
	return dir, nil
}

// moduleRoot finds the directory of go.mod, from the directory that `go test`
// runs a package's tests in.
func moduleRoot() (string, error) {
	dir, err := os.Getwd()
	if err != nil {
		return "", err
	}
	for {
		data, err := os.ReadFile(filepath.Join(dir, "go.mod"))
		if err == nil && strings.HasPrefix(string(data), "module lastout\n") {
			return dir, nil
		}
		parent := filepath.Dir(dir)
		if parent == dir {
			return "", errors.New("no go.mod of module lastout above the working directory")
		}
		dir = parent
	}
}
