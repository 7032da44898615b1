//go:build linux

package main

import (
	"fmt"
	"io"
	"os"
	"runtime"
	"strconv"
	"strings"
	"time"

	"golang.org/x/sys/unix"
)

// tooBusy is the load above which figures are not to be trusted.
const tooBusy = 0.5

// Machine is what the figures were taken on.
type Machine struct {
	Processor string    `json:"processor"`
	Count     int       `json:"count"`
	Memory    int       `json:"memoryMiB"`
	Kernel    string    `json:"kernel"`
	Go        string    `json:"go"`
	Load      float64   `json:"load"` // the mean of the last minute, before the run
	Autogroup bool      `json:"autogroup"`
	Lastout   string    `json:"lastout"`
	Started   time.Time `json:"started"`
}

func thisMachine() Machine {
	cpuinfo, _ := os.ReadFile("/proc/cpuinfo")
	meminfo, _ := os.ReadFile("/proc/meminfo")
	loadavg, _ := os.ReadFile("/proc/loadavg")
	autogroup, _ := os.ReadFile("/proc/sys/kernel/sched_autogroup_enabled")
	load, _, _ := strings.Cut(string(loadavg), " ")
	m := Machine{
		Processor: field(string(cpuinfo), "model name"),
		Count:     runtime.NumCPU(),
		Memory:    kibibytes(string(meminfo), "MemTotal") / 1024,
		Go:        runtime.Version(),
		Autogroup: strings.TrimSpace(string(autogroup)) == "1",
		Started:   time.Now(),
	}
	m.Load, _ = strconv.ParseFloat(load, 64)
	var u unix.Utsname
	if unix.Uname(&u) == nil {
		m.Kernel = unix.ByteSliceToString(u.Sysname[:]) + " " + unix.ByteSliceToString(u.Release[:]) + " " +
			unix.ByteSliceToString(u.Machine[:])
	}
	return m
}

func (m Machine) write(w io.Writer) {
	processor := m.Processor
	if processor == "" {
		processor = "unnamed processor"
	}
	autogroup := "no autogroup"
	if m.Autogroup {
		autogroup = "autogroup"
	}
	fmt.Fprintf(w, "on       %d x %s, %d MiB, %s, %s, %s\n", m.Count, processor, m.Memory, m.Kernel, autogroup, m.Go)
	fmt.Fprintf(w, "at       %s, load before the run %.2f\n", m.Started.Format(time.DateTime), m.Load)
	if m.Load > tooBusy {
		fmt.Fprintf(w, "WARNING  a load above %.1f: something else was running, and the figures are not to be trusted\n", tooBusy)
	}
	fmt.Fprintf(w, "of       %s\n", m.Lastout)
}

// field returns the value of the first line "name : value".
func field(text, name string) string {
	for line := range strings.Lines(text) {
		key, value, ok := strings.Cut(line, ":")
		if ok && strings.TrimSpace(key) == name {
			return strings.TrimSpace(value)
		}
	}
	return ""
}

// kibibytes returns the value of the first line "name: value kB", 0 where there is none.
func kibibytes(text, name string) int {
	n, _ := strconv.Atoi(strings.TrimSuffix(field(text, name), " kB"))
	return n
}
