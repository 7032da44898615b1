//go:build linux

package realworld

import (
	"fmt"
	"os"
	"os/user"
	"strconv"
	"strings"
)

// clusters are databases that a test script starts and forgets.
func clusters() []situation {
	cluster := func(name, how string, check func(*stage) []string, flags ...string) situation {
		c := left("postgresql/"+name, "postgres", "pg_ctl start is made for leaving a server behind",
			[]string{"pg_ctl"}, func(s *stage) []string {
				s.makeCluster()
				return s.asPostgres(here(s.t, "forgotten-cluster.sh"), postgresDirs()[0], how)
			})
		c.check, c.flags = check, flags
		return c
	}
	// A shutdown writes everything out, which takes what the disk takes.
	return []situation{
		cluster("forgotten", "forget", shutDown, "--grace=1m"),
		cluster("forgotten, with a client", "with-a-client", shutDown, "--grace=1m"),
		cluster("forgotten, killed at once", "forget", crashed, "--grace=0"),
	}
}

func (s *stage) makeCluster() {
	s.t.Helper()
	if os.Getuid() == 0 {
		if err := os.Chown(s.dir, s.userID("postgres"), -1); err != nil {
			s.t.Fatal(err)
		}
	}
	s.mustRun(s.asPostgres(postgresDirs()[0]+"/initdb", "--pgdata=data", "--no-sync", "--auth=trust")...)
}

// asPostgres is argv as the user that Debian's package makes, where we are root: PostgreSQL refuses
// to be.
func (s *stage) asPostgres(argv ...string) []string {
	if os.Getuid() != 0 {
		return argv
	}
	return append([]string{program(s.t, "setpriv"), "--reuid=postgres", "--regid=postgres", "--init-groups"}, argv...)
}

func (s *stage) userID(name string) int {
	s.t.Helper()
	u, err := user.Lookup(name)
	if err != nil {
		s.t.Fatal(err)
	}
	id, err := strconv.Atoi(u.Uid)
	if err != nil {
		s.t.Fatal(err)
	}
	return id
}

// shutDown: the server had the time to end in order, and can be started again.
func shutDown(s *stage) []string { return s.startAgain("shut down") }

// crashed: it had not, and still nothing of it is in the way of a new start.
func crashed(s *stage) []string { return s.startAgain("in production") }

func (s *stage) startAgain(state string) (faults []string) {
	bin := postgresDirs()[0]
	control, _ := s.run(s.asPostgres(bin+"/pg_controldata", "--pgdata=data")...)
	if !strings.Contains(control, state+"\n") {
		faults = append(faults, fmt.Sprintf("the cluster's state is not %q:\n%s", state, control))
	}
	if out, err := s.run(s.asPostgres(bin+"/pg_ctl", "--pgdata=data", "--log=log", "--wait", "start",
		"--options=-c listen_addresses='' -c unix_socket_directories='"+s.dir+"'")...); err != nil {
		return append(faults, fmt.Sprintf("the cluster cannot be started again: %v\n%s\n%s", err, out, s.read("log")))
	}
	count, err := s.run(s.asPostgres(bin+"/psql", "--host="+s.dir, "--dbname=postgres", "--no-align",
		"--tuples-only", "--command=select count(*) from t")...)
	if strings.TrimSpace(count) != "1" {
		faults = append(faults, fmt.Sprintf("its table has %q rows, want 1 (%v)", count, err))
	}
	if out, err := s.run(s.asPostgres(bin+"/pg_ctl", "--pgdata=data", "--wait", "--mode=fast", "stop")...); err != nil {
		faults = append(faults, fmt.Sprintf("it cannot be stopped again: %v\n%s", err, out))
	}
	return faults
}
