package eventlog

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"sync"

	"lastout/cmd/lastout/internal/annotate"
	"lastout/cmd/lastout/internal/fdwrite"
	"lastout/cmd/lastout/internal/guardian"
	"lastout/cmd/lastout/internal/outfile"
	"lastout/cmd/lastout/internal/safepath"

	"golang.org/x/sys/unix"
)

// Log is an open log. It is safe for concurrent use.
type Log struct {
	slog.Handler

	fd     int
	to     *unix.SockaddrUnix // nil: a file
	blocks bool               // the descriptor is the caller's, and may not be made non-blocking

	mu   sync.Mutex
	torn bool // the last line of the file lacks its end
	lost int
	err  error

	limit   int64 // of what is written, in bytes; 0: none
	beyond  error
	written int64
}

// Limit bounds how many bytes are written; 0 is no limit. What comes after that is lost, for the
// reason beyond. It has to be called before anything is written.
func (l *Log) Limit(bytes int64, beyond error) { l.limit, l.beyond = bytes, beyond }

// Open opens a log: "journal", "syslog", or the name of a file, which is appended to, and made
// (0644) if there is none; a descriptor that the caller has passed is written to, by the names that
// package outfile has for it. It fails where there is no such daemon, or no such directory. The
// level is the lowest that is written.
func Open(target string, level slog.Level) (*Log, error) {
	switch target {
	case "journal":
		return OpenJournal(JournalSocket, level)
	case "syslog":
		return OpenSyslog(SyslogSocket, level)
	}
	l, err := openFile(target)
	if err == unix.ENXIO {
		err = errors.New("nobody reads it")
	}
	if err != nil {
		return nil, fmt.Errorf("%s: %w", target, err)
	}
	l.Handler = slog.NewJSONHandler(harmless{l}, &slog.HandlerOptions{Level: level})
	return l, nil
}

// openFile opens a file to append to it.
func openFile(name string) (*Log, error) {
	if fd, err := outfile.Descriptor(name); err != outfile.ErrNoDescriptor {
		return &Log{fd: fd, blocks: true}, err
	}
	p, err := safepath.Find(name)
	if err != nil {
		return nil, err
	}
	defer p.Close()
	fd, err := p.Open(unix.O_WRONLY|unix.O_APPEND|unix.O_CREAT, 0o644)
	return &Log{fd: fd, torn: err == nil && endsTorn(p)}, err
}

// endsTorn reports whether a file ends in the middle of a line: the disk was full, or who wrote it
// was killed.
func endsTorn(p *safepath.Path) bool {
	if kind, err := p.Look(); err != nil || kind != safepath.Regular {
		return false
	}
	fd, err := p.Open(unix.O_RDONLY, 0)
	if err != nil {
		return false
	}
	defer unix.Close(fd)
	var st unix.Stat_t
	last := []byte{'\n'}
	if unix.Fstat(fd, &st) == nil && st.Size > 0 {
		_, _ = unix.Pread(fd, last, st.Size-1)
	}
	return last[0] != '\n'
}

// OpenJournal is Open for a journal with another socket.
func OpenJournal(socket string, level slog.Level) (*Log, error) {
	return openSocket(socket, level, journalEntry)
}

// OpenSyslog is Open for a syslog daemon with another socket.
func OpenSyslog(socket string, level slog.Level) (*Log, error) {
	pid := guardian.PID()
	return openSocket(socket, level, func(own []slog.Attr, r *slog.Record) []byte { return syslogLine(own, r, pid) })
}

type format func(own []slog.Attr, r *slog.Record) []byte

// openSocket finds out whether somebody listens. What is written is addressed each time: the daemon
// may be started anew meanwhile.
func openSocket(path string, level slog.Level, f format) (*Log, error) {
	to := &unix.SockaddrUnix{Name: path}
	fd, err := datagramSocket()
	if err != nil {
		return nil, err
	}
	err = unix.Connect(fd, to)
	unix.Close(fd)
	if err == nil {
		fd, err = datagramSocket()
	}
	if err != nil {
		return nil, fmt.Errorf("%s: %w", path, err)
	}
	l := &Log{fd: fd, to: to}
	l.Handler = datagrams{log: l, level: level, format: f}
	return l, nil
}

func datagramSocket() (int, error) {
	return unix.Socket(unix.AF_UNIX, unix.SOCK_DGRAM|unix.SOCK_CLOEXEC|unix.SOCK_NONBLOCK, 0)
}

// harmless is a log whose file may be the log of a CI system's job, too.
type harmless struct{ log *Log }

// Write writes a record.
func (h harmless) Write(record []byte) (int, error) {
	_, err := h.log.Write(annotate.JSON(record))
	return len(record), err
}

// Write writes a record. It never fails: see Lost.
func (l *Log) Write(record []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	err := l.beyond
	if l.written += int64(len(record)); l.limit == 0 || l.written <= l.limit {
		err = l.write(record)
	}
	if err != nil {
		l.lost, l.err = l.lost+1, err
	}
	return len(record), nil
}

func (l *Log) write(record []byte) error {
	if l.torn {
		record = append([]byte{'\n'}, record...)
	}
	for {
		err := error(nil)
		n := len(record)
		if l.blocks && !fdwrite.Ready(l.fd) {
			return unix.EAGAIN
		}
		if l.to != nil {
			err = unix.Sendto(l.fd, record, unix.MSG_NOSIGNAL|unix.MSG_DONTWAIT, l.to)
		} else {
			n, err = unix.Write(l.fd, record)
		}
		switch {
		case err == unix.EINTR:
		case err == nil && n < len(record):
			l.torn = true
			return unix.ENOSPC
		case err == nil:
			l.torn = false
			return nil
		default:
			return err
		}
	}
}

// Lost returns how many records could not be written, and why the last one could not.
func (l *Log) Lost() (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.lost, l.err
}

// Close closes the log.
func (l *Log) Close() { unix.Close(l.fd) }

// datagrams is the handler of a log that is a socket.
type datagrams struct {
	log    *Log
	level  slog.Level
	format format
	own    []slog.Attr
}

// Enabled reports whether a level is written.
func (d datagrams) Enabled(_ context.Context, l slog.Level) bool { return l >= d.level }

// Handle sends a record.
func (d datagrams) Handle(_ context.Context, r slog.Record) error {
	_, err := d.log.Write(d.format(d.own, &r))
	return err
}

// WithAttrs returns a handler whose records have more attributes.
func (d datagrams) WithAttrs(attrs []slog.Attr) slog.Handler {
	d.own = append(d.own[:len(d.own):len(d.own)], attrs...)
	return d
}

// WithGroup returns d: nobody here uses it.
func (d datagrams) WithGroup(string) slog.Handler { return d }
