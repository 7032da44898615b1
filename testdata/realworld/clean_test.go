//go:build linux

package realworld

import (
	"os"
	"path/filepath"
	"testing"
	"time"

	"lastout/testdata/box"
)

// tool is a program that starts others, and whether it leaves one behind.
type tool struct {
	name  string
	needs []string
	argv  []string
	leaks bool
}

func tools(t *testing.T) []tool {
	page := filepath.Join(scratch(t), "page.html")
	if err := os.WriteFile(page, []byte("<p>hello</p>\n"), 0o644); err != nil {
		t.Fatal(err)
	}
	sh := func(name, script string, leaks bool) tool {
		return tool{name: name, argv: []string{"sh", "-c", script}, leaks: leaks}
	}
	return []tool{
		{name: "xvfb-run", needs: []string{"xvfb-run"}, argv: []string{"xvfb-run", "-a", "true"}},
		{name: "dbus-run-session", needs: []string{"dbus-run-session"},
			argv: []string{"dbus-run-session", "--", "true"}},
		{name: "fakeroot", needs: []string{"fakeroot"}, argv: []string{"fakeroot", "true"}},
		{name: "expect", needs: []string{"expect"}, argv: []string{"expect", "-c", `spawn cat; send "x\r"; expect x`}},
		{name: "bwrap", needs: []string{"bwrap"}, argv: []string{"bwrap", "--dev-bind", "/", "/",
			"--unshare-pid", "--proc", "/proc", "true"}},
		{name: "chromium", needs: []string{"chromium"}, argv: []string{
			"chromium", "--headless", "--no-sandbox", "--disable-gpu", "--user-data-dir=profile", "--dump-dom",
			"file://" + page}},
		sh("kill at the end", "sleep 300 & kill $!", false),
		sh("kill of a group", "setsid sh -c 'sleep 300 & sleep 300 & wait' & sleep .05; kill -- -$!", false),
		sh("kill of one that cleans up", `sh -c 'trap "seq 200000 >/dev/null; kill \$!; exit" TERM; sleep 300 & wait' & sleep .05; kill $!`, false),

		sh("a sleeper", "sleep 300 &", true),
		sh("a sleeper, some time", "sleep 300 & sleep .1", true),
		sh("a sleeper in a session of its own", "setsid sleep 300 &", true),
		sh("one that ignores TERM", "(trap '' TERM; exec sleep 300) & sleep .05", true),
		{name: "gpg-agent", needs: []string{"gpg"}, leaks: true,
			argv: []string{"gpg", "--batch", "--quiet", "--passphrase=", "--quick-gen-key",
				"nobody@example.org", "ed25519", "sign", "never"}},
	}
}

// TestClean: what ends by itself is no leak, and a leak is one, however busy the machine is.
func TestClean(t *testing.T) {
	all := tools(t)
	busy(t)
	for _, c := range all {
		t.Run(c.name, func(t *testing.T) {
			require(t, c.needs...)
			for n := range *runs {
				if c.run(t); t.Failed() {
					t.Fatalf("run %d of %d", n+1, *runs)
				}
			}
		})
	}
}

func (c tool) run(t *testing.T) {
	t.Helper()
	b, dir := box.New(t), scratch(t)
	cmd := start(t, b, dir, append([]string{box.Lastout(t), "-g", "200ms", "--fail-on-leak"}, c.argv...))
	cmd.Env = append(cmd.Env, "GNUPGHOME="+dir)
	out := box.Run(t, b, cmd, time.Minute)
	want := 0
	if c.leaks {
		want = 123
	}
	if out.Status != want {
		t.Errorf("status %d, want %d; stderr %q", out.Status, want, out.Stderr)
	}
}
