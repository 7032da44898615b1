package eventlog

import (
	"bytes"
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"net"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

// daemon stands in for journald or syslogd.
func daemon(t *testing.T) (path string, conn *net.UnixConn) {
	t.Helper()
	dir, err := os.MkdirTemp("", "log") // a socket's name is short (unix(7))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { os.RemoveAll(dir) })
	path = filepath.Join(dir, "socket")
	conn, err = net.ListenUnixgram("unixgram", &net.UnixAddr{Name: path, Net: "unixgram"})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { conn.Close() })
	return path, conn
}

// received is the next datagram. It has been sent already: sending to a unix socket puts it into
// the receiver's queue.
func received(t *testing.T, conn *net.UnixConn) []byte {
	t.Helper()
	buf := make([]byte, 64<<10)
	n, err := conn.Read(buf)
	if err != nil {
		t.Fatal(err)
	}
	return buf[:n]
}

// fields parses a datagram of the journal's native protocol.
func fields(t *testing.T, b []byte) map[string]string {
	t.Helper()
	all := map[string]string{}
	for len(b) > 0 {
		line, rest, ok := bytes.Cut(b, []byte{'\n'})
		if !ok {
			t.Fatalf("no end of line in %q", b)
		}
		if name, value, ok := strings.Cut(string(line), "="); ok {
			all[name], b = value, rest
			continue
		}
		n := binary.LittleEndian.Uint64(rest)
		all[string(line)] = string(rest[8 : 8+n])
		if rest[8+n] != '\n' {
			t.Fatalf("no newline after the data of %s", line)
		}
		b = rest[8+n+1:]
	}
	return all
}

func TestJournal(t *testing.T) {
	path, conn := daemon(t)
	l, err := OpenJournal(path, slog.LevelInfo)
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	logger := slog.New(l).With("name", "backup")
	logger.Debug("nobody wants this")
	logger.Warn("over", "exit-status", 3, "command", "two\nlines", "empty", "")
	got := fields(t, received(t, conn))
	for name, want := range map[string]string{
		"MESSAGE": "over", "PRIORITY": "4", "SYSLOG_IDENTIFIER": "lastout",
		"LASTOUT_NAME": "backup", "LASTOUT_EXIT_STATUS": "3", "LASTOUT_COMMAND": "two\nlines", "LASTOUT_EMPTY": "",
	} {
		if value, ok := got[name]; !ok || value != want {
			t.Errorf("%s is %q, want %q", name, value, want)
		}
	}
	if len(got) != 7 {
		t.Errorf("the fields are %q", got)
	}
}

func TestSyslog(t *testing.T) {
	path, conn := daemon(t)
	l, err := OpenSyslog(path, slog.LevelDebug)
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	slog.New(l).With("name", "backup").Info("over", "status", 3, "command", "a \"b\"\nc", "long",
		strings.Repeat("x", 1<<20))
	got := string(received(t, conn))
	want := fmt.Sprintf(`^<14>[A-Z][a-z]{2} [ 1-3][0-9] \d\d:\d\d:\d\d lastout\[%d\]: over name=backup status=3 command="a \\"b\\"\\nc" long=x+\.\.\.$`, os.Getpid())
	if !regexp.MustCompile(want).MatchString(got) || strings.Count(got, "x") != maxValue {
		t.Errorf("got %.200q (%d bytes), want %s", got, len(got), want)
	}
}

func TestFile(t *testing.T) {
	path := filepath.Join(t.TempDir(), "log")
	for range 2 { // appended to
		l, err := Open(path, slog.LevelInfo)
		if err != nil {
			t.Fatal(err)
		}
		slog.New(l).Info("over", "status", 3)
		l.Close()
	}
	data, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	lines := strings.Split(strings.TrimSuffix(string(data), "\n"), "\n")
	if len(lines) != 2 {
		t.Fatalf("%q has %d lines, want 2", data, len(lines))
	}
	for _, line := range lines {
		var rec struct {
			Time, Msg string
			Status    int
		}
		if err := json.Unmarshal([]byte(line), &rec); err != nil || rec.Msg != "over" || rec.Status != 3 ||
			rec.Time == "" {
			t.Errorf("%q: %+v, %v", line, rec, err)
		}
	}
}

func TestRefused(t *testing.T) {
	dir := t.TempDir()
	stale, conn := daemon(t)
	conn.Close()
	for name, open := range map[string]func() (*Log, error){
		"no socket":      func() (*Log, error) { return OpenJournal(filepath.Join(dir, "socket"), 0) },
		"nobody listens": func() (*Log, error) { return OpenSyslog(stale, 0) },
		"no directory":   func() (*Log, error) { return Open(filepath.Join(dir, "no", "log"), 0) },
		"a directory":    func() (*Log, error) { return Open(dir, 0) },
	} {
		if l, err := open(); err == nil {
			t.Errorf("%s: it is opened", name)
			l.Close()
		}
	}
	if _, err := Open(filepath.Join(dir, "no", "log"), 0); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("%v", err)
	}
}

// TestLost: a daemon that does not read, or that is gone, holds nobody up, and is counted.
func TestLost(t *testing.T) {
	path, conn := daemon(t)
	l, err := OpenSyslog(path, slog.LevelInfo)
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	logger := slog.New(l)
	const events = 100_000 // more than any queue takes
	for range events {
		logger.Info("noise")
	}
	lost, err := l.Lost()
	if lost == 0 || lost == events || err == nil {
		t.Errorf("%d of %d events are lost: %v", lost, events, err)
	}
	conn.Close()
	logger.Info("nobody listens")
	if now, err := l.Lost(); now != lost+1 || err == nil {
		t.Errorf("%d are lost, want one more: %v", now, err)
	}
}
