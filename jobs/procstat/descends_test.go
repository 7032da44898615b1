package procstat

import (
	"fmt"
	"os"
	"os/exec"
	"testing"
)

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
