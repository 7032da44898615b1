//go:build linux

package soak

import (
	"fmt"
	"math/rand/v2"
	"strconv"
	"strings"
	"time"

	"golang.org/x/sys/unix"
)

// plan is all that a run draws from its seed.
type plan struct {
	seed, run uint64

	// The command, see tree/tree.c.
	treeSeed uint64
	most     int
	end      string // exit:N, signal:N, stay
	nap      time.Duration
	onTerm   string

	// lastout and its limits.
	keeper                            string
	grace, linger, timeout, killAfter time.Duration
	forever                           bool
	signal, forward                   string
	verbose                           bool
	pids, files                       int

	// The bystanders, see stage/stage.c.
	witnesses, slots int
	pause            time.Duration
	slack            int // process ids that are free when the job has all of its own

	faults []fault
}

// draw makes the plan of a run: the same for the same numbers, whatever runs came before it.
func draw(seed, run uint64) plan {
	r := rand.New(rand.NewPCG(seed, run))
	p := plan{seed: seed, run: run}
	p.drawFlags(r)
	p.drawTree(r)
	p.witnesses, p.slots = 3+r.IntN(6), 4+r.IntN(20)
	p.pause = pick(r, 0, 100*time.Microsecond, time.Millisecond)
	p.slack = 8 + r.IntN(100)
	p.drawFaults(r)
	return p
}

func (p *plan) drawFlags(r *rand.Rand) {
	p.keeper = pick(r, "auto", "auto", "auto", "auto", "off")
	p.grace = pick(r, 0, upTo(r, 50), upTo(r, 300), upTo(r, 300))
	p.linger = pick(r, 0, 0, upTo(r, 20), upTo(r, 200))
	if r.IntN(3) == 0 {
		p.timeout = 10*time.Millisecond + upTo(r, 400)
		p.killAfter = pick(r, 0, upTo(r, 300))
		p.forever = r.IntN(4) == 0
	}
	p.signal = pick(r, "TERM", "TERM", "TERM", "INT", "HUP", "USR1", "KILL")
	p.forward = pick(r, "leader", "group", "tree")
	p.verbose = r.IntN(8) == 0
	p.pids, p.files = 40+r.IntN(361), 24+r.IntN(1001)
	if r.IntN(3) == 0 {
		p.pids, p.files = 40+r.IntN(30), 24+r.IntN(10)
	}
}

func (p *plan) drawTree(r *rand.Rand) {
	p.treeSeed, p.most = r.Uint64(), pick(r, 3, 20, 60, 200)
	p.nap = pick(r, 0, upTo(r, 20), upTo(r, 200), upTo(r, 200))
	p.onTerm = pick(r, "default", "default", "ignore", "exit")
	p.end = fmt.Sprintf("exit:%d", r.IntN(60))
	switch {
	case r.IntN(6) == 0: // none that dumps core
		p.end = fmt.Sprintf("signal:%d", pick(r, unix.SIGTERM, unix.SIGKILL, unix.SIGHUP, unix.SIGUSR1))
	case p.timeout > 0 && r.IntN(2) == 0:
		p.end = "stay"
	}
}

func pick[T any](r *rand.Rand, from ...T) T { return from[r.IntN(len(from))] }

func upTo(r *rand.Rand, milliseconds int) time.Duration {
	return time.Duration(r.IntN(milliseconds*1000)) * time.Microsecond
}

// args are those of lastout, and the command.
func (p *plan) args(tree string) []string {
	linger := p.linger.String()
	if p.forever {
		linger = "forever"
	}
	args := []string{"--keeper", p.keeper, "--grace", p.grace.String(), "--linger", linger, "--signal",
		p.signal, "--forward", p.forward}
	if p.timeout > 0 {
		args = append(args, "--timeout", p.timeout.String())
	}
	if p.killAfter > 0 {
		args = append(args, "--kill-after", p.killAfter.String())
	}
	if p.verbose {
		args = append(args, "-vv")
	}
	return append(args, "--", tree, "leader", strconv.FormatUint(p.treeSeed, 10), strconv.Itoa(p.most), p.end,
		strconv.FormatInt(p.nap.Milliseconds(), 10), p.onTerm)
}

// pidMax leaves room for the job, the bystanders and a few: the fewer, the sooner a number is used
// again. Below 300 (RESERVED_PIDS) the kernel begins only once; it accepts no pid_max below 301.
func (p *plan) pidMax() int { return 300 + p.pids + p.witnesses + p.slots + p.slack }

func (p *plan) String() string {
	var faults []string
	for _, f := range p.faults {
		faults = append(faults, f.String())
	}
	return fmt.Sprintf("lastout %s\n\tpids limit %d, open files %d, pid_max %d, %d witnesses, %d short-lived bystanders at a time\n\tplanned: %s",
		strings.Join(p.args("tree"), " "), p.pids, p.files, p.pidMax(), p.witnesses, p.slots,
		strings.Join(faults, "; "))
}
