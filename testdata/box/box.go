//go:build linux

package box

import (
	"crypto/rand"
	"errors"
	"fmt"
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"golang.org/x/sys/unix"
)

// markerName is the environment variable that marks the members of a box
// where no cgroup can be made.
const markerName = "LASTOUT_BOX"

// Box is a place for processes that none of their descendants can leave.
type Box struct {
	t      testing.TB
	cgroup string // our directory in the v2 hierarchy, or ""
	pids   string // our directory with the pids controller's files, or ""
	marker string // "LASTOUT_BOX=…", or ""
	nproc  int    // RLIMIT_NPROC of the commands, where there is no pids controller, or 0

	mu     sync.Mutex
	cmds   []*exec.Cmd
	judged chan struct{} // closed when what was found in it has been reported
}

// Option changes what [New] makes.
type Option func(*options)

type options struct {
	pidsLimit int
	mayLack   bool // go without a limit where none can be set
	noCgroup  bool
}

// PidsLimit bounds the number of tasks (threads count, and zombies) in the box.
// The test is skipped where no such limit can be set.
func PidsLimit(n int) Option { return func(o *options) { o.pidsLimit = n } }

// PidsCap is [PidsLimit] as a safeguard, for programs that are bounded by
// themselves: RLIMIT_NPROC takes its place where no pids limit can be set. A
// chain of 30,000 forks a second whose dead are not reaped in time would take
// all process ids of the machine.
func PidsCap(n int) Option { return func(o *options) { o.pidsLimit, o.mayLack = n, true } }

// withoutCgroup makes the box that an unprivileged test gets, for testing it.
func withoutCgroup() Option { return func(o *options) { o.noCgroup = true } }

// New returns a fresh box. At the end of the test it is removed; what is left
// in it by then is killed, and fails the test.
func New(t testing.TB, opts ...Option) *Box {
	t.Helper()
	var o options
	for _, opt := range opts {
		opt(&o)
	}
	b := &Box{t: t, judged: make(chan struct{})}
	name := "lastout-" + strings.ToLower(rand.Text()[:12])
	if !o.noCgroup {
		b.cgroup, b.pids = makeCgroups(name)
	}
	if b.cgroup == "" && b.pids == "" {
		b.marker = markerName + "=" + name
	}
	t.Cleanup(b.close)
	if o.pidsLimit > 0 {
		err := b.limit(o.pidsLimit)
		if err != nil && !o.mayLack {
			t.Skipf("no pids limit can be set here: %v", err)
		}
		if err != nil {
			b.nproc = o.pidsLimit
		}
	}
	return b
}

func (b *Box) limit(n int) error {
	if b.pids == "" {
		return errors.New("that needs a pids cgroup that we may write to, so usually root")
	}
	return os.WriteFile(filepath.Join(b.pids, "pids.max"), []byte(strconv.Itoa(n)), 0)
}

// Exact reports whether membership is kept by the kernel. Where it is false, a
// process that clears its environment and is orphaned leaves the box.
func (b *Box) Exact() bool { return b.marker == "" }

// Command returns a command that runs inside the box, as do all its
// descendants. Its Env is set, and may be appended to; of its SysProcAttr,
// which is set too, single fields may be changed.
func (b *Box) Command(name string, arg ...string) *exec.Cmd {
	b.t.Helper()
	cmd := exec.Command(name, arg...)
	cmd.Env = os.Environ()
	cmd.SysProcAttr = &syscall.SysProcAttr{}
	if b.marker != "" {
		cmd.Env = append(cmd.Env, b.marker)
	}
	if b.cgroup != "" {
		// CLONE_INTO_CGROUP (clone(2), Linux 5.7): inside from its first moment.
		cmd.SysProcAttr.UseCgroupFD = true
		cmd.SysProcAttr.CgroupFD = b.openCgroup()
	}
	if b.pids != "" && b.pids != b.cgroup && cmd.Err == nil {
		b.wrap(cmd, filepath.Join(b.pids, "cgroup.procs"))
	} else if b.nproc > 0 && cmd.Err == nil {
		// The limit is compared with all tasks of the user (setrlimit(2)).
		b.wrap(cmd, fmt.Sprintf("nproc=%d", tasksOf(os.Getuid())+b.nproc))
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	b.cmds = append(b.cmds, cmd)
	return cmd
}

// wrap makes cmd start by way of enter.c.
func (b *Box) wrap(cmd *exec.Cmd, how string) {
	cmd.Args = append([]string{"enter", how, cmd.Path}, cmd.Args[1:]...)
	cmd.Path = enter(b.t)
}

func (b *Box) openCgroup() int {
	b.t.Helper()
	dir, err := os.Open(b.cgroup)
	if err != nil {
		b.t.Fatalf("box: %v", err)
	}
	b.t.Cleanup(func() { dir.Close() })
	return int(dir.Fd())
}

// Procs returns the ids of all processes in the box, in ascending order:
// running, stopped or zombie. It is a reading, not a snapshot: of processes
// that come and go while it reads, it may miss some. [Box.AssertEmpty] has the
// kernel's count besides, which misses none.
func (b *Box) Procs() []int {
	if b.marker != "" {
		return markedProcs(b.marker)
	}
	found := map[int]bool{}
	for _, dir := range []string{b.cgroup, b.pids} {
		if dir != "" {
			addMembers(found, dir)
		}
	}
	// Nobody listed and no task charged: there is no zombie to search /proc for.
	if len(found) > 0 || b.charged() != 0 {
		addByCgroupFile(found, b.cgroup, b.pids)
	}
	return slices.Sorted(maps.Keys(found))
}

// charged returns the number of tasks that the pids controller holds against
// the box, zombies included (a charge is dropped when a task is reaped,
// Linux 5.2), or -1 where it is not known.
func (b *Box) charged() int {
	if b.pids == "" {
		return -1
	}
	data, err := os.ReadFile(filepath.Join(b.pids, "pids.current"))
	if err != nil {
		return -1
	}
	n, err := strconv.Atoi(strings.TrimSpace(string(data)))
	if err != nil {
		return -1
	}
	return n
}

// survey returns a line for each process in the box, and one more where the
// kernel counts tasks and none was found.
func (b *Box) survey() []string {
	charged := b.charged() // first: the count is exact now, the list a little later
	var lines []string
	for _, pid := range b.Procs() {
		lines = append(lines, describe(pid))
	}
	if len(lines) == 0 && charged > 0 {
		lines = append(lines, fmt.Sprintf("%d tasks by the pids controller's count, gone before they could be listed", charged))
	}
	return lines
}

// AssertEmpty fails the test if anything lives in the box, zombies included,
// and names it: pid, state, command line. It reads once and does not retry: a
// process that was still there when the command returned is a defect, even if
// it would be gone a moment later.
func (b *Box) AssertEmpty() {
	b.t.Helper()
	lines := b.judge()
	if len(lines) == 0 {
		return
	}
	b.t.Errorf("the box is not empty, %d left:\n\t%s", len(lines), strings.Join(head(lines, 20), "\n\t"))
}

// judge is a survey whose result, if it is not empty, has been taken notice of.
func (b *Box) judge() []string {
	lines := b.survey()
	b.mu.Lock()
	defer b.mu.Unlock()
	if len(lines) > 0 && !b.wasJudged() {
		close(b.judged)
	}
	return lines
}

func (b *Box) wasJudged() bool {
	select {
	case <-b.judged:
		return true
	default:
		return false
	}
}

func head(lines []string, n int) []string {
	if len(lines) <= n {
		return lines
	}
	return append(lines[:n:n], fmt.Sprintf("… and %d more", len(lines)-n))
}

// Kill ends everything in the box and returns when nothing in it runs any
// more. Zombies that their parents have yet to reap may remain.
func (b *Box) Kill() {
	if b.marker != "" {
		killAll(func() []int { return markedProcs(b.marker) },
			func(pid int) bool { return isMarked(pid, b.marker) })
		return
	}
	// A bomb at a limit of 0 cannot fork any more, whatever is killed first.
	if b.pids != "" {
		os.WriteFile(filepath.Join(b.pids, "pids.max"), []byte("0"), 0)
	}
	// cgroup.kill is atomic against fork (Linux 5.14).
	if b.cgroup != "" && os.WriteFile(filepath.Join(b.cgroup, "cgroup.kill"), []byte("1"), 0) == nil {
		defer waitUnpopulated(b.cgroup)
	}
	killAll(func() []int {
		found := map[int]bool{}
		for _, dir := range []string{b.cgroup, b.pids} {
			if dir != "" {
				addMembers(found, dir)
			}
		}
		return slices.Collect(maps.Keys(found))
	}, func(pid int) bool { return inCgroup(pid, b.cgroup, b.pids) })
}

// killAll kills what list returns until it returns nothing alive. A pid may be
// another process's by the time that we get to it, so that the signal goes to a
// pidfd (pidfd_open(2), Linux 5.3) whose process is asked again if it is ours.
func killAll(list func() []int, ours func(pid int) bool) {
	for end := time.Now().Add(10 * time.Second); time.Now().Before(end); time.Sleep(time.Millisecond) {
		left := 0
		for _, pid := range list() {
			fd, err := unix.PidfdOpen(pid, 0)
			if err != nil {
				continue
			}
			if !exited(fd) {
				left++
				if ours(pid) {
					unix.PidfdSendSignal(fd, unix.SIGKILL, nil, 0)
				}
			}
			unix.Close(fd)
		}
		if left == 0 {
			return
		}
	}
}

// exited asks the pidfd of a process, whose state in /proc is only that of its
// first thread. cgroup.kill does not end one whose first thread has exited: it
// signals just that (Linux 6.18).
func exited(pidfd int) bool {
	n, _ := unix.Poll([]unix.PollFd{{Fd: int32(pidfd), Events: unix.POLLIN}}, 0)
	return n == 1
}

// close ends the box with its test.
func (b *Box) close() {
	left := b.survey()
	b.mu.Lock()
	cmds := b.cmds
	b.mu.Unlock()
	if len(left) > 0 {
		if !b.wasJudged() {
			b.t.Errorf("the test left %d in its box:\n\t%s", len(left), strings.Join(head(left, 20), "\n\t"))
		}
		b.Kill()
	}
	for _, cmd := range cmds {
		if cmd.Process != nil && cmd.ProcessState == nil {
			cmd.Process.Wait() // a test that failed between Start and Wait
		}
	}
	for _, dir := range []string{b.cgroup, b.pids} {
		if dir == "" {
			continue
		}
		if err := removeCgroup(dir); err != nil && !errors.Is(err, os.ErrNotExist) {
			b.t.Errorf("box: %v", err)
		}
	}
}
