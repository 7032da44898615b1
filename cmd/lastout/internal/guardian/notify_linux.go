package guardian

import (
	"os"
	"os/signal"
	"syscall"

	"golang.org/x/sys/unix"
)

// notify receives signals by os/signal, where nothing ran before the runtime. It does not tell who
// has sent them.
func notify(r *receiver) {
	received := make(chan os.Signal, 256)
	for sig := syscall.Signal(1); sig <= 64; sig++ {
		switch sig {
		case unix.SIGKILL, unix.SIGSTOP, unix.SIGCHLD, unix.SIGURG, unix.SIGPIPE, unix.SIGPROF, 32, 33, 34:
			continue // nobody's, the runtime's own, and those of its own writing
		}
		if !signal.Ignored(sig) { // asking for it would end that, for the command, too
			signal.Notify(received, sig)
		}
	}
	go func() {
		for sig := range received {
			r.receive(&signalInfo{Signo: int32(sig.(syscall.Signal)), Code: siKernel})
		}
	}()
}
