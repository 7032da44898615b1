//go:build unix

package main

import (
	"syscall"

	"golang.org/x/sys/unix"
)

func signalNumber(name string) syscall.Signal { return unix.SignalNum(name) }
