package main

import (
	"io"
	"os"

	"lastout/cmd/lastout/internal/fdwrite"
	"lastout/jobs/terminal"
)

// writeUntil writes what lastout has to say. That it cannot be written is nobody's business. Who
// reads is waited for until ended is closed; nil is for ever.
func writeUntil(w io.Writer, text string, ended <-chan struct{}) {
	f, ok := w.(*os.File)
	switch {
	case !ok:
		_, _ = io.WriteString(w, text)
	case ended == nil || len(text) <= fdwrite.AtOnce && ready(f):
		_ = writeFile(f, []byte(text))
	default:
		_ = fdwrite.Until(ended, func() error { return writeFile(f, []byte(text)) })
	}
}

func ready(f *os.File) (now bool) {
	raw, err := f.SyscallConn()
	if err == nil {
		err = raw.Control(func(fd uintptr) { now = fdwrite.Ready(int(fd)) })
	}
	return now || err != nil
}

// writeFile makes the system call itself: the runtime makes a SIGPIPE of its own out of EPIPE. That
// which the kernel sends is known to be ours by its sender. In the background of a terminal it is
// not stopped for writing (stty tostop).
func writeFile(f *os.File, b []byte) error {
	raw, err := f.SyscallConn()
	if err == nil {
		_ = raw.Control(func(fd uintptr) { terminal.Undisturbed(func() { err = fdwrite.All(int(fd), b) }) })
	}
	return err
}
