//go:build amd64 || arm64

package guardian

import (
	"slices"
	"unsafe"
)

// What is in this file runs without the Go runtime: see entry_linux.go.

// vectors are arguments and environment, as execve(2) has put them on the stack.
type vectors struct {
	argc       int
	argv, envp unsafe.Pointer
}

//go:norace
//go:nocheckptr
func vectorsOf(stack unsafe.Pointer) vectors {
	const word = unsafe.Sizeof(uintptr(0))
	n := *(*int)(stack)
	return vectors{n, unsafe.Add(stack, word), unsafe.Add(stack, uintptr(n+2)*word)}
}

// text is a string of C.
type text struct{ p unsafe.Pointer }

//go:norace
//go:nocheckptr
func (v vectors) arg(i int) text { return textAt(v.argv, i) }

//go:norace
//go:nocheckptr
func textAt(list unsafe.Pointer, i int) text {
	return text{*(*unsafe.Pointer)(unsafe.Add(list, uintptr(i)*unsafe.Sizeof(uintptr(0))))}
}

//go:norace
//go:nocheckptr
func (t text) at(i int) byte { return *(*byte)(unsafe.Add(t.p, i)) }

//go:norace
//go:nocheckptr
func (t text) from(i int) text { return text{unsafe.Add(t.p, i)} }

// begins reports whether t begins with s.
//
//go:norace
func (t text) begins(s string) bool {
	for i := 0; i < len(s); i++ {
		if t.at(i) != s[i] {
			return false
		}
	}
	return true
}

//go:norace
func (t text) is(s string) bool { return t.begins(s) && t.at(len(s)) == 0 }

// isTest reports whether this is a test binary, as go test builds it: its main package has another
// one below it, which is ours.
//
//go:norace
func (v vectors) isTest() bool {
	if v.argc == 0 {
		return false
	}
	end := 0
	for v.arg(0).at(end) != 0 {
		end++
	}
	return end >= 5 && v.arg(0).from(end-5).is(".test")
}

// Flags that take no value. All others take one.
var (
	switches = [...]string{
		"help", "version", "doctor", "die-with-parent", "no-new-privs", "undumpable", "foreground", "setsid",
		"fail-on-leak", "usage",
		"quiet-success", "quiet", "verbose",
	}
	shortSwitches = [...]byte{'h', 'q', 'v'}
)

// Switches returns the names of these flags, long and short.
func Switches() []string {
	names := slices.Clone(switches[:])
	for _, letter := range shortSwitches {
		names = append(names, string(rune(letter)))
	}
	return names
}

const keeperFlag = "keeper"

// off reports whether --keeper=off is asked for, on the command line or else by LASTOUT_KEEPER. It
// reads flags as pflag does.
//
//go:norace
func (v vectors) off() bool {
	off, given := false, false
	for i := 1; i < v.argc; i++ {
		a := v.arg(i)
		if a.at(0) != '-' || a.at(1) == 0 || a.is("--") {
			break
		}
		if a.at(1) != '-' {
			if shortWantsNext(a.from(1)) {
				i++
			}
			continue
		}
		name := a.from(2)
		switch end := name.nameEnd(); {
		case name.begins(keeperFlag) && end == len(keeperFlag) && name.at(end) == '=':
			off, given = name.from(end+1).is("off"), true
		case name.begins(keeperFlag) && end == len(keeperFlag):
			i++
			off, given = i < v.argc && v.arg(i).is("off"), true
		case name.at(end) == 0 && !name.isSwitch():
			i++
		}
	}
	return off || !given && v.environmentOff()
}

// nameEnd returns where the name of a long flag ends.
//
//go:norace
func (t text) nameEnd() int {
	n := 0
	for t.at(n) != 0 && t.at(n) != '=' {
		n++
	}
	return n
}

//go:norace
func (t text) isSwitch() bool {
	for i := range switches {
		if t.is(switches[i]) {
			return true
		}
	}
	return false
}

// shortWantsNext reports whether the next argument is the value of the last of some flags of one
// letter.
//
//go:norace
func shortWantsNext(letters text) bool {
	for i := 0; letters.at(i) != 0; i++ {
		takes := true
		for j := range shortSwitches {
			takes = takes && letters.at(i) != shortSwitches[j]
		}
		if takes {
			return letters.at(i+1) == 0
		}
	}
	return false
}

// environmentOff looks at the first LASTOUT_KEEPER, which is the one that the Go runtime keeps.
//
//go:norace
func (v vectors) environmentOff() bool {
	if entered.secure {
		return false
	}
	for i := 0; textAt(v.envp, i).p != nil; i++ {
		if e := textAt(v.envp, i); e.begins("LASTOUT_KEEPER=") {
			return e.is("LASTOUT_KEEPER=off")
		}
	}
	return false
}

// secure notes whether the kernel has given us rights that who started us may not have: by the
// set-user-ID or set-group-ID bit, or by file capabilities. The first two are refused: whoever may
// run lastout could have it run anything.
//
//go:norace
//go:nocheckptr
func (v vectors) secure() {
	const word = unsafe.Sizeof(uintptr(0))
	n := 0
	for textAt(v.envp, n).p != nil {
		n++
	}
	var ids [4]uintptr
	for aux := unsafe.Add(v.envp, uintptr(n+1)*word); ; aux = unsafe.Add(aux, 2*word) {
		key, value := *(*uintptr)(aux), *(*uintptr)(unsafe.Add(aux, word))
		switch {
		case key == 0: // AT_NULL
			if ids[0] != ids[1] || ids[2] != ids[3] {
				complain("lastout: " + setUserID + "\n")
				exit(125)
			}
			return
		case key >= atUID && key < atUID+uintptr(len(ids)):
			ids[key-atUID] = value
		case key == atSecure:
			entered.secure = value != 0
		}
	}
}

// hidden are the variables that the Go runtime is not to see. They are meant for the command.
var hidden [16]struct {
	at int
	p  uintptr // the memory is not Go's
}

// runtimeVariables are what the Go runtime reads at the start.
var runtimeVariables = [...]string{"GODEBUG=", "GOGC=", "GOMAXPROCS=", "GOMEMLIMIT=", "GOTRACEBACK=", "GORACE="}

// ownVariables are those of our own runtime: what it says, and not how it works.
var ownVariables = [...]string{"LASTOUT_GODEBUG=", "LASTOUT_GOTRACEBACK=", "LASTOUT_GORACE="}

const ownPrefix = "LASTOUT_"

var empty byte

// hide hides variables from the Go runtime, which heeds them as if they were meant for lastout.
// LASTOUT_GODEBUG is what GODEBUG would be, and so with the others of ownVariables.
//
//go:norace
//go:nocheckptr
func (v vectors) hide() {
	entered.environment = uintptr(v.envp)
	next := 0
	for i := 0; textAt(v.envp, i).p != nil; i++ {
		e := textAt(v.envp, i)
		to := text{unsafe.Pointer(&empty)}
		switch {
		case e.beginsAny(runtimeVariables[:]):
		case !entered.secure && e.beginsAny(ownVariables[:]):
			to = e.from(len(ownPrefix))
			entered.traced = true
		default:
			continue
		}
		if next == len(hidden) && !entered.secure {
			return
		}
		if next < len(hidden) {
			hidden[next].at, hidden[next].p = i, uintptr(e.p)
			next++
		}
		*(*uintptr)(unsafe.Add(v.envp, uintptr(i)*unsafe.Sizeof(uintptr(0)))) = uintptr(to.p)
	}
}

//go:norace
func (t text) beginsAny(of []string) bool {
	for i := range of {
		if t.begins(of[i]) {
			return true
		}
	}
	return false
}

// hiddenAt returns the variable that is hidden at an index of the environment; nil is none.
func hiddenAt(i int) *byte {
	for _, h := range hidden {
		if h.p != 0 && h.at == i {
			return *(**byte)(unsafe.Pointer(&h.p))
		}
	}
	return nil
}
