package jobs

import (
	"context"
	"encoding/binary"
	"errors"
	"io/fs"
	"log/slog"
	"syscall"
	"time"

	"lastout/subreaper"
)

// kind is the kind of a message between a runner and its keeper.
type kind uint8

const (
	// To the keeper.
	msgRun kind = iota + 1
	msgRequest
	// To the runner.
	msgStarted
	msgExited
	msgEnding
	msgSurvivors
	msgLog
	msgResult
	msgFailed
)

// A message is its length in four bytes, its kind in one, and its fields: numbers as varints,
// strings with their length before them. Both ends are the same binary, so there are no versions.
const headerSize = 5

// maxMessage bounds what is believed of a length. A command line and its environment have 6 MiB at
// most (execve(2)).
const maxMessage = 64 << 20

// errMessage says that a message is not well formed.
var errMessage = errors.New("malformed message between runner and keeper")

// wire carries the fields of a message, in either direction: a type's fields method is its encoding
// and its decoding at once.
type wire struct {
	buf      []byte
	decoding bool
	bad      bool
}

// message encodes fields.
func message(k kind, fields func(*wire)) []byte {
	w := &wire{buf: make([]byte, headerSize, 256)}
	fields(w)
	binary.NativeEndian.PutUint32(w.buf, uint32(len(w.buf)-headerSize))
	w.buf[4] = byte(k)
	return w.buf
}

// decode decodes the fields in body, all of it.
func decode(body []byte, fields func(*wire)) error {
	w := &wire{buf: body, decoding: true}
	fields(w)
	if w.bad || len(w.buf) > 0 {
		return errMessage
	}
	return nil
}

func (w *wire) int64(v *int64) {
	if !w.decoding {
		w.buf = binary.AppendVarint(w.buf, *v)
		return
	}
	n, size := binary.Varint(w.buf)
	if size <= 0 {
		w.bad, w.buf = true, nil
		return
	}
	*v, w.buf = n, w.buf[size:]
}

// number carries any integer type.
func number[T ~int | ~int64 | ~int32 | ~uint32 | ~uint8](w *wire, v *T) {
	n := int64(*v)
	w.int64(&n)
	if *v = T(n); int64(*v) != n {
		w.bad = true
	}
}

func (w *wire) bool(v *bool) {
	var n uint8
	if *v {
		n = 1
	}
	number(w, &n)
	*v = n != 0
}

func (w *wire) string(v *string) {
	n := len(*v)
	number(w, &n)
	if !w.decoding {
		w.buf = append(w.buf, *v...)
		return
	}
	if n < 0 || n > len(w.buf) {
		w.bad, w.buf, n = true, nil, 0
	}
	*v, w.buf = string(w.buf[:n]), w.buf[n:]
}

func (w *wire) time(v *time.Time) {
	n := int64(0)
	if !v.IsZero() {
		n = v.UnixNano()
	}
	w.int64(&n)
	if w.decoding && n != 0 {
		*v = time.Unix(0, n)
	}
}

// since carries a time by its distance from an earlier one, which is that of the monotonic clock:
// at the other end, too, the clock may have been set in between.
func (w *wire) since(v *time.Time, start time.Time) {
	known := !v.IsZero()
	w.bool(&known)
	if !known {
		return
	}
	d := v.Sub(start)
	number(w, &d)
	if w.decoding {
		*v = start.Add(d)
	}
}

// list carries a slice. A nil one stays nil.
func list[T any](w *wire, v *[]T, item func(*wire, *T)) {
	n := len(*v)
	if *v == nil {
		n = -1
	}
	number(w, &n)
	if w.decoding {
		if n > len(w.buf) || n < -1 { // every item takes a byte at least
			w.bad, w.buf, n = true, nil, -1
		}
		*v = nil
		if n >= 0 {
			*v = make([]T, n)
		}
	}
	for i := range *v {
		item(w, &(*v)[i])
	}
}

// order is what a runner sends to have a job run.
type order struct {
	job   Job
	files []int      // what the job's descriptors are: the keeper's of that number, or closed, or passed
	level slog.Level // the lowest that is to be logged

	held int   // how many of those that come with the order, the last, are no descriptors of the job but Job.Hold
	sent []int // descriptors that come with the order
}

// passed and holds are the two kinds of descriptors that came with the order.
func (o *order) passed() []int { return o.sent[:len(o.sent)-o.heldHere()] }

func (o *order) holds() []int { return o.sent[len(o.sent)-o.heldHere():] }

func (o *order) heldHere() int { return min(max(o.held, 0), len(o.sent)) }

// complete reports whether all descriptors have come: the kernel leaves out those that there is no
// number for (unix(7)).
func (o *order) complete() bool {
	n := o.held
	for _, fd := range o.files {
		if fd == filePassed {
			n++
		}
	}
	return n == len(o.sent)
}

// Entries of order.files that are not the number of a descriptor which the keeper has inherited.
const (
	fileClosed = -1
	filePassed = -2 // the next of those that came along
)

// numbers returns the descriptors of the job as they are numbered in the keeper.
func (o *order) numbers() []int {
	files, sent := make([]int, len(o.files)), o.passed()
	for i, fd := range o.files {
		if fd == filePassed && len(sent) > 0 {
			fd, sent = sent[0], sent[1:]
		}
		files[i] = fd
	}
	return files
}

func (o *order) fields(w *wire) {
	j := &o.job
	list(w, &j.Args, (*wire).string)
	w.string(&j.Path)
	list(w, &j.Env, (*wire).string)
	w.string(&j.Dir)
	number(w, &j.StopSignal)
	number(w, &j.Linger)
	number(w, &j.Settle)
	number(w, &j.Grace)
	number(w, &j.Timeout)
	number(w, &j.KillAfter)
	number(w, &j.GiveUp)
	number(w, &j.Forward)
	number(w, &j.DeathSignal)
	number(w, &j.Cgroup)
	w.bool(&j.Holders)
	number(w, &j.Record)
	w.string((*string)(&j.cgroup))
	w.bool(&j.NoNewPrivs)
	w.bool(&j.Session)
	w.bool(&j.Foreground)
	number(w, &j.place.group)
	list(w, &j.Ignore, number[syscall.Signal])
	list(w, &o.files, number[int])
	number(w, &o.held)
	number(w, &o.level)
}

func (r *request) fields(w *wire) {
	number(w, &r.input)
	number(w, &r.sig)
	w.int64(&r.sent)
	w.bool(&r.alone)
}

// outcome is what a keeper sends when a job is settled, or could not be.
type outcome struct {
	result    Result
	survivors []subreaper.Survivor // of a job that was given up
}

func (o *outcome) fields(w *wire) {
	r := &o.result
	number(w, &r.PID)
	number(w, &r.Status)
	w.time(&r.Started)
	w.since(&r.Exited, r.Started)
	w.since(&r.Settled, r.Started)
	w.bool(&r.TimedOut)
	w.bool(&r.Stopped)
	w.bool(&r.Killed)
	w.bool(&r.Terminal)
	usageFields(w, &r.Usage)
	number(w, &r.Reaped)
	list(w, &r.Leftovers, leftoverFields)
	number(w, &r.LeftoverCount)
	list(w, &r.Lingered, leftoverFields)
	list(w, &r.Ended, func(w *wire, e *Ended) {
		exitFields(w, &e.Exit)
		w.since(&e.At, r.Started)
	})
	list(w, &o.survivors, survivorFields)
}

// Encode makes bytes of what a [Runner] has returned, for another process of the same program.
func Encode(result *Result, err error) []byte {
	o := outcome{result: *result}
	var survivors *subreaper.SurvivorError
	if errors.As(err, &survivors) {
		o.survivors = survivors.Procs
	}
	w := &wire{}
	o.fields(w)
	return w.buf
}

// Decode returns what [Encode] was given; of errors, a [*subreaper.SurvivorError].
func Decode(data []byte) (*Result, error) {
	var o outcome
	if err := decode(data, o.fields); err != nil {
		return nil, err
	}
	if o.survivors != nil {
		return &o.result, &subreaper.SurvivorError{Procs: o.survivors, Err: context.DeadlineExceeded}
	}
	return &o.result, nil
}

func usageFields(w *wire, u *subreaper.Usage) {
	number(w, &u.User)
	number(w, &u.System)
	for _, v := range []*int64{
		&u.MaxRSS, &u.MinorFaults, &u.MajorFaults, &u.BlocksIn, &u.BlocksOut, &u.VoluntarySwitches, &u.Preemptions,
	} {
		w.int64(v)
	}
}

func processFields(w *wire, p *subreaper.Process) {
	number(w, &p.PID)
	number(w, &p.PPID)
	number(w, &p.PGID)
	number(w, &p.SID)
	w.string(&p.Comm)
	w.string(&p.Cmdline)
	number(w, &p.Age)
}

func leftoverFields(w *wire, l *Leftover) {
	processFields(w, &l.Process)
	number(w, &l.End)
	number(w, &l.Status)
	w.bool(&l.Reaped)
	number(w, &l.Holds)
}

func exitFields(w *wire, e *subreaper.Exit) {
	number(w, &e.PID)
	number(w, &e.Status)
	usageFields(w, &e.Usage)
	w.string(&e.Comm)
	number(w, &e.Age)
}

func survivorFields(w *wire, s *subreaper.Survivor) {
	processFields(w, &s.Process)
	errnoField(w, &s.Err)
	w.string(&s.Wchan)
	number(w, &s.Tracer)
}

// errnoField carries an error that is an errno, or none.
func errnoField(w *wire, err *error) {
	var errno syscall.Errno
	errors.As(*err, &errno)
	n := int(errno)
	number(w, &n)
	if w.decoding && n != 0 {
		*err = syscall.Errno(n)
	}
}

func (e *StartError) fields(w *wire) {
	w.string(&e.Path)
	errnoField(w, &e.Err)
	if e.Err == nil {
		e.Err = fs.ErrInvalid
	}
	w.bool(&e.NotFound)
	w.string(&e.Detail)
}

// record is a log record. Its attributes travel as text.
type record struct {
	level   slog.Level
	message string
	attrs   []slog.Attr
}

func (r *record) fields(w *wire) {
	number(w, &r.level)
	w.string(&r.message)
	list(w, &r.attrs, func(w *wire, a *slog.Attr) {
		value := a.Value.String()
		w.string(&a.Key)
		w.string(&value)
		a.Value = slog.StringValue(value)
	})
}
