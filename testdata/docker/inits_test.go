//go:build linux

package docker

import (
	"fmt"
	"os"
	"regexp"
	"slices"
	"strings"
	"sync"
	"testing"
	"text/tabwriter"
	"time"
)

// runner is what is PID 1 of a container.
type runner struct {
	name  string
	flags []string // of docker run
	argv  []string // before the command
}

var everybody = []string{"lastout", "tini", "docker --init", "no init"}

// runners are those that a trial is for.
func (tr trial) runners() []runner {
	all := []runner{
		{everybody[0], nil, slices.Concat([]string{"lastout"}, tr.lastout, []string{"--"})},
		{everybody[1], nil, []string{"tini", "--"}},
		{everybody[2], []string{"--init"}, nil},
		{everybody[3], nil, nil},
	}
	switch {
	case tr.only:
		return all[:1]
	case tr.zombies:
		return all
	}
	return all[:3]
}

// result is a cell of the table.
type result struct {
	zombies int // -1 where they are not what it is about
	status  int
	stop    time.Duration // from the stop to the end; 0 where nobody stops it
	cut     []string      // who was killed before it could say goodbye
}

func (r result) String() string {
	text := fmt.Sprintf("status %d", r.status)
	if r.zombies >= 0 {
		text = fmt.Sprintf("%d zombies, ", r.zombies) + text
	}
	if r.stop > 0 {
		text += fmt.Sprintf(", %.1f s", r.stop.Seconds())
	}
	if len(r.cut) > 0 {
		text += ", cut off: " + strings.Join(r.cut, ", ")
	}
	return text
}

// TestInits plays every trial under every PID 1, and prints what came of it. What it says of
// lastout is asserted.
func TestInits(t *testing.T) {
	image := smallImage(t)
	var mu sync.Mutex
	table := make(map[string]string)
	t.Run("trials", func(t *testing.T) { // which are parallel tests, and over when this is
		for _, tr := range trials() {
			for _, r := range tr.runners() {
				t.Run(tr.name+"/"+r.name, func(t *testing.T) {
					t.Parallel()
					c := start(t, image, slices.Concat(tr.docker, r.flags), slices.Concat(r.argv, tr.argv)...)
					got := tr.play(c, r)
					if r.name == "lastout" {
						tr.check(t, got, c.said.String())
					}
					mu.Lock()
					defer mu.Unlock()
					table[tr.name+"/"+r.name] = got.String()
				})
			}
		}
	})
	w := tabwriter.NewWriter(os.Stdout, 0, 0, 2, ' ', 0)
	fmt.Fprintln(w, "\ntrial\tlastout\ttini\tdocker --init\tno init")
	for _, tr := range trials() {
		line := tr.name
		for _, r := range everybody {
			line += "\t" + table[tr.name+"/"+r]
		}
		fmt.Fprintln(w, line)
	}
	w.Flush()
}

// play lets a trial happen in a container, and returns what came of it.
func (tr trial) play(c *container, r runner) result {
	c.t.Helper()
	got := result{zombies: -1}
	if tr.act != nil {
		tr.act(c)
	}
	for _, text := range tr.ready {
		c.await(text)
	}
	if tr.zombies {
		got.zombies = c.zombies("sleep 300")
	}
	switch {
	case r.name == "no init": // it would take docker stop its ten seconds
		kill(c)
		got.status = c.status()
	case tr.end != nil:
		begun := time.Now()
		tr.end(c)
		got.status = c.status()
		got.stop = time.Since(begun)
	default:
		got.status = c.status()
	}
	for _, who := range tr.goodbyes {
		if !strings.Contains(c.said.String(), "goodbye from "+who) {
			got.cut = append(got.cut, who)
		}
	}
	return got
}

// check says what is wrong with lastout's result.
func (tr trial) check(t *testing.T, got result, said string) {
	t.Helper()
	if got.zombies > 0 {
		t.Errorf("%d zombies", got.zombies)
	}
	if got.status != tr.status {
		t.Errorf("status %d, want %d", got.status, tr.status)
	}
	if len(got.cut) > 0 {
		t.Errorf("cut off: %s", strings.Join(got.cut, ", "))
	}
	var messages []string
	for line := range strings.Lines(said) {
		if strings.HasPrefix(line, "lastout: ") {
			messages = append(messages, line)
		}
	}
	switch report := strings.Join(messages, ""); {
	case tr.says == "" && report != "":
		t.Errorf("it has nothing to say, and yet:\n%s", report)
	case tr.says != "" && !regexp.MustCompile(tr.says).MatchString(report):
		t.Errorf("it does not say %q:\n%s", tr.says, report)
	}
}
