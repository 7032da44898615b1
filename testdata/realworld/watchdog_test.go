//go:build linux

package realworld

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"lastout/testdata/box"
)

// watched is the unit of README.md.
const watched = `[Service]
Type=notify
NotifyAccess=all
KillMode=mixed
WatchdogSec=2
WorkingDirectory=%[1]s
ExecStart=%[2]s %[3]s %[4]s
`

// TestWatchdog: WATCHDOG_PID names lastout when systemd starts it. The command is watched all the
// same: it lives as long as it says so, and no longer.
func TestWatchdog(t *testing.T) {
	if os.Getuid() != 0 {
		t.Skip("a systemd --user of its own needs root")
	}
	require(t, "systemd-run", "python3")
	for _, flag := range []string{"--keeper=auto", "--keeper=off"} {
		t.Run(flag, func(t *testing.T) {
			b, dir := box.New(t), scratch(t)
			unit := fmt.Appendf(nil, watched, dir, box.Lastout(t), flag, here(t, "watched.py"))
			if err := os.WriteFile(filepath.Join(dir, "watched.service"), unit, 0o644); err != nil {
				t.Fatal(err)
			}
			cmd := b.Command("unshare", "--mount", "--pid", "--fork", "--kill-child", "--mount-proc",
				here(t, "in-user-manager.sh"), dir)
			out := box.Run(t, b, cmd, 2*time.Minute)
			if out.Status == 77 {
				t.Skipf("no cgroup can be had here: %s", out.Stderr)
			}
			pings, _ := os.ReadFile(filepath.Join(dir, "pings"))
			if out.Status != 0 || !strings.HasSuffix("\n"+out.Stdout, "\nwatchdog\n") ||
				strings.Count(string(pings), "\n") != 10 {
				t.Errorf("status %d, the service said %q, systemd %q and %q", out.Status, pings, out.Stdout, out.Stderr)
			}
		})
	}
}
