//go:build linux

package realworld

import (
	"context"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"testing"
)

// TestZombies: programs that make zombies while they run, and run for days.
func TestZombies(t *testing.T) {
	// Not parallel: these measure time.
	for _, c := range []situation{
		{
			name:    "a server whose helpers fork and forget",
			needs:   []string{"python3"},
			job:     func(s *stage) []string { s.pipeStdin(); return []string{here(s.t, "forks-and-forgets.py")} },
			outside: enoughRounds,
			zombies: true,
			why:     "tini -s adopts and reaps too; a program that is a container's first process does not",
		},
		{
			name:  "a server that kills bash but not its perl",
			needs: []string{"python3", "perl"},
			job: func(s *stage) []string {
				s.mkfifo("finish")
				return []string{here(s.t, "impatient-server.py"), s.path("server")}
			},
			outside: slowReport,
			zombies: true,
			why:     "tini -s adopts and reaps too; a program that is a container's first process does not",
		},
	} {
		t.Run(c.name, c.play)
	}
}

// TestWorkers: programs that consist of many processes, and whose first one goes before the others.
func TestWorkers(t *testing.T) {
	for _, c := range slices.Concat(pools(), goodbyes(), servers()) {
		t.Run(c.name, c.play)
	}
}

// TestLeftBehind: commands that are done in a moment, and leave a daemon behind that is not.
func TestLeftBehind(t *testing.T) {
	for _, c := range slices.Concat(agents(), daemons(), shells(), clusters()) {
		t.Run(c.name, c.play)
	}
}

// enoughRounds lets the server make orphans until there were plenty and the watch saw plenty.
func enoughRounds(s *stage) {
	s.until("200 rounds and 100 samples", func() bool {
		samples, _ := s.watch.seen()
		return strings.Count(s.read(".stdout"), "\n") >= 200 && samples >= 100
	})
	s.stdin.Close()
}

// slowReport is a day in the life of the web server.
func slowReport(s *stage) {
	s.until("the server answers", func() bool { _, err := s.get("/ping"); return err == nil })
	server := s.number("/ping")
	perl := s.number("/report")
	p, ok := readProcess(perl)
	if !ok || p.state == 'Z' {
		s.t.Fatalf("perl (%d) did not outlive bash", perl)
	}
	if s.runner.ours && (p.ppid == server || !slices.Contains(s.box.Procs(), p.ppid)) {
		s.t.Errorf("perl's parent is %d: not adopted by lastout", p.ppid)
	}
	if err := os.WriteFile(s.path("finish"), []byte("\n"), 0); err != nil {
		s.t.Fatal(err)
	}
	s.until("perl is gone, or a zombie for too long", func() bool {
		now, ok := readProcess(perl)
		_, late := s.watch.seen()
		return !ok || now.start != p.start || late > 0
	})
	if again := s.number("/ping"); again != server {
		s.t.Errorf("the server was %d, now it is %d", server, again)
	}
	s.get("/quit")
}

// get fetches a page from the server on the unix socket `server`.
func (s *stage) get(page string) (string, error) {
	client := http.Client{Transport: &http.Transport{
		DisableKeepAlives: true,
		DialContext: func(ctx context.Context, _, _ string) (net.Conn, error) {
			return new(net.Dialer).DialContext(ctx, "unix", s.path("server"))
		},
	}}
	resp, err := client.Get("http://server" + page)
	if err != nil {
		return "", err
	}
	defer resp.Body.Close()
	body, err := io.ReadAll(resp.Body)
	return string(body), err
}

func (s *stage) number(page string) int {
	s.t.Helper()
	body, err := s.get(page)
	if err != nil {
		s.t.Fatal(err)
	}
	n, err := strconv.Atoi(strings.TrimSpace(body))
	if err != nil {
		s.t.Fatal(err)
	}
	return n
}

func (s *stage) mkfifo(name string) {
	s.t.Helper()
	if err := syscall.Mkfifo(s.path(name), 0o600); err != nil {
		s.t.Fatal(err)
	}
}

// pools are Python's worker pools whose main process dies of SIGKILL.
func pools() []situation {
	var all []situation
	for _, method := range []string{"fork", "spawn", "forkserver"} {
		for _, death := range []string{"suicide", "victim"} {
			c := situation{
				name:  "multiprocessing/" + method + "/" + death,
				needs: []string{"python3"},
				job: func(s *stage) []string {
					return []string{here(s.t, "pool-loses-its-main.py"), method, death}
				},
				check:         poolIsGone,
				signal:        syscall.SIGKILL,
				leftover:      "python3",
				biteUnderTini: true,
				why:           "a worker at work does not notice that its main process is gone, and the resource tracker waits for it",
			}
			if death == "victim" {
				c.outside = killMain
			}
			all = append(all, c)
		}
	}
	return all
}

func killMain(s *stage) {
	s.await("ready")
	syscall.Kill(s.pids("pids")[0], syscall.SIGKILL)
}

// poolIsGone checks that there was a pool, and that Python's resource tracker, which ignores
// SIGTERM and ends when the last worker has, was given the time to unlink the shared memory.
func poolIsGone(s *stage) (faults []string) {
	if pids := s.pids("pids"); len(pids) != 6 {
		faults = append(faults, fmt.Sprintf("%d processes, want the main one, the tracker and 4 workers", len(pids)))
	}
	if _, err := os.Stat("/dev/shm/" + s.read("shm")); !os.IsNotExist(err) {
		faults = append(faults, fmt.Sprintf("the shared memory %s is still there (%v)", s.read("shm"), err))
		os.Remove("/dev/shm/" + s.read("shm"))
	}
	return faults
}

// pids returns the numbers that the job wrote into a file.
func (s *stage) pids(name string) (pids []int) {
	s.t.Helper()
	for _, field := range strings.Fields(s.read(name)) {
		pid, err := strconv.Atoi(field)
		if err != nil || pid <= 1 {
			s.t.Fatalf("%s: %q is no process id", name, field)
		}
		pids = append(pids, pid)
	}
	return pids
}

// goodbyes are ten workers that need two seconds to end, in a parent that does not wait for them.
func goodbyes() []situation {
	c := situation{
		needs: []string{"python3"},
		outside: func(s *stage) {
			s.await("ready")
			s.signal(syscall.SIGTERM)
		},
		check:         goodbyesAreSaid,
		biteUnderTini: true,
		why:           "tini returns with the parent: nobody tells the workers, and nobody waits for them",
	}
	with := func(name, leftover string, argv ...string) situation {
		c.name, c.leftover = "ten slow goodbyes/"+name, leftover
		c.job = func(s *stage) []string { return append([]string{here(s.t, argv[0])}, argv[1:]...) }
		return c
	}
	return []situation{
		with("python, one process group", "python3", "slow-goodbyes.py", "group"),
		with("python, a session each", "python3", "slow-goodbyes.py", "sessions"),
		with("bash traps", "bash", "slow-goodbyes.bash", "at-once"),
		with("bash traps, parent exits in the middle", "bash", "slow-goodbyes.bash", "in-the-middle"),
	}
}

func goodbyesAreSaid(s *stage) (faults []string) {
	said := strings.Fields(s.read("goodbyes"))
	if distinct := slices.Compact(slices.Sorted(slices.Values(said))); len(said) != 10 || len(distinct) != 10 {
		faults = append(faults, fmt.Sprintf("%d of 10 workers finished their handlers: %q", len(distinct), said))
	}
	return faults
}
