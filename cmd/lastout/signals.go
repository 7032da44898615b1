package main

import (
	"fmt"
	"strconv"
	"strings"
	"syscall"

	"lastout/cmd/lastout/internal/signame"
)

const (
	sigRTMin = signame.RTMin
	sigRTMax = signame.RTMax
)

// unignorable are those that os/signal cannot ignore: PROF is the Go runtime's own, 32 to 34 are
// the C library's, the others stand for faults.
func unignorable(sig syscall.Signal) bool {
	switch sig {
	case 4, 5, 7, 8, 16, 27, 31, 32, 33, 34:
		return true
	}
	return false
}

// parseSignal reads a signal: TERM, SIGTERM, term, 15, RTMIN+3; 0 for none.
func parseSignal(s string) (syscall.Signal, error) {
	if n, err := strconv.Atoi(s); err == nil {
		if n < 0 || n > sigRTMax || n == 32 || n == 33 {
			return 0, fmt.Errorf("no such signal: %s", s)
		}
		return syscall.Signal(n), nil
	}
	name := strings.TrimPrefix(strings.ToUpper(s), "SIG")
	if n := signalNumber("SIG" + name); n != 0 {
		return n, nil
	}
	for base, number := range map[string]int{"RTMIN": sigRTMin, "RTMAX": sigRTMax} {
		rest, ok := strings.CutPrefix(name, base)
		if !ok {
			continue
		}
		offset, err := 0, error(nil)
		if rest != "" {
			offset, err = strconv.Atoi(rest)
		}
		if n := number + offset; err == nil && n >= sigRTMin && n <= sigRTMax {
			return syscall.Signal(n), nil
		}
	}
	return 0, fmt.Errorf("no such signal: %s", quoted(s))
}

// signalName is the short name of a signal.
func signalName(sig syscall.Signal) string {
	if sig == 0 {
		return "0"
	}
	return signame.Of(sig)
}
