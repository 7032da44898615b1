package main

import (
	"errors"
	"fmt"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"time"

	"lastout/cmd/lastout/internal/holdback"

	"github.com/spf13/pflag"
)

// unattended is what is to be done around a run that nobody watches: a line of cron, a timer.
type unattended struct {
	lock         pathname
	lockWait     duration
	lockStatus   exitStatus
	quietSuccess bool
	tail         tail
	holdLimit    byteSize
	retries      retries
	retryDelay   duration
	retryOn      statuses
	jitter       duration
	metrics      filename
	name         string
	onStart      hookLine
	onSuccess    hookLine
	onFailure    hookLine
	onLeak       hookLine
	hookTimeout  duration
	log          pathname

	given func(flag string) bool // on the command line
}

func (u *unattended) defaults() {
	u.given = func(string) bool { return false }
	u.lockWait.forever = true
	u.lockStatus = statusLocked
	u.retryDelay.d = time.Second
	u.retryOn = statuses{}
	u.hookTimeout.d = 30 * time.Second
}

func (u *unattended) addFlags(f *pflag.FlagSet) {
	u.given = f.Changed
	f.Var(&u.lock, "lock", "run only while holding the lock of this file; it is held until every descendant is gone")
	f.Var(&u.lockWait, "lock-wait", "wait this long for the lock, or forever")
	f.Var(&u.lockStatus, "lock-status", "exit status where somebody else holds the lock")
	f.BoolVar(&u.quietSuccess, "quiet-success", false,
		"hold the output back, and show it only if the command fails, times out or leaks")
	f.Var(&u.tail, "tail", "with --quiet-success, show only so many lines (200) or bytes (10k, 1M) of the end")
	f.Var(&u.holdLimit, "hold-limit",
		"with --quiet-success, keep no more than the last so many bytes (10k, 1M) of the output; with --log, write no more")
	f.Var(&u.retries, "retry", "run a command that fails up to N times more")
	f.Var(&u.retryDelay, "retry-delay", "wait this long before the second attempt, and twice as long before each other")
	f.Var(u.retryOn, "retry-on",
		"retry after these exit statuses only, 128+n for signal n (repeatable; default any but 0 and 125 to 127)")
	f.Var(&u.jitter, "jitter", "wait a random time, up to this, before the start")
	f.Var(&u.metrics, "metrics", "write what became of the run to FILE.prom, for Prometheus' node_exporter")
	f.StringVar(&u.name, "name", "",
		"what the run is called in metrics, logs and hooks (default the command's base name)")
	f.Var(&u.onStart, "on-start", "run this command line before the command")
	f.Var(&u.onSuccess, "on-success", "run this command line when the command has succeeded")
	f.Var(&u.onFailure, "on-failure", "run this command line when the command has failed")
	f.Var(&u.onLeak, "on-leak", "run this command line when the command has left processes behind")
	f.Var(&u.hookTimeout, "hook-timeout", "stop such a command line after this time")
	f.Var(&u.log, "log", "append what happens to FILE as JSON lines, or send it to journal or syslog")
}

// asked reports whether anything of it is wanted.
func (u *unattended) asked() bool {
	return u.lock != "" || u.quietSuccess || u.retries > 0 || u.jitter.d > 0 || u.metrics != "" || u.hooks() ||
		u.log != ""
}

func (u *unattended) hooks() bool {
	return u.onStart != "" || u.onSuccess != "" || u.onFailure != "" || u.onLeak != ""
}

// check refuses flags that do nothing alone. Variables may be set for many commands, and are not
// looked at.
func (u *unattended) check() error {
	for _, c := range []struct {
		flag, needs string
		there       bool
	}{
		{"lock-wait", "--lock", u.lock != ""},
		{"lock-status", "--lock", u.lock != ""},
		{"tail", "--quiet-success", u.quietSuccess},
		{"hold-limit", "--quiet-success or --log", u.quietSuccess || u.log != ""},
		{"retry-delay", "--retry", u.retries > 0},
		{"retry-on", "--retry", u.retries > 0},
		{"hook-timeout", "one of --on-start, --on-success, --on-failure and --on-leak", u.hooks()},
	} {
		if !c.there && u.given(c.flag) {
			return usageError{fmt.Errorf("--%s does nothing without %s", c.flag, c.needs)}
		}
	}
	return nil
}

// interruptedError says that lastout was asked to end while no command ran.
type interruptedError struct{ sig syscall.Signal }

func (e interruptedError) Error() string { return "ended by " + signalName(e.sig) }

// label is what the run is called where it has one name in many runs.
func (o *options) label() string {
	if o.unattended.name != "" {
		return o.unattended.name
	}
	command := o.job.Args[0]
	if words := strings.Fields(o.line); o.lineGiven && len(words) > 0 {
		command = words[0]
	}
	return filepath.Base(command)
}

// exitStatus is a flag's value.
type exitStatus int

func (v *exitStatus) Type() string { return "status" }

func (v *exitStatus) String() string { return strconv.Itoa(int(*v)) }

func (v *exitStatus) Set(s string) error {
	n, err := strconv.Atoi(s)
	if err != nil || n < 0 || n > 255 {
		return errors.New("want an exit status from 0 to 255")
	}
	*v = exitStatus(n)
	return nil
}

// pathname is a flag's value: the name of a file; "" where it was not given.
type pathname string

func (v *pathname) Type() string { return "file" }

func (v *pathname) String() string { return string(*v) }

func (v *pathname) Set(s string) error {
	if s == "" {
		return errors.New("want the name of a file")
	}
	*v = pathname(s)
	return nil
}

// retries is a flag's value: a number.
type retries int

func (v *retries) Type() string { return "N" }

func (v *retries) String() string { return strconv.Itoa(int(*v)) }

func (v *retries) Set(s string) error {
	n, err := strconv.ParseUint(s, 10, 31)
	if err != nil {
		return errors.New("want a number, such as 3")
	}
	*v = retries(n)
	return nil
}

// tail is a flag's value: lines or bytes.
type tail struct{ holdback.Tail }

func (v *tail) Type() string { return "lines|bytes" }

func (v *tail) Set(s string) (err error) {
	v.Tail, err = holdback.ParseTail(s)
	return err
}

// byteSize is a flag's value: a number of bytes. 0 is no limit.
type byteSize int64

func (v *byteSize) Type() string { return "bytes" }

func (v *byteSize) String() string { return holdback.Tail{Bytes: int64(*v)}.String() }

func (v *byteSize) Set(s string) error {
	t, err := holdback.ParseTail(s)
	if err != nil || t.Bytes == 0 {
		return errors.New("want a number of bytes, such as 512b, 10k or 1M")
	}
	*v = byteSize(t.Bytes)
	return nil
}

// hookLine is a flag's value: a command line.
type hookLine string

func (v *hookLine) Type() string { return "line" }

func (v *hookLine) String() string { return string(*v) }

func (v *hookLine) Set(s string) error {
	if strings.TrimSpace(s) == "" {
		return errors.New("want a command line")
	}
	*v = hookLine(s)
	return nil
}
