//go:build linux

package realworld

import (
	"context"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"strings"
	"syscall"
	"testing"
)

// TestForeground: daemons that go into the background, as their packages configure them, and
// lastout stays for. TERM ends them in order.
func TestForeground(t *testing.T) {
	for _, c := range kept() {
		t.Run(c.name, c.play)
	}
}

// kept are daemons under --linger forever. tini -s returns with the command that has started them.
func kept() []situation {
	daemon := func(name, leftover string, needs []string, job func(s *stage) []string, up func(s *stage) bool,
		check func(s *stage) []string) situation {
		c := left(name, leftover+".*, ended by TERM", "it went into the background, and nobody stays for it",
			needs, job)
		c.flags, c.check = []string{"--linger=forever", "--grace=1m", "--verbose"}, check
		c.outside = func(s *stage) {
			if s.runner.ours {
				s.until("the daemon is up, and the command is gone", func() bool {
					return strings.Contains(s.read(".stderr"), " to=lingering ") && up(s)
				})
				s.signal(syscall.SIGTERM)
			}
		}
		return c
	}
	return []situation{
		daemon("nginx", "nginx", []string{"nginx"}, func(s *stage) []string {
			return []string{program(s.t, "nginx"), "-p", s.dir, "-c", here(s.t, "nginx.conf"), "-e",
				s.path("error.log"), "-g", "error_log error.log notice;"}
		}, nginxAnswers, logs("error.log", "signal 15 (SIGTERM) received", ", exiting")),
		daemon("sshd", "sshd", []string{"sshd"}, func(s *stage) []string {
			listener, err := net.Listen("tcp", "127.0.0.1:0")
			if err != nil {
				s.t.Fatal(err)
			}
			defer listener.Close() // only its number is wanted
			config := sshServer(s.t, s.dir, "", fmt.Sprintf("ListenAddress %v\nPidFile %s\n", listener.Addr(),
				s.path("pid")))
			return []string{program(s.t, "sshd"), "-f", config, "-E", s.path("log")}
		}, func(s *stage) bool { return strings.Contains(s.read("log"), "Server listening") },
			logs("log", "Received signal 15; terminating.")),
		daemon("cron", "cron", []string{"cron", "unshare"}, func(s *stage) []string {
			if os.Getuid() != 0 {
				s.t.Skip("cron is for root")
			}
			// Not the machine's own tables, and not beside its own cron.
			return line("exec unshare --mount sh -c 'for d in /run /var/spool/cron /etc/cron.d; do mount -t tmpfs none $d; done; " +
				"mkdir /var/spool/cron/crontabs; mount --bind /dev/null /etc/crontab; exec cron'")(s)
		}, func(s *stage) bool { return true }, nil),
		daemon("PostgreSQL", "postgres", []string{"pg_ctl"}, func(s *stage) []string {
			s.makeCluster()
			return s.asPostgres(here(s.t, "forgotten-cluster.sh"), postgresDirs()[0], "forget")
		}, func(s *stage) bool { return strings.Contains(s.read(".stdout"), "done\n") }, shutDown),
	}
}

// logs is a check for what a daemon has to write in the end.
func logs(file string, texts ...string) func(s *stage) []string {
	return func(s *stage) (faults []string) {
		for _, text := range texts {
			if log := s.read(file); !strings.Contains(log, text) {
				faults = append(faults, fmt.Sprintf("%s does not say %q:\n%s", file, text, log))
			}
		}
		return faults
	}
}

func nginxAnswers(s *stage) bool {
	client := http.Client{Transport: &http.Transport{
		DisableKeepAlives: true,
		DialContext: func(ctx context.Context, _, _ string) (net.Conn, error) {
			return new(net.Dialer).DialContext(ctx, "unix", s.path("nginx.sock"))
		},
	}}
	resp, err := client.Get("http://nginx/")
	if err != nil {
		return false
	}
	defer resp.Body.Close()
	body, err := io.ReadAll(resp.Body)
	return err == nil && string(body) == "hello\n"
}
