//go:build unix

// Package signame names signals.
package signame

import (
	"fmt"
	"strconv"
	"strings"
	"syscall"

	"golang.org/x/sys/unix"
)

// Real-time signals as the C library numbers them: it keeps the kernel's first two for itself
// (signal(7)).
const (
	RTMin = 34
	RTMax = 64
)

// Of returns the short name of a signal: TERM, RTMIN+3; its number where it has none.
func Of(sig syscall.Signal) string {
	if name := unix.SignalName(sig); name != "" {
		return strings.TrimPrefix(name, "SIG")
	}
	if sig >= RTMin && sig <= RTMax {
		return fmt.Sprintf("RTMIN+%d", int(sig)-RTMin)
	}
	return strconv.Itoa(int(sig))
}
