//go:build linux

package main_test

import (
	"strings"
	"testing"

	"lastout/testdata/box"
)

// TestInitStopsWhatWasPutBeside runs a process in the namespace of a lastout that is PID 1 without
// being its descendant, as docker exec does. It is told to stop and has time to clean up before the
// namespace ends, though it does not begin before the command has.
func TestInitStopsWhatWasPutBeside(t *testing.T) {
	needRoot(t)
	cases := []struct{ name, guest, want string }{
		{"one that obeys", `trap "echo cleaned up; exit" TERM; echo ready >&3; while :; do sleep 300 & wait; done`, "cleaned up\n"},
		{"one that does not", `trap "echo asked" TERM; echo ready >&3; while :; do sleep 300 & wait; done`, "asked\n"},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			b := box.New(t)
			// The command is what waits for the guest, so that it is there when the command ends.
			out := box.Run(t, b, noInput(b.Command("bash", "-c", `
				dir=$(mktemp -d); trap 'rm -r $dir' EXIT
				mkfifo $dir/pid $dir/ready
				unshare --pid --fork --kill-child --mount-proc "$1" --grace 1 bash -c 'echo $$ >"$0/pid"; read x <"$0/ready"; exit 4' $dir &
				read inside <$dir/pid
				init=$(pgrep -P $!)
				nsenter --target $init --pid --mount bash -c "$2" 3>$dir/ready &
				wait %1; status=$?
				wait; exit $status`, "bash", box.Lastout(t), c.guest)), patience)
			if out.Status != 4 || !strings.HasPrefix(out.Stdout, c.want) {
				t.Errorf("status %d, stdout %q, stderr %q", out.Status, out.Stdout, out.Stderr)
			}
		})
	}
}
