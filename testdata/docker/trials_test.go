//go:build linux

package docker

// trial is something that happens in a container.
type trial struct {
	name    string
	docker  []string           // flags of docker run
	lastout []string           // flags of lastout; none where the defaults are to be good enough
	argv    []string           // the command
	act     func(c *container) // what the rest of the world does first
	ready   []string           // what is said when all is set up
	end     func(c *container) // asks for the end; nil where the command ends by itself

	zombies  bool     // they are counted before the end, when only `sleep 300` lives; without any init, too
	status   int      // what lastout is to end with
	goodbyes []string // who is to have the time to say goodbye
	only     bool     // it is about lastout alone
	says     string   // what lastout has to say, a regular expression; "" for nothing
}

// stop is docker stop as everybody has it: TERM to PID 1, and KILL after ten seconds.
func stop(c *container) { docker(c.t, "stop", "-t", "10", c.name) }

func kill(c *container) { docker(c.t, "kill", c.name) }

func sendUSR1(c *container) {
	docker(c.t, "kill", "--signal", "USR1", c.name)
	c.await("got USR1")
}

// execOrphans makes orphans with docker exec, and returns when they have ended.
func execOrphans(c *container) {
	c.init()
	until(c.t, "docker exec works", func() bool {
		out, _ := tryDocker(c.t, "exec", c.name, "makes-orphans", "now")
		return out == "orphans made"
	})
}

const (
	statusTerm = 128 + 15
	statusKill = 128 + 9
	statusSegv = 128 + 11
)

var (
	commandUp = []string{"command is up"}
	bothUp    = []string{"command is up", "daemon is up"}
	theTwo    = []string{"the command", "the daemon"}
)

func trials() []trial {
	seccomp := goodbye("seccomp, Docker's own profile") // as everywhere here, but here it is made sure of
	seccomp.argv = []string{"sh", "-c", `grep -q "^Seccomp:.*2$" /proc/self/status && exec says-goodbye`}
	return []trial{
		{name: "orphans of the command", argv: []string{"makes-orphans"}, ready: []string{"orphans made"}, end: stop,
			zombies: true, status: statusTerm},
		{name: "orphans of docker exec", argv: []string{"sleep", "300"}, act: execOrphans, end: stop,
			zombies: true, status: statusTerm},
		{name: "exit status", argv: []string{"sh", "-c", "exit 7"}, status: 7},
		{name: "death by a signal", argv: []string{"sh", "-c", "kill -SEGV $$"}, status: statusSegv},
		{name: "death by somebody's SIGKILL", argv: []string{"sh", "-c", "kill -KILL $$"}, status: statusKill},

		{name: "docker stop", argv: []string{"says-goodbye", "alone"}, ready: commandUp, end: stop,
			goodbyes: theTwo[:1]},
		goodbye("docker stop, with a daemon"),
		{name: "docker stop, the daemon ignores TERM", argv: []string{"says-goodbye", "stubborn"},
			ready: bothUp, end: stop,
			goodbyes: theTwo[:1], says: `ended by KILL`},
		{name: "docker stop, the command ignores TERM", argv: []string{"ignores-term"}, ready: commandUp,
			end: stop, status: statusKill},
		{name: "the same with --kill-after 2", only: true, lastout: []string{"--kill-after", "2"},
			argv: []string{"ignores-term"}, ready: commandUp, end: stop,
			status: statusKill},
		{name: "docker kill", argv: []string{"says-goodbye"}, ready: bothUp, end: kill, status: statusKill},
		{name: "docker kill --signal USR1", argv: []string{"tells-usr1"}, ready: commandUp, end: sendUSR1},

		// In its own cgroup namespace the bomb can see its limit, without which it does not
		// explode.
		{name: "fork bomb, --pids-limit 64", docker: []string{"--pids-limit", "64", "--cgroupns", "private"},
			argv:   []string{"fork-bomb"},
			status: 7, says: `left \d+ process(es)? behind`},
		{name: "out of memory, --memory 64m", docker: []string{"--memory", "64m", "--memory-swap", "64m"},
			lastout: []string{"--grace", "1"},
			argv:    []string{"eats-memory"}, status: statusKill,
			says: `eats-memory was killed; the out-of-memory killer has struck once in its cgroup \(oom_kill in /sys/fs/cgroup/memory[./]`},

		goodbye("--read-only", "--read-only"),
		goodbye("--user 65534", "--user", "65534"),
		goodbye("--cap-drop ALL", "--cap-drop", "ALL"),
		goodbye("no-new-privileges", "--security-opt", "no-new-privileges"),
		goodbye("all four", "--read-only", "--user", "65534", "--cap-drop", "ALL", "--security-opt",
			"no-new-privileges"),
		goodbye("--tty", "--tty"),
		seccomp,
	}
}

// goodbye is docker stop with a daemon that wants to say goodbye.
func goodbye(name string, flags ...string) trial {
	return trial{name: name, docker: flags, argv: []string{"says-goodbye"}, ready: bothUp, end: stop, goodbyes: theTwo,
		says: `left 1 process behind|left 2 processes behind`}
}
