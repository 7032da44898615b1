//go:build !linux

package main

import (
	"fmt"
	"io"
	"runtime"
)

func doctor(w io.Writer) (status int, err error) {
	_, err = fmt.Fprintf(w, "lost  %s: lastout needs Linux, and runs nothing here\n", runtime.GOOS)
	return statusUnwell, err
}
