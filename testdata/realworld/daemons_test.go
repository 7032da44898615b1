//go:build linux

package realworld

import "os"

// left is a command that leaves something behind and is otherwise done with status 0.
func left(name, leftover, why string, needs []string, job func(s *stage) []string) situation {
	return situation{name: name, needs: needs, job: job, leftover: leftover, biteUnderTini: true, why: why}
}

// allowed is a command that leaves something behind which may be: it is ended, and that is all.
func allowed(name, pattern, why string, needs []string, job func(s *stage) []string) situation {
	flags := []string{"--fail-on-leak", "--allow-leak", pattern}
	return situation{name: name, needs: needs, job: job, flags: flags, biteUnderTini: true, why: why}
}

// argv is a job that needs no preparation. The first word is a program's name.
func argv(words ...string) func(s *stage) []string {
	return func(s *stage) []string { return append([]string{program(s.t, words[0])}, words[1:]...) }
}

// line is a job for /bin/sh.
func line(text string) func(s *stage) []string { return argv("sh", "-c", text) }

// agents are what commands start to keep secrets, sessions and connections for later.
func agents() []situation {
	const later = "it is there to serve later commands, and knows of no end"
	fresh := situation{
		name:  "gpg/list in a fresh home",
		needs: []string{"gpg"},
		job:   gpg("--list-secret-keys"),
		why:   "gpg 2.2 asks the agent only about keys that it has the public part of, and here there are none",
	}
	return []situation{
		fresh,
		left("gpg/list with a key in the ring", "gpg-agent", later, []string{"gpg"}, func(s *stage) []string {
			job := gpg("--list-secret-keys")(s)
			s.mustRun(program(s.t, "gpg"), "--no-autostart", "--batch", "--quiet", "--import",
				here(s.t, "public-key.asc"))
			return job
		}),
		left("gpg/import into a fresh home", "gpg-agent", later, []string{"gpg"}, func(s *stage) []string {
			return gpg("--import", here(s.t, "public-key.asc"))(s)
		}),
		left("gpg/make a key", "gpg-agent", later, []string{"gpg"},
			gpg("--passphrase=", "--quick-gen-key", "nobody@example.org", "ed25519", "sign", "never")),
		allowed("gpg/make a key, and its agent may be left", "gpg-agent", later, []string{"gpg"},
			gpg("--passphrase=", "--quick-gen-key", "nobody@example.org", "ed25519", "sign", "never")),
		left("ssh-agent", "ssh-agent", later, []string{"ssh-agent"}, argv("ssh-agent", "-a", "socket")),
		left("dbus-daemon", "dbus-daemon", later, []string{"dbus-daemon"}, func(s *stage) []string {
			return []string{program(s.t, "dbus-daemon"), "--session", "--fork", "--print-address",
				"--address=unix:path=" + s.path("bus")}
		}),
		left("git credential-cache", "credential-cache", later, []string{"git"},
			line(`printf 'protocol=https\nhost=example.org\nusername=a\npassword=b\n\n' | git credential-cache --socket "$PWD/cache/socket" store`)),
	}
}

// gpg is a run of gpg with a fresh home directory.
func gpg(words ...string) func(s *stage) []string {
	return func(s *stage) []string {
		if err := os.Mkdir(s.path("gnupg"), 0o700); err != nil {
			s.t.Fatal(err)
		}
		s.env = append(s.env, "GNUPGHOME="+s.path("gnupg"))
		return append([]string{program(s.t, "gpg"), "--batch", "--quiet"}, words...)
	}
}

// daemons are servers that go into the background by themselves.
func daemons() []situation {
	const forgotten = "it went into the background, where it belongs, and is forgotten"
	return []situation{
		left("nginx", "nginx", forgotten, []string{"nginx"}, func(s *stage) []string {
			return []string{program(s.t, "nginx"), "-p", s.dir, "-c", here(s.t, "nginx.conf")}
		}),
		left("gunicorn --daemon", "gunicorn", forgotten, []string{"gunicorn"}, func(s *stage) []string {
			s.copyHere("app.py")
			return line("gunicorn --daemon --workers=3 --bind=unix:server app:application; until ls worker.*; do sleep 0.02; done")(s)
		}),
		// The command returns before its daemon is one: whatever it is by then, and by whatever
		// name, must go.
		left("gunicorn --daemon, on its way", ".", forgotten, []string{"gunicorn"}, func(s *stage) []string {
			s.copyHere("app.py")
			return []string{program(s.t, "gunicorn"), "--daemon", "--workers=3", "--bind=unix:server",
				"app:application"}
		}),
		left("redis-server", "redis-server", forgotten, []string{"redis-server"}, func(s *stage) []string {
			return []string{program(s.t, "redis-server"), "--daemonize", "yes", "--port", "0", "--unixsocket",
				s.path("redis"), "--dir", s.dir}
		}),
		left("start-stop-daemon", "start-stop-daemon|/bin/sleep", forgotten, nil,
			argv("start-stop-daemon", "--start", "--background", "--make-pidfile", "--pidfile=pid",
				"--exec=/bin/sleep", "--", "120")),
		left("tmux", "tmux", "its server outlives every client, and that is the point of it", []string{"tmux"},
			argv("tmux", "-S", "socket", "-f", "/dev/null", "new-session", "-d", "exec sleep 120")),
		left("screen", "screen|SCREEN", "its server outlives every client, and that is the point of it",
			[]string{"screen"}, func(s *stage) []string {
				if err := os.Mkdir(s.path("screen"), 0o700); err != nil {
					s.t.Fatal(err)
				}
				s.env = append(s.env, "SCREENDIR="+s.path("screen"))
				return []string{program(s.t, "screen"), "-c", "/dev/null", "-dmS", "session", "sleep", "120"}
			}),
	}
}

// shells are the ways in which scripts start something in the background.
func shells() []situation {
	const nobody = "a shell that ends does not end what it started"
	sleeper := func(name string, needs []string, job func(s *stage) []string) situation {
		return left(name, "sleep 120", nobody, needs, job)
	}
	// The clock of these two ends the shell, and not what the shell waits for.
	foreground := sleeper("timeout --foreground", nil,
		argv("timeout", "--foreground", "0.2", "sh", "-c", "sleep 120; echo over"))
	foreground.status = 124
	subprocess := sleeper("python subprocess with a timeout", []string{"python3"},
		argv("python3", "-c", "import subprocess; subprocess.run('sleep 120; echo over', shell=True, timeout=0.2)"))
	subprocess.status = 1
	return []situation{
		foreground,
		subprocess,
		sleeper("setsid -f", nil, argv("setsid", "-f", "sleep", "120")),
		sleeper("nohup", nil, line("nohup sleep 120 &")),
		sleeper("bash coproc", nil, argv("bash", "-c", "coproc sleep 120; echo started")),
		sleeper("bash process substitution", nil, argv("bash", "-c", "echo started > >(sleep 120)")),
		sleeper("dash pipeline", nil, argv("dash", "-c", "sleep 120 | cat & echo started")),
		left("busybox sh", "busybox|/bin/sleep", nobody, []string{"busybox"},
			argv("busybox", "sh", "-c", "busybox start-stop-daemon -S -b -m -p pid -x /bin/sleep -- 120; echo started")),
		sleeper("xargs", nil, line(`echo 1 2 3 4 | xargs -P 4 -n 1 sh -c 'sleep 120 & echo started $1' sh`)),
		sleeper("parallel", []string{"parallel"},
			argv("parallel", "--will-cite", "--jobs=4", "setsid -f sleep 120; echo started {}", ":::", "1", "2",
				"3", "4")),
		sleeper("script", nil, argv("script", "-qec", "trap '' HUP; sleep 120 & echo started", "/dev/null")),
		{
			name: "bash coproc that ends with its shell",
			job:  argv("bash", "-c", `coproc cat; echo hello >&${COPROC[1]}; read -r line <&${COPROC[0]}; exec {COPROC[1]}>&-; wait $COPROC_PID`),
			why:  "it is waited for",
		},
	}
}
