package jobs

import (
	"fmt"
	"testing"
	"time"
)

var start = time.Unix(1_700_000_000, 0)

// frame is one look: a scene, and who is busy in it. nil is everybody.
type frame struct {
	scene []string
	busy  []int
}

func (f frame) look() *flow {
	look := scene(f.scene...)
	for _, pid := range f.busy {
		look.list[look.byPID[pid]].Busy = true
	}
	return look
}

// still is a film of one frame.
func still(f frame) func(int) frame { return func(int) frame { return f } }

// crowdOf is n processes that are busy, with pipes.
func crowdOf(n int, pipes string) (f frame) {
	for i := range n {
		f.scene = append(f.scene, fmt.Sprintf("%d<1 %s", 1000+i, pipes))
		f.busy = append(f.busy, 1000+i)
	}
	return f
}

// watch lets a patience see a film, a frame every 10 ms, until it knows what to think.
func watch(job *Job, asked bool, film func(n int) frame) (got outlook, after time.Duration) {
	var p patience
	p.begin(job, asked, start)
	for n := range 1000 {
		now := start.Add(time.Duration(n) * 10 * time.Millisecond)
		f := film(n).look()
		active := p.see(f.list, 0, now, func(seen) {})
		if !p.worthPipes(active, now) {
			continue
		}
		if got := p.judge(f, active, now); got != unsettled {
			return got, p.elapsed(now)
		}
	}
	return unsettled, 0
}

func TestSettling(t *testing.T) {
	busy := still(frame{[]string{"2<1"}, []int{2}})
	for name, c := range map[string]struct {
		job   Job
		asked bool
		film  func(n int) frame
		want  outlook
		after time.Duration // give or take a frame
	}{
		"idle": {Job{}, false, still(frame{scene: []string{"2<1", "3<1"}}), atRest,
			20 * time.Millisecond},
		"busy":                        {Job{}, false, busy, tooLong, 2 * time.Second},
		"busy, for as long as it may": {Job{Settle: time.Second}, false, busy, tooLong, time.Second},
		"drains": {Job{}, false, still(frame{scene: []string{"2<1 u7"}}), atRest,
			5 * time.Second},
		"drains, for as long as it may": {Job{Grace: time.Second}, false,
			still(frame{scene: []string{"2<1 e7"}}), atRest, 2 * time.Second},
		"drains, and another is busy": {Job{}, false, still(frame{[]string{"2<1 u7", "3<1"}, []int{3}}),
			tooLong, 2 * time.Second},
		"drains, and its own is busy": {Job{}, false, still(frame{[]string{"2<1 u7", "3<2"}, []int{3}}),
			tooLong, 5 * time.Second},
		"has an end that it does not read": {Job{}, false, still(frame{scene: []string{"2<1 E7"}}), atRest,
			time.Second},
		"and something is in it": {Job{}, false, still(frame{scene: []string{"2<1 U7"}}), atRest,
			time.Second},
		"is done after a while": {Job{}, false, func(n int) frame {
			if n < 30 {
				return frame{[]string{"2<1 u7", "3<1"}, []int{2}}
			}
			return frame{scene: []string{"3<1"}}
		}, atRest, 320 * time.Millisecond},
		"works now and then": {Job{}, false, func(n int) frame {
			if n%5 == 0 && n < 20 {
				return frame{[]string{"2<1"}, []int{2}}
			}
			return frame{scene: []string{"2<1"}}
		}, atRest, 20 * time.Millisecond},
		"somebody waits for the end, one drains": {Job{}, true, still(frame{scene: []string{"2<1 u7"}}),
			tooLong, 20 * time.Millisecond},
		"somebody waits for the end, one is busy": {Job{Grace: time.Second}, true, busy, tooLong,
			500 * time.Millisecond},
		"they multiply": {Job{}, false, func(n int) frame { return crowdOf(20*(n+1), "") },
			swarms, 40 * time.Millisecond},
		"they multiply, and drain": {Job{}, false,
			func(n int) frame { return crowdOf(20*(n+1), "e7") }, swarms, 40 * time.Millisecond},
		"a crowd that does not get smaller":  {Job{}, false, still(crowdOf(100, "")), swarms, 50 * time.Millisecond},
		"such a crowd that drains":           {Job{}, false, still(crowdOf(100, "e7")), swarms, 500 * time.Millisecond},
		"such a crowd that has much to read": {Job{}, false, still(crowdOf(100, "u7")), tooLong, 5 * time.Second},
		"a crowd that gets smaller": {Job{}, false, func(n int) frame { return crowdOf(400-n, "") },
			tooLong, 2 * time.Second},
	} {
		t.Run(name, func(t *testing.T) {
			got, after := watch(&c.job, c.asked, c.film)
			if got != c.want || after > c.after+10*time.Millisecond || after < c.after-10*time.Millisecond {
				t.Errorf("outlook %d after %v, want %d after %v", got, after, c.want, c.after)
			}
		})
	}
}

// Where our caller does not read, those that drain cannot go on, and that is not their time.
func TestHold(t *testing.T) {
	var p patience
	p.begin(&Job{}, false, start)
	f := frame{scene: []string{"2<1 u7"}}.look()
	for n := range 1000 {
		now := start.Add(time.Duration(n) * 10 * time.Millisecond)
		if n > 100 {
			p.hold(now)
		}
		active := p.see(f.list, 0, now, func(seen) {})
		if got := p.judge(f, active, now); got != unsettled {
			t.Fatalf("outlook %d after %d frames", got, n)
		}
	}
	if got := p.elapsed(start.Add(9990 * time.Millisecond)); got != time.Second {
		t.Errorf("%v have elapsed, want those before anything was held", got)
	}
}

// A look is not repeated at once if it takes long.
func TestRest(t *testing.T) {
	var p patience
	p.begin(&Job{}, false, start)
	for _, want := range []time.Duration{1, 2, 4, 8, 16, 20, 20} {
		if got := p.rest(start.Add(time.Second), 0); got != want*time.Millisecond {
			t.Errorf("%v, want %d ms", got, want)
		}
	}
	if got := p.rest(start.Add(15*time.Millisecond), 0); got != 6*time.Millisecond {
		t.Errorf("%v where all have done nothing for 15 ms", got)
	}
	if got := p.rest(start.Add(time.Second), time.Second); got != time.Second {
		t.Errorf("%v after a look of a second", got)
	}
}
