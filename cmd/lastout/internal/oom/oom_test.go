package oom

import "testing"

func TestParse(t *testing.T) {
	for _, c := range []struct {
		name, text string
		kills      uint64
		ok         bool
	}{
		{"version 2", "low 0\nhigh 0\nmax 181\noom 3\noom_kill 2\noom_group_kill 0\n", 2, true},
		{"version 1", "oom_kill_disable 0\nunder_oom 0\noom_kill 1\n", 1, true},
		{"none yet", "oom_kill_disable 0\nunder_oom 0\noom_kill 0\n", 0, true},
		{"before Linux 4.13", "oom_kill_disable 0\nunder_oom 0\n", 0, false},
		{"only names that begin so", "oom 3\noom_kill_disable 0\noom_group_kill 4\n", 0, false},
		{"no number", "oom_kill many\n", 0, false},
		{"negative", "oom_kill -1\n", 0, false},
		{"empty", "", 0, false},
	} {
		if kills, ok := parse(c.text); kills != c.kills || ok != c.ok {
			t.Errorf("%s: %d, %v; want %d, %v", c.name, kills, ok, c.kills, c.ok)
		}
	}
}

func FuzzParse(f *testing.F) {
	f.Add("oom 3\noom_kill 2\noom_group_kill 0\n")
	f.Fuzz(func(t *testing.T, text string) {
		if kills, ok := parse(text); !ok && kills != 0 {
			t.Errorf("%d, but no count", kills)
		}
	})
}

func TestString(t *testing.T) {
	const where = " in its cgroup (oom_kill in /sys/fs/cgroup/memory.events)"
	for kills, want := range map[uint64]string{
		1: "the out-of-memory killer has struck once" + where,
		7: "the out-of-memory killer has struck 7 times" + where,
	} {
		if got := (Count{kills, "/sys/fs/cgroup/memory.events"}).String(); got != want {
			t.Errorf("%q, want %q", got, want)
		}
	}
}
