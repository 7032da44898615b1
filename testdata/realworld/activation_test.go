//go:build linux

package realworld

import (
	"context"
	"io"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"lastout/testdata/box"
)

const application = `def application(env, start):
    start('200 OK', [('Content-Length', '6')])
    return [b'hello\n']
`

// TestActivation: a service that systemd has made the socket for. LISTEN_PID names lastout then,
// and a service takes no socket that is not meant for it.
func TestActivation(t *testing.T) {
	activate, gunicorn := program(t, "systemd-socket-activate"), program(t, "gunicorn")
	for _, flag := range []string{"--keeper=auto", "--keeper=off"} {
		t.Run(flag, func(t *testing.T) {
			b, dir := box.New(t), scratch(t)
			socket := filepath.Join(dir, "socket")
			if err := os.WriteFile(filepath.Join(dir, "answers.py"), []byte(application), 0o644); err != nil {
				t.Fatal(err)
			}
			cmd := start(t, b, dir, []string{activate, "-l", socket, box.Lastout(t), flag, gunicorn,
				"answers:application"})
			if err := cmd.Start(); err != nil {
				t.Fatal(err)
			}
			late := time.AfterFunc(time.Minute, b.Kill)
			defer late.Stop()
			if answer := answerOf(socket); answer != "hello\n" {
				t.Errorf("the service answers %q", answer)
			}
			if err := cmd.Process.Signal(unix.SIGTERM); err != nil {
				t.Error(err)
			}
			if err := cmd.Wait(); err != nil {
				t.Errorf("the service: %v", err)
			}
			b.AssertEmpty()
		})
	}
}

// answerOf asks a server once there is a socket of it.
func answerOf(socket string) string {
	for end := time.Now().Add(20 * time.Second); time.Now().Before(end); time.Sleep(10 * time.Millisecond) {
		if _, err := os.Stat(socket); err == nil {
			break
		}
	}
	client := http.Client{Timeout: 20 * time.Second, Transport: &http.Transport{
		DialContext: func(ctx context.Context, _, _ string) (net.Conn, error) {
			return (&net.Dialer{}).DialContext(ctx, "unix", socket)
		},
		DisableKeepAlives: true,
	}}
	response, err := client.Get("http://service/")
	if err != nil {
		return err.Error()
	}
	defer response.Body.Close()
	body, err := io.ReadAll(response.Body)
	if err != nil {
		return err.Error()
	}
	return string(body)
}
