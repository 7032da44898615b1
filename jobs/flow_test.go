package jobs

import (
	"fmt"
	"maps"
	"slices"
	"strings"
	"testing"

	"lastout/subreaper"
)

// scene makes a look of lines such as "3<1 r7 w8 e9 b7": process 3, a child of 1, reads pipe 7,
// writes pipe 8, reads pipe 9, which has ended and is empty (u9: there is something left to read),
// and has pipe 7 open for both. Capital letters are for another than standard input.
func scene(lines ...string) *flow {
	var list []subreaper.Activity
	for _, line := range lines {
		words := strings.Fields(line)
		pid, ppid, _ := strings.Cut(words[0], "<")
		a := subreaper.Activity{Process: subreaper.Process{PID: numberOf(pid), PPID: numberOf(ppid)}}
		for _, w := range words[1:] {
			if w == "!" {
				a.Busy = true
				continue
			}
			p := subreaper.Pipe{ID: subreaper.PipeID{Ino: uint64(numberOf(w[1:]))}}
			kind := w[0] | 0x20
			p.Stdin = kind == w[0] && kind != 'w'
			p.Reads, p.Writes, p.Ended = kind != 'w', kind == 'w' || kind == 'b', kind == 'e' || kind == 'u'
			if kind == 'u' {
				p.Unread = 10
			}
			a.Pipes = append(a.Pipes, p)
		}
		list = append(list, a)
	}
	return newFlow(list)
}

func numberOf(s string) (n int) {
	for _, c := range s {
		n = n*10 + int(c-'0')
	}
	return n
}

func pids(f *flow, s set) (list []int) {
	for i := range s {
		list = append(list, f.list[i].PID)
	}
	slices.Sort(list)
	return list
}

// TestWaiting: who is not sent the stop signal yet.
func TestWaiting(t *testing.T) {
	for name, c := range map[string]struct {
		scene []string
		want  []int
	}{
		"strangers":                         {[]string{"2<1", "3<1 r7", "4<1 w8"}, nil},
		"a reader":                          {[]string{"2<1 r7", "3<1 w7"}, []int{2}},
		"readers in a row":                  {[]string{"2<1 r8", "3<1 r7 w8", "4<1 w7"}, []int{2, 3}},
		"what a reader has started":         {[]string{"2<1 r7", "5<2", "6<5", "3<1 w7"}, []int{2, 5, 6}},
		"a reader that could write":         {[]string{"2<1 b7", "3<1 w7"}, nil},
		"both ends, alone":                  {[]string{"2<1 b7"}, nil},
		"each the other's":                  {[]string{"2<1 r7 w8", "3<1 r8 w7"}, nil},
		"behind two that wait for another":  {[]string{"2<1 r7 w8 w9", "3<1 r8 w7", "4<1 r9"}, []int{4}},
		"two that wait, behind one":         {[]string{"2<1 r7 w8 r9", "3<1 r8 w7", "4<1 w9"}, []int{2, 3}},
		"a supervisor of its writers":       {[]string{"2<1 r7", "3<2 w7", "4<3 w7"}, nil},
		"a supervisor, and what reads that": {[]string{"2<1 r7 w8", "3<2 w7", "4<1 r8"}, []int{4}},
		"popen":                             {[]string{"2<1 w7", "3<2 r7"}, []int{3}},
		"one reader of two":                 {[]string{"2<1 w7", "3<1 w8", "4<1 r7 r8"}, []int{4}},
		"one that may not read at all":      {[]string{"2<1 R7", "3<1 w7"}, nil},
		"numbers in a circle":               {[]string{"2<3 r7", "3<2 w7"}, nil},
	} {
		f := scene(c.scene...)
		if got := pids(f, f.waiting()); !slices.Equal(got, c.want) {
			t.Errorf("%s: %v wait, want %v", name, got, c.want)
		}
	}
}

// TestDraining: who goes on because of one that drains a pipe.
func TestDraining(t *testing.T) {
	for name, c := range map[string]struct {
		scene []string
		want  []int
	}{
		"nobody drains":               {[]string{"2<1 r7", "3<1 w7"}, nil},
		"it alone":                    {[]string{"2<1 e7", "3<1"}, []int{2}},
		"who reads what it writes":    {[]string{"2<1 e7 w8", "3<1 r8 w9", "4<1 r9", "5<1"}, []int{2, 3, 4}},
		"what it has started":         {[]string{"2<1 e7", "3<2", "4<3"}, []int{2, 3, 4}},
		"what a shell has in a row":   {[]string{"2<1", "3<2 e7", "4<2"}, []int{2, 3}},
		"one that may not read":       {[]string{"2<1 E7"}, []int{2}},
		"one that has something left": {[]string{"2<1 U7"}, []int{2}},
		"not the shell's other child": {[]string{"2<1 w9", "3<2 u7", "4<2 r9"}, []int{2, 3}},
	} {
		f, p := scene(c.scene...), patience{}
		p.begin(&Job{}, false, start)
		if got := pids(f, p.goOn(f, start)); !slices.Equal(got, c.want) {
			t.Errorf("%s: %v go on, want %v", name, got, c.want)
		}
	}
}

// TestBehind: whom a stop signal for everybody else spares while the leader, 2, lives.
func TestBehind(t *testing.T) {
	for name, c := range map[string]struct {
		scene []string
		want  []int
	}{
		"a pipeline of the leader's": {[]string{"2<1", "3<2 w7", "4<2 r7 w8", "5<2 r8"}, nil},
		"its output": {[]string{"2<1 w7", "3<2 w7", "4<2 r7 w8", "5<4",
			"6<2 r8"}, []int{4, 5, 6}},
		"one that it talks with":                        {[]string{"2<1 w7 r8", "3<2 r7 w8"}, nil},
		"children that have just been born":             {[]string{"2<1 w7", "3<2 ! R7 w7", "4<2 R7 w7"}, []int{3}},
		"children of one that has a FIFO open for both": {[]string{"2<1 B7", "3<2 ! B7"}, nil},
		"children that have it":                         {[]string{"2<1 w7", "3<2 R7"}, nil},
		"no leader":                                     {[]string{"3<1 r7"}, nil},
		"one that drains something else":                {[]string{"2<1", "3<2 u7"}, nil},
	} {
		f := scene(c.scene...)
		if got := pids(f, f.behind(2)); !slices.Equal(got, c.want) {
			t.Errorf("%s: %v, want %v", name, got, c.want)
		}
	}
}

func TestIDs(t *testing.T) {
	f := scene("2<1", "3<1")
	if got := slices.Collect(maps.Keys(ids(f.list, set{1: true}))); len(got) != 1 || got[0] != f.list[1].ID() {
		t.Errorf("%v", got)
	}
}

// However many read from each other, a look is thought about for a bounded time only.
func TestOverrun(t *testing.T) {
	var lines []string
	for i := range 400 {
		line := fmt.Sprintf("%d<1", 1000+i)
		for j := range 400 {
			line += fmt.Sprintf(" w%d", 5000+j)
		}
		lines = append(lines, line+fmt.Sprintf(" r%d", 5000+i))
	}
	f := scene(lines...)
	if f.waiting(); !f.overrun() {
		t.Error("it was thought about to the end")
	}
	if f := scene("2<1 r7", "3<1 w7"); len(f.waiting()) != 1 || f.overrun() {
		t.Error("two processes are too many")
	}
}
