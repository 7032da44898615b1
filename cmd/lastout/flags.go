package main

import (
	"errors"
	"fmt"
	"math"
	"strconv"
	"strings"
	"syscall"
	"time"

	"lastout/jobs"
)

// duration is a flag's value: as in Go (1m30s), or as timeout(1) takes it (30, 1.5, 2d).
type duration struct {
	d       time.Duration
	set     bool
	forever bool // may be "forever"
}

func (v *duration) Type() string { return "duration" }

func (v *duration) String() string {
	if v.d == jobs.Forever {
		return "forever"
	}
	return v.d.String()
}

func (v *duration) Set(s string) error {
	d, err := parseDuration(s)
	if v.forever && s == "forever" {
		d, err = jobs.Forever, nil
	}
	if err != nil {
		return err
	}
	v.d, v.set = d, true
	return nil
}

var errDuration = errors.New("want a duration such as 30, 1.5, 90s or 1m30s")

func parseDuration(s string) (time.Duration, error) {
	d, err := time.ParseDuration(s)
	if err != nil {
		number, unit := s, time.Second
		if n, ok := strings.CutSuffix(s, "d"); ok {
			number, unit = n, 24*time.Hour
		}
		f, err := strconv.ParseFloat(number, 64)
		if err != nil || math.IsNaN(f) || strings.ContainsAny(number, "xXpP_") {
			return 0, errDuration
		}
		f *= float64(unit)
		if math.Abs(f) >= math.MaxInt64 {
			return 0, errors.New("the duration is too long")
		}
		d = time.Duration(f)
	}
	if d < 0 {
		return 0, errors.New("a duration cannot be negative")
	}
	return d, nil
}

// signalValue is a flag's value: a signal by name or number.
type signalValue struct{ sig syscall.Signal }

func (v *signalValue) Type() string { return "signal" }

func (v *signalValue) String() string { return signalName(v.sig) }

func (v *signalValue) Set(s string) error {
	sig, err := parseSignal(s)
	if err == nil && sig == 0 {
		err = errors.New("0 is no signal")
	}
	if err == nil {
		v.sig = sig
	}
	return err
}

// signalList is a repeatable flag's value.
type signalList []syscall.Signal

func (v *signalList) Type() string { return "signal" }

func (v *signalList) String() string { return "" }

func (v *signalList) Set(s string) error {
	for name := range strings.SplitSeq(s, ",") {
		var one signalValue
		if err := one.Set(name); err != nil {
			return err
		}
		switch {
		case one.sig == syscall.SIGKILL || one.sig == syscall.SIGSTOP:
			return fmt.Errorf("%s cannot be ignored", signalName(one.sig))
		case one.sig == syscall.SIGCHLD || unignorable(one.sig):
			return fmt.Errorf("%s cannot be ignored by lastout, which needs it itself", signalName(one.sig))
		}
		*v = append(*v, one.sig)
	}
	return nil
}

// rewrites is the value of --rewrite: what a signal is forwarded as; 0 drops it.
type rewrites map[syscall.Signal]syscall.Signal

func (v rewrites) Type() string { return "from:to" }

func (v rewrites) String() string { return "" }

func (v rewrites) Set(s string) error {
	for pair := range strings.SplitSeq(s, ",") {
		from, to, ok := strings.Cut(pair, ":")
		if !ok {
			return errors.New("want FROM:TO, such as TERM:QUIT, or TERM:0 to drop it")
		}
		f, err := parseSignal(from)
		if err != nil {
			return err
		}
		t, err := parseSignal(to)
		if err != nil {
			return err
		}
		if f == 0 || f == syscall.SIGKILL || f == syscall.SIGSTOP {
			return fmt.Errorf("%s never reaches lastout", from)
		}
		if old, known := v[f]; known && old != t {
			return fmt.Errorf("%s is rewritten twice, to %s and to %s", signalName(f), signalName(old), signalName(t))
		}
		v[f] = t
	}
	return nil
}

// statuses is the value of --expect: exit statuses that count as success.
type statuses map[int]bool

func (v statuses) Type() string { return "status" }

func (v statuses) String() string { return "" }

func (v statuses) Set(s string) error {
	for code := range strings.SplitSeq(s, ",") {
		n, err := strconv.Atoi(code)
		if err != nil || n < 0 || n > 255 {
			return errors.New("want an exit status from 0 to 255")
		}
		v[n] = true
	}
	return nil
}

// choice is a flag's value: one of some words.
type choice struct {
	word string
	of   []string
}

func (v *choice) Type() string { return strings.Join(v.of, "|") }

func (v *choice) String() string { return v.word }

func (v *choice) Set(s string) error {
	for _, w := range v.of {
		if s == w {
			v.word = s
			return nil
		}
	}
	return fmt.Errorf("want %s", strings.Join(v.of, " or "))
}

// leakStatus is the value of --fail-on-leak: the status of a command that succeeded but left
// processes behind; 0: that is no failure.
type leakStatus struct{ status int }

func (v *leakStatus) Type() string { return "status" }

func (v *leakStatus) String() string { return strconv.Itoa(v.status) }

// Set takes true and false, too: the flag had no other values at first.
func (v *leakStatus) Set(s string) error {
	n, err := strconv.Atoi(s)
	if on, boolErr := strconv.ParseBool(s); err != nil && boolErr == nil {
		n, err = 0, nil
		if on {
			n = statusLeak
		}
	}
	if err != nil || n < 0 || n > 255 {
		return errors.New("want an exit status from 1 to 255, or 0 for none")
	}
	v.status = n
	return nil
}

// filename is a flag's value: the name of a file; "" where it was not given.
type filename string

func (v *filename) Type() string { return "file" }

func (v *filename) String() string { return string(*v) }

func (v *filename) Set(s string) error {
	if s == "" {
		return errors.New("want the name of a file, or fd:N")
	}
	*v = filename(s)
	return nil
}
