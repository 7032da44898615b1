//go:build linux

package realworld

import (
	"fmt"
	"net"
	"os"
	"os/exec"
	"os/user"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"lastout/testdata/box"
)

// TestOverSSH: a command over ssh whose client is killed. sshd does not end a command that has no
// terminal; with --die-with-parent, lastout does. The server is Debian's, with keys and a
// configuration of its own; its process for the connection, and whatever descends from that, is in
// the box.
func TestOverSSH(t *testing.T) {
	require(t, "sshd", "ssh", "ssh-keygen")
	for _, c := range []struct {
		name, command string // LASTOUT and JOB are filled in
		key           string // what stands before the key in authorized_keys; LASTOUT is filled in
		survives      bool
	}{
		{name: "lastout", command: "LASTOUT --die-with-parent --grace 1 JOB"},
		{name: "exec lastout", command: "cd / && exec LASTOUT --die-with-parent --grace 1 JOB"},
		{name: "authorized_keys", command: "cd / && JOB; echo over",
			key: `command="exec LASTOUT --die-with-parent --grace 1 -c \"$SSH_ORIGINAL_COMMAND\"",no-pty `},
		{name: "nothing", command: "JOB", survives: true},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			dir := scratch(t)
			if err := syscall.Mkfifo(filepath.Join(dir, "up"), 0o600); err != nil {
				t.Fatal(err)
			}
			b := box.New(t)
			if !b.Exact() {
				t.Skip("without a cgroup nobody knows what a session of sshd's has left")
			}
			fill := strings.NewReplacer("LASTOUT", box.Lastout(t), "JOB", here(t, "remote-job.sh")+" "+dir).Replace
			client, server := connect(t, b, dir, fill(c.key), fill(c.command))
			readLine(t, filepath.Join(dir, "up"))
			client.Process.Kill()
			client.Wait()
			server.Wait()
			gone := empties(b, c.survives)
			switch {
			case c.survives && gone:
				t.Error("the job ends without lastout: this proves nothing")
			case c.survives:
				b.Kill()
				empties(b, false)
			case !gone:
				t.Errorf("on the server there are still:\n\t%s", strings.Join(describe(b.Procs()), "\n\t"))
			default:
				if said, err := os.ReadFile(filepath.Join(dir, "goodbye")); string(said) != "goodbye\n" {
					t.Errorf("the job has said %q (%v)", said, err)
				}
			}
			if t.Failed() {
				log, _ := os.ReadFile(filepath.Join(dir, "log"))
				t.Logf("sshd's log:\n%s", log)
			}
		})
	}
}

// connect has a client run a command on the server, whose process gets the connection as from
// inetd(8).
func connect(t *testing.T, b *box.Box, dir, key, command string) (client, server *exec.Cmd) {
	t.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer listener.Close()
	me, err := user.Current()
	if err != nil {
		t.Fatal(err)
	}
	config := sshServer(t, dir, key, "")
	client = exec.Command(program(t, "ssh"), "-F", "none", "-T", "-i", filepath.Join(dir, "key"), "-p",
		strconv.Itoa(listener.Addr().(*net.TCPAddr).Port),
		"-o", "UserKnownHostsFile="+filepath.Join(dir, "known"), "-o", "StrictHostKeyChecking=no", "-o",
		"IdentitiesOnly=yes", "-o", "BatchMode=yes",
		me.Username+"@127.0.0.1", command)
	client.Env = environ(nil, dir)
	if err := client.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { client.Process.Kill() })
	conn, err := listener.Accept()
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	socket, err := conn.(*net.TCPConn).File()
	if err != nil {
		t.Fatal(err)
	}
	defer socket.Close()
	server = b.Command(program(t, "sshd"), "-i", "-f", config, "-E", filepath.Join(dir, "log"))
	server.Stdin, server.Stdout = socket, socket
	if err := server.Start(); err != nil {
		t.Fatal(err)
	}
	return client, server
}

// sshServer makes keys and a configuration for sshd in a directory, and returns the path of that. A
// client with the file key may log in as us, with the options that stand before that key.
func sshServer(t *testing.T, dir, options, more string) (config string) {
	t.Helper()
	for _, name := range []string{"host", "key"} {
		if out, err := exec.Command(program(t, "ssh-keygen"), "-q", "-t", "ed25519", "-N", "", "-f",
			filepath.Join(dir, name)).CombinedOutput(); err != nil {
			t.Fatalf("ssh-keygen: %v\n%s", err, out)
		}
	}
	if os.Getuid() == 0 { // the package makes it when its daemon is started
		if err := os.MkdirAll("/run/sshd", 0o755); err != nil {
			t.Fatal(err)
		}
	}
	public, err := os.ReadFile(filepath.Join(dir, "key.pub"))
	if err == nil {
		err = os.WriteFile(filepath.Join(dir, "authorized_keys"), []byte(options+string(public)), 0o600)
	}
	if err != nil {
		t.Fatal(err)
	}
	config = filepath.Join(dir, "sshd_config")
	text := fmt.Sprintf("HostKey %s/host\nAuthorizedKeysFile %s/authorized_keys\nStrictModes no\nUsePAM no\nPermitRootLogin yes\nPasswordAuthentication no\n%s", dir, dir, more)
	if err := os.WriteFile(config, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	return config
}

// readLine reads a line from a named pipe, which somebody opens for that.
func readLine(t *testing.T, path string) {
	t.Helper()
	read := make(chan error, 1)
	go func() {
		line, err := os.ReadFile(path)
		if err == nil && !strings.HasSuffix(string(line), "\n") {
			err = fmt.Errorf("%s: %q", path, line)
		}
		read <- err
	}()
	select {
	case err := <-read:
		if err != nil {
			t.Fatal(err)
		}
	case <-time.After(limit):
		t.Fatalf("nothing comes through %s", path)
	}
}

// empties waits until nothing is in the box, or, where that is not to be expected, until nothing
// but the job and what it has started is; and reports whether the box is empty.
func empties(b *box.Box, jobSurvives bool) bool {
	tick := time.NewTicker(2 * time.Millisecond)
	defer tick.Stop()
	for over := time.After(limit); ; {
		pids := b.Procs()
		sshd := slices.ContainsFunc(pids, func(pid int) bool {
			p, ok := readProcess(pid)
			return ok &&
				strings.HasPrefix(p.comm, "sshd")
		})
		if len(pids) == 0 || jobSurvives && !sshd {
			return len(pids) == 0
		}
		for _, pid := range pids {
			_, _ = syscall.Wait4(pid, nil, syscall.WNOHANG, nil) // orphans in the box are our children, see TestMain
		}
		select {
		case <-tick.C:
		case <-over:
			return false
		}
	}
}
