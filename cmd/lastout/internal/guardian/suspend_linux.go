//go:build amd64 || arm64

package guardian

import (
	"unsafe"

	"lastout/jobs/clone"

	"golang.org/x/sys/unix"
)

// What is in this file runs without the Go runtime, and in a process that has one, too.
//
// A shell expects of a program that it stops by the very signal, and goes on at SIGCONT. A process
// that takes its signals from the kernel one after another cannot simply raise the signal once its
// job has stopped: whoever sends a stop signal makes the kernel forget a SIGCONT that is pending
// (signal(7)), and nobody can know that there was one. So the order is:
//
//	look     a stop signal is pending; it is not taken yet
//	plant    the same signal, sent to a thread of ours that does nothing but keep it blocked
//	take     the signal that was pending, and pass it on to the job
//	let act  once the job has stopped: the thread unblocks the planted signal, and the process stops
//
// A SIGCONT that comes after the first signal makes the kernel forget the planted one, whenever it
// comes: then nothing is left that could act. One that comes between look and plant takes the first
// signal with it, so that there is nothing to be taken, and the job is never told to stop. To plant
// makes the kernel forget that SIGCONT, too: it is taken in its place.

// stopSet are the signals that stop, but for SIGSTOP.
const stopSet = 1<<(uint(unix.SIGTSTP)-1) | 1<<(uint(unix.SIGTTIN)-1) | 1<<(uint(unix.SIGTTOU)-1)

// holder is the thread that has the planted signals.
var holder struct {
	tid     int32  // 0: there is none yet
	planted uint64 // may have been forgotten by the kernel since
	act     uint32 // a futex: the signal to let act
	done    uint32 // a futex
	gone    bool   // there was no signal to act
	owed    bool   // the next SIGCONT is somebody's that the kernel may have forgotten
	stack   [4096]byte
}

var holding = clone.Task{Run: hold}

// asThread makes clone(2) make a thread of this process.
const asThread = unix.CLONE_VM | unix.CLONE_FS | unix.CLONE_FILES | unix.CLONE_SIGHAND | unix.CLONE_THREAD | unix.CLONE_SYSVSEM

// take takes a signal, if one is pending. With suspends, stop signals are planted before that,
// unless they were ignored at the start.
//
//go:nosplit
//go:norace
func take(info *signalInfo, suspends bool) bool {
	stops := uint64(0)
	if suspends {
		stops = stopSet &^ entered.inherited.Ignored
	}
	now := pending()
	if now&stops != 0 && holder.tid == 0 {
		makeHolder()
		now = pending()
	}
	forgotten := false
	for sig := int32(unix.SIGTSTP); sig <= int32(unix.SIGTTOU); sig++ {
		if now&stops>>(uint(sig)-1)&1 != 0 {
			plant(sig)
		}
	}
	if now&stops != 0 {
		left := pending() // only a SIGCONT takes a stop signal
		forgotten = now&stops&^left != 0 && left>>(uint(unix.SIGCONT)-1)&1 == 0
	}
	if forgotten {
		*info = signalInfo{Signo: int32(unix.SIGCONT)}
	} else if taken, _ := dequeue(^stops|now, info); taken == 0 {
		return false
	}
	if info.Signo == int32(unix.SIGCONT) {
		resumed(info)
	}
	if bit := uint64(1) << (uint(info.Signo) - 1); entered.stops&bit != 0 {
		entered.stops &^= bit
		info.Errno = before
	}
	return true
}

// resumed is told of a SIGCONT that was taken. Who has sent the one that is owed is not known.
//
//go:nosplit
//go:norace
func resumed(info *signalInfo) {
	holder.planted = 0
	if holder.owed && info.PID == entered.self {
		info.PID = 0
	}
	holder.owed = false
}

// plant sends a stop signal to the thread that holds it. Where there can be no thread, a SIGCONT
// that comes at the wrong moment is lost.
//
//go:nosplit
//go:norace
//go:nocheckptr
func plant(sig int32) {
	if holder.tid == 0 {
		return
	}
	sys(unix.SYS_TGKILL, uintptr(entered.self), uintptr(holder.tid), uintptr(sig), 0)
	holder.planted |= 1 << (uint(sig) - 1)
}

// makeHolder makes the thread, if it can be had.
//
//go:nosplit
//go:norace
//go:nocheckptr
func makeHolder() {
	h := &holder
	top := (uintptr(unsafe.Pointer(&h.stack)) + unsafe.Sizeof(h.stack)) &^ 15
	old := uint64(0)
	sys(unix.SYS_RT_SIGPROCMASK, 2, uintptr(unsafe.Pointer(&all)), uintptr(unsafe.Pointer(&old)), 8)
	tid := clone.Clone(unix.SYS_CLONE, asThread, top, &holding)
	sys(unix.SYS_RT_SIGPROCMASK, 2, uintptr(unsafe.Pointer(&old)), 0, 8)
	if tid > 0 {
		h.tid = int32(tid)
	}
}

// hold is what the thread does.
//
//go:nosplit
//go:norace
func hold(*clone.Task) {
	h := &holder
	for {
		for h.act == 0 {
			sys6(unix.SYS_FUTEX, uintptr(unsafe.Pointer(&h.act)), futexWait, 0, 0, 0, 0)
		}
		set := uint64(1) << (h.act - 1)
		h.act = 0
		h.gone = pending()&set == 0
		sys(unix.SYS_RT_SIGPROCMASK, 1, uintptr(unsafe.Pointer(&set)), 0, 8) // the process stops here, until SIGCONT
		sys(unix.SYS_RT_SIGPROCMASK, 0, uintptr(unsafe.Pointer(&set)), 0, 8)
		h.done = 1
		sys6(unix.SYS_FUTEX, uintptr(unsafe.Pointer(&h.done)), futexWake, 1, 0, 0, 0)
	}
}

// suspend stops the process, and with group what else is in its process group, unless it has been
// told to go on. It returns when the process goes on. The job was stopped by a signal of its own
// where none was planted: by a terminal that is the job's.
//
//go:nosplit
//go:norace
func suspend(sig int32, group bool) {
	h := &holder
	if h.planted>>(uint(sig)-1)&1 == 0 {
		if h.tid == 0 { // before it is looked whether there is a SIGCONT: it takes long
			makeHolder()
		}
		if pending()>>(uint(unix.SIGCONT)-1)&1 != 0 {
			return
		}
		plant(sig)
	}
	if group {
		sys(unix.SYS_KILL, 0, uintptr(sig), 0, 0)
		var info signalInfo
		if taken, _ := dequeue(1<<(uint(sig)-1), &info); taken != 0 && info.PID != entered.self && shared != nil {
			relay(&info)
		}
	}
	if h.tid == 0 {
		return
	}
	if shared != nil {
		shared.stopped = 1
	}
	h.done, h.act = 0, uint32(sig)
	sys6(unix.SYS_FUTEX, uintptr(unsafe.Pointer(&h.act)), futexWake, 1, 0, 0, 0)
	for h.done == 0 {
		sys6(unix.SYS_FUTEX, uintptr(unsafe.Pointer(&h.done)), futexWait, 0, 0, 0, 0)
	}
	h.planted &^= 1 << (uint(sig) - 1)
	if group && h.gone {
		h.owed = true
		sys(unix.SYS_KILL, 0, uintptr(unix.SIGCONT), 0, 0)
	}
	if shared != nil {
		shared.stopped = 0
	}
}
