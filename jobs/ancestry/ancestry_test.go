package ancestry

import (
	"fmt"
	"os"
	"os/exec"
	"testing"
)

func TestParentIn(t *testing.T) {
	for stat, want := range map[string]int{
		"7 (sh) S 3 7 7 0 -1":            3,
		"7 () S 3 7":                     3,
		"7 (a) Z 1 (b)\n) R 42 7":        42,
		"7 (sh) S 0 7":                   0,
		"":                               0,
		"7 (sh)":                         0,
		"7 (sh) S":                       0,
		"7 (sh) S x":                     0,
		"7 (sh) S -3":                    0,
		"7 (sh) S 99999999999999999999 ": 0,
	} {
		if got := parentIn([]byte(stat)); got != want {
			t.Errorf("parentIn(%q) = %d, want %d", stat, got, want)
		}
	}
}

func FuzzParentIn(f *testing.F) {
	f.Add([]byte("7 (a) Z 1 (b)\n) R 42 7"))
	f.Add([]byte(")"))
	f.Fuzz(func(t *testing.T, stat []byte) {
		if parentIn(stat) < 0 {
			t.Errorf("a negative parent in %q", stat)
		}
	})
}

func TestDescends(t *testing.T) {
	if _, err := os.Stat("/proc/self/stat"); err != nil {
		t.Skip("there is no /proc here")
	}
	// The shell's child, which waits for the end of its input, says who it is.
	cmd := exec.Command("sh", "-c", `sh -c 'echo $$; read x'; :`)
	in, err := cmd.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	defer cmd.Wait()
	defer in.Close()
	var pid int
	if _, err := fmt.Fscan(out, &pid); err != nil {
		t.Fatal(err)
	}
	if Parent(pid) != cmd.Process.Pid || Parent(cmd.Process.Pid) != os.Getpid() {
		t.Errorf("the parents of %d and %d are %d and %d", pid, cmd.Process.Pid, Parent(pid), Parent(cmd.Process.Pid))
	}
	if !Descends(pid, os.Getpid()) || Descends(os.Getpid(), pid) || Descends(pid, pid) {
		t.Error("a grandchild, us, and itself are told wrongly from each other")
	}
}
