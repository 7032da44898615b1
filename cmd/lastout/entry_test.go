//go:build linux && (amd64 || arm64)

package main_test

import (
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"runtime"
	"slices"
	"strconv"
	"strings"
	"testing"
)

// goTool runs the go command, and returns what it prints.
func goTool(t *testing.T, env []string, args ...string) string {
	t.Helper()
	cmd := exec.Command("go", args...)
	cmd.Env = append(os.Environ(), env...)
	out, err := cmd.CombinedOutput()
	if err != nil {
		t.Fatalf("go %q: %v\n%s", args, err, out)
	}
	return string(out)
}

// variant is a way to build the program.
type variant struct {
	name  string
	env   []string
	flags []string
}

var variants = []variant{
	{"plain", []string{"CGO_ENABLED=0"}, nil},
	{"trimmed and stripped", []string{"CGO_ENABLED=0"}, []string{"-trimpath", "-ldflags=-s -w"}},
	{"cgo", []string{"CGO_ENABLED=1"}, nil},
	{"PIE", []string{"CGO_ENABLED=1"}, []string{"-buildmode=pie"}},
	{"race detector", []string{"CGO_ENABLED=1"}, []string{"-race"}},
}

func (v variant) build(t *testing.T, flags ...string) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "lastout")
	goTool(t, v.env, slices.Concat([]string{"build", "-o", path}, v.flags, flags, []string{"."})...)
	return path
}

// TestEntryRuns fails the day that a Go release does not let package main have the first
// instruction, or the system call that changes signal masks.
func TestEntryRuns(t *testing.T) {
	for _, v := range variants {
		t.Run(v.name, func(t *testing.T) {
			path := v.build(t)
			out, err := exec.Command(path, "--doctor").CombinedOutput()
			if !strings.Contains(string(out), "ok    guardian ") {
				t.Errorf("%v; --doctor says\n%s", err, out)
			}
			out, err = exec.Command(path, "--keeper=off", "sh", "-c", `cat /proc/$PPID/task/*/status`).CombinedOutput()
			masks := regexp.MustCompile(`SigBlk:\s+[0-9a-f]*([0-9a-f]{4})\n`).FindAllStringSubmatch(string(out), -1)
			for _, m := range masks {
				if low, _ := strconv.ParseUint(m[1], 16, 64); low&0x4027 != 0x4027 { // HUP, INT, QUIT, ABRT, TERM
					t.Errorf("a thread has them unblocked: %s", m[0])
				}
			}
			if err != nil || len(masks) < 3 {
				t.Errorf("%v, %d threads", err, len(masks))
			}
			out, err = exec.Command(path, "sh", "-c", `cat /proc/$PPID/comm; kill -TERM $$`).CombinedOutput()
			if exit, ok := err.(*exec.ExitError); !ok || exit.ExitCode() != -1 || string(out) != "lastout: worker\n" {
				t.Errorf("%v, %q", err, out)
			}
		})
	}
	t.Run("go run", func(t *testing.T) {
		if out := goTool(t, nil, "run", ".", "sh", "-c", "cat /proc/$PPID/comm"); !strings.HasSuffix(out, "lastout: worker\n") {
			t.Errorf("%q", out)
		}
	})
	t.Run("go install", func(t *testing.T) {
		bin := t.TempDir()
		goTool(t, []string{"GOBIN=" + bin}, "install", ".")
		out, err := exec.Command(filepath.Join(bin, "lastout"), "sh", "-c", "cat /proc/$PPID/comm").CombinedOutput()
		if err != nil || string(out) != "lastout: worker\n" {
			t.Errorf("%v, %q", err, out)
		}
	})
}

// TestExternalLinker: the C library has the first instruction. lastout notices, and does without.
func TestExternalLinker(t *testing.T) {
	path := variant{env: []string{"CGO_ENABLED=1"}}.build(t, "-ldflags=-linkmode=external")
	out, _ := exec.Command(path, "--doctor").CombinedOutput()
	if !strings.Contains(string(out), "lost  guardian ") {
		t.Errorf("--doctor says\n%s", out)
	}
	out, err := exec.Command(path, "sh", "-c", "exit 3").CombinedOutput()
	if exit, ok := err.(*exec.ExitError); !ok || exit.ExitCode() != 3 ||
		!strings.Contains(string(out), "there is no guardian here") {
		t.Errorf("%v, %q", err, out)
	}
}

// Where what runs without the Go runtime begins: before that starts, in the child of a fork, and in
// threads that it does not know.
var withoutRuntime = []string{
	"main.enter", "lastout/jobs/spawn.child", "lastout/cmd/lastout/internal/guardian.hold",
	"lastout/cmd/lastout/internal/guardian.probeThread",
}

// Whatever else these functions may call: system calls, and the panic of a bounds check, which
// would be a bug.
var allowedCalls = regexp.MustCompile(`^(syscall\.RawSyscall6|internal/runtime/syscall/linux\.Syscall6|lastout/jobs/clone\.Clone|` +
	`runtime\.panic\w+|runtime\.morestack\w*|runtime\.duff\w+)$`)

// TestCallsWithoutRuntime lists what they call, and what that calls.
func TestCallsWithoutRuntime(t *testing.T) {
	for _, v := range []variant{variants[0], variants[4]} {
		t.Run(v.name, func(t *testing.T) {
			calls := callsOf(goTool(t, nil, "tool", "objdump", "-s",
				`^(main\.enter|lastout/jobs/(spawn|clone)\.|lastout/cmd/lastout/internal/guardian\.)`, v.build(t)))
			seen := map[string]bool{}
			var visit func(name string)
			visit = func(name string) {
				if seen[name] {
					return
				}
				seen[name] = true
				called, ok := calls[name]
				if !ok {
					t.Errorf("%s is not in the executable", name)
				}
				for _, c := range called {
					switch {
					case strings.HasPrefix(c, "lastout/") && !strings.HasSuffix(c, "clone.Clone"):
						visit(c)
					case !allowedCalls.MatchString(c):
						t.Errorf("%s calls %s", name, c)
					}
				}
			}
			for _, name := range withoutRuntime {
				visit(name)
			}
			if len(seen) < 30 {
				t.Errorf("only %d functions were found: %v", len(seen), seen)
			}
		})
	}
}

var callInstruction = regexp.MustCompile(`\b(CALL|BL|JMP|B)\s+([\w./*()]+)\(SB\)`)

// callsOf reads a listing of go tool objdump: which functions a function calls, or goes on in.
func callsOf(listing string) map[string][]string {
	calls, name := map[string][]string{}, ""
	for line := range strings.Lines(listing) {
		if rest, ok := strings.CutPrefix(line, "TEXT "); ok {
			name, _, _ = strings.Cut(rest, "(SB)")
			name = strings.TrimSuffix(name, ".abi0") // a function and its wrapper count as one
			if _, ok := calls[name]; !ok {
				calls[name] = nil
			}
			continue
		}
		if m := callInstruction.FindStringSubmatch(line); m != nil && m[2] != name {
			calls[name] = append(calls[name], strings.TrimSuffix(m[2], ".abi0"))
		}
	}
	return calls
}

// TestOtherProcessors: what there is no assembly for compiles, and the assembly for arm64 is
// assembled.
func TestOtherProcessors(t *testing.T) {
	for _, arch := range []string{"amd64", "arm64", "riscv64"} {
		if arch != runtime.GOARCH {
			goTool(t, []string{"GOARCH=" + arch, "CGO_ENABLED=0"}, "build", "-o", os.DevNull, ".")
		}
	}
}
