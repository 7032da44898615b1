package main

import (
	"fmt"
	"math"
	"os"
	"strconv"
	"strings"

	"lastout/jobs/cgroup"

	"golang.org/x/sys/unix"
)

// limits tells what the job, and lastout with it, can come up against.
func (d *diagnosis) limits() {
	d.rlimit("processes", unix.RLIMIT_NPROC, "RLIMIT_NPROC, for all of this user together")
	d.rlimit("descriptors", unix.RLIMIT_NOFILE, "the hard RLIMIT_NOFILE; the command's soft one is its caller's")
	if !d.proc {
		return
	}
	d.found(fine, "machine", "%s process ids, %s threads (kernel.pid_max, kernel.threads-max)",
		word(read("/proc/sys/kernel/pid_max")), word(read("/proc/sys/kernel/threads-max")))
	d.cgroupLimit("pids", "pids.max", "pids.max", func(n int64) string { return fmt.Sprintf("%d threads", n) },
		"lastout and its keeper take some of them")
	d.cgroupLimit("memory", "memory.limit_in_bytes", "memory.max",
		func(n int64) string { return fmt.Sprintf("%d MiB", n>>20) },
		"the out-of-memory killer may choose lastout, and then the keeper ends the job")
}

func (d *diagnosis) rlimit(name string, resource int, what string) {
	var limit unix.Rlimit
	switch err := unix.Getrlimit(resource, &limit); {
	case err != nil:
		d.found(note, name, "getrlimit: %v", err)
	case limit.Max == unix.RLIM_INFINITY:
		d.found(fine, name, "no limit (%s)", what)
	default:
		d.found(fine, name, "%d (%s)", limit.Max, what)
	}
}

// cgroupLimit tells the tightest limit of our cgroup and those above it, in the hierarchy that has
// the controller.
func (d *diagnosis) cgroupLimit(controller, legacyFile, file string, amount func(int64) string, so string) {
	name := "cgroup " + controller
	place, err := cgroup.Own(controller)
	if err == nil {
		file = legacyFile
	} else if place, err = cgroup.Own(""); err != nil {
		d.found(fine, name, "no limit that can be seen (%v)", err)
		return
	}
	limit, where := int64(math.MaxInt64), ""
	for _, dir := range place.Up() {
		if n, ok := parseLimit(read(dir + "/" + file)); ok && n < limit {
			limit, where = n, dir+"/"+file
		}
	}
	if where == "" {
		d.found(fine, name, "no limit")
		return
	}
	d.found(note, name, "%s (%s): %s", amount(limit), where, so)
}

// unlimited is what a limit of bytes may be called in version 1: the greatest number of bytes, down
// to a page.
const unlimited = math.MaxInt64 - 1<<20

// parseLimit reads a limit of a cgroup (pids.max, memory.max, memory.limit_in_bytes); false where
// there is none.
func parseLimit(text string) (int64, bool) {
	n, err := strconv.ParseInt(strings.TrimSpace(text), 10, 64)
	return n, err == nil && n >= 0 && n < unlimited
}

// privileges tells what has been taken from us, and so from the job.
func (d *diagnosis) privileges() {
	if !mayKill() {
		d.found(note, "signals",
			"no CAP_KILL: a set-user-ID program that has changed its user is named and awaited; --no-new-privs keeps the command from starting any")
	}
	if !d.proc {
		return
	}
	status := read("/proc/self/status")
	switch statusField(status, "Seccomp") {
	case "0":
		d.found(fine, "seccomp", "none")
	case "":
		d.found(fine, "seccomp", "not in this kernel")
	default:
		d.found(note, "seccomp", "system calls are filtered; the lines above are what came through")
	}
	if statusField(status, "NoNewPrivs") == "1" {
		d.found(note, "no_new_privs", "set: the command cannot gain privileges")
	} else {
		d.found(fine, "no_new_privs", "not set")
	}
}

// mayKill reports whether we may signal whom we like (capabilities(7)).
func mayKill() bool {
	header := unix.CapUserHeader{Version: unix.LINUX_CAPABILITY_VERSION_3}
	var data [2]unix.CapUserData
	return unix.Capget(&header, &data[0]) == nil && data[0].Effective&(1<<unix.CAP_KILL) != 0
}

// statusField returns a field of /proc/PID/status (proc_pid_status(5)), "" where it is missing.
func statusField(status, name string) string {
	for line := range strings.Lines(status) {
		if value, ok := strings.CutPrefix(line, name+":"); ok {
			return strings.TrimSpace(value)
		}
	}
	return ""
}

// word is for what a file held.
func word(text string) string {
	if text = strings.TrimSpace(text); text == "" {
		return "unknown"
	}
	return text
}

// read returns what a file holds, "" where that cannot be known.
func read(path string) string {
	data, _ := os.ReadFile(path)
	return string(data)
}
