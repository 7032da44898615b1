//go:build linux

package docker

import (
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"testing"
	"text/tabwriter"
)

// requests are made of each server.
const requests = 200

// webServer is a program that serves web/double_fork.py on port 8000 of the loopback interface.
type webServer struct {
	name    string
	argv    []string
	lastout []string // flags
}

func webServers(t *testing.T) []webServer {
	t.Helper()
	const modules, apache = "/usr/lib/python3/dist-packages/", "/usr/lib/apache2/modules/"
	need(t, "/usr/bin/python3", "/usr/bin/gunicorn", "/usr/bin/uwsgi-core", "/usr/sbin/apache2", apache+"mod_wsgi.so",
		modules+"flask", modules+"django", modules+"tornado", modules+"waitress")
	plugins, _ := filepath.Glob("/usr/lib/uwsgi/plugins/python3*_plugin.so")
	if len(plugins) == 0 {
		t.Fatal("no plugin of uwsgi for python3: install what testdata/docker/packages lists")
	}
	uwsgi := []string{"uwsgi-core", "--plugin", plugins[0], "--http-socket", "127.0.0.1:8000", "--wsgi-file",
		"/web/double_fork.py", "--disable-logging"}
	return []webServer{
		{name: "wsgiref", argv: []string{"python3", "/web/serve.py", "wsgiref"}},
		{name: "Flask, its own server", argv: []string{"python3", "-m", "flask", "--app", "flask_app", "run",
			"--port", "8000"}},
		{name: "Django, runserver", argv: []string{"python3", "/web/django_site.py", "runserver", "127.0.0.1:8000"}},
		{name: "Django, runserver --noreload", argv: []string{"python3", "/web/django_site.py", "runserver",
			"--noreload", "127.0.0.1:8000"}},
		// gunicorn tells its workers itself. If they end by a TERM of their own at the same moment,
		// its logging may fail, and it does not end.
		{name: "gunicorn, 2 workers", argv: []string{"gunicorn", "--workers", "2", "--bind", "127.0.0.1:8000",
			"double_fork:application"}, lastout: []string{"--forward", "leader"}},
		{name: "tornado", argv: []string{"python3", "/web/serve.py", "tornado"}},
		{name: "waitress", argv: []string{"python3", "-m", "waitress", "--listen", "127.0.0.1:8000",
			"double_fork:application"}},
		{name: "uWSGI", argv: uwsgi},
		// To uWSGI's master TERM means that it is to begin again, unless it is told --die-on-term.
		{name: "uWSGI --master", argv: append(slices.Clone(uwsgi), "--master", "--processes", "2"),
			lastout: []string{"--rewrite", "TERM:QUIT"}},
		{name: "Apache, mod_wsgi", argv: []string{"apache2", "-D", "FOREGROUND", "-f", "/web/apache.conf"}},
	}
}

// count is what client.py has found.
type count struct {
	Highest   int // number of zombies at the end of a request
	After     int // and after the last
	Strangers int // requests whose process had a child to be reaped that was not its own
}

func (c count) String() string {
	return fmt.Sprintf("%d\t%d\t%d", c.Highest, c.After, c.Strangers)
}

// TestWebServers: an application that forks and forgets, under the servers that people have, as PID
// 1 and with lastout as PID 1. There no zombie stays: after each request, when its helper is known
// to be dead, the number of zombies falls to 0, for which the client waits; and no server gets a
// child that it has not made. What happens without lastout is printed, and at least one server has
// to prove that the test can fail.
func TestWebServers(t *testing.T) {
	image := debianImage(t)
	servers := webServers(t)
	alone, ours := make([]count, len(servers)), make([]count, len(servers))
	t.Run("servers", func(t *testing.T) { // which are parallel tests, and over when this is
		for i, s := range servers {
			t.Run(s.name+"/alone", func(t *testing.T) {
				t.Parallel()
				// a master that reaps once a second makes each request wait otherwise
				alone[i] = s.serve(t, image, "0.1")
			})
			t.Run(s.name+"/lastout", func(t *testing.T) {
				t.Parallel()
				ours[i] = s.serve(t, image, "10", slices.Concat([]string{"/lastout"}, s.lastout, []string{"--"})...)
				if ours[i] != (count{}) {
					t.Errorf("%+v, want nothing of it", ours[i])
				}
			})
		}
	})
	w := tabwriter.NewWriter(os.Stdout, 0, 0, 2, ' ', 0)
	fmt.Fprintf(w, "\n%d requests\tas PID 1: zombies\tafter\tstrangers\tunder lastout: zombies\tafter\tstrangers\n", requests)
	left := 0
	for i, s := range servers {
		fmt.Fprintf(w, "%s\t%v\t%v\n", s.name, alone[i], ours[i])
		left += alone[i].After
	}
	w.Flush()
	if left == 0 && !t.Failed() {
		t.Error("no server leaves a zombie as PID 1: this proves nothing")
	}
}

// serve runs the server with init before it, and returns what the client has counted.
func (s webServer) serve(t *testing.T, image, patience string, init ...string) (n count) {
	t.Helper()
	c := start(t, image, machine(t), slices.Concat(init, s.argv)...)
	c.init()
	out := docker(t, "exec", c.name, "python3", "/web/client.py", strconv.Itoa(requests), patience)
	if err := json.Unmarshal([]byte(out), &n); err != nil {
		t.Fatalf("%v in %q", err, out)
	}
	if len(init) > 0 {
		stop(c)
		if status := c.status(); status == statusKill { // uWSGI's own is 30
			t.Error("docker stop has to kill it")
		}
	}
	return n
}
