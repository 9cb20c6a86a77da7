// Package logbook keeps what a server logs, for tests that look for a line.
package logbook

import (
	"log/slog"
	"strings"
	"sync"
	"testing"
	"time"

	"fanfare/internal/testkit/deadline"
)

// Book is a log in memory. Make one with New.
type Book struct {
	Logger *slog.Logger

	mu    sync.Mutex
	lines []string
	more  chan struct{} // closed when a line is added
}

// New returns a book of lines from a level on.
func New(level slog.Level) *Book {
	b := &Book{more: make(chan struct{})}
	b.Logger = slog.New(slog.NewTextHandler(b, &slog.HandlerOptions{Level: level, ReplaceAttr: func(_ []string, a slog.Attr) slog.Attr {
		if a.Key == slog.TimeKey {
			return slog.Attr{}
		}
		return a
	}}))
	return b
}

// Write takes a line of the handler.
func (b *Book) Write(line []byte) (int, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.lines = append(b.lines, strings.TrimSuffix(string(line), "\n"))
	close(b.more)
	b.more = make(chan struct{})
	return len(line), nil
}

// Lines are the lines so far, each as level=… msg=… key=value ….
func (b *Book) Lines() []string {
	lines, _ := b.read()
	return lines
}

func (b *Book) read() ([]string, <-chan struct{}) {
	b.mu.Lock()
	defer b.mu.Unlock()
	return append([]string(nil), b.lines...), b.more
}

// Expect waits for a line with all parts, such as `msg=subscribed` or
// `reason="no such app"`, and returns it.
func (b *Book) Expect(t testing.TB, parts ...string) string {
	t.Helper()
	late := time.After(deadline.Long)
	for {
		lines, more := b.read()
		for _, line := range lines {
			if has(line, parts) {
				return line
			}
		}
		select {
		case <-more:
		case <-late:
			t.Fatalf("no line has %q; there are\n%s", parts, strings.Join(lines, "\n"))
		}
	}
}

// Count is how many lines have all parts so far.
func (b *Book) Count(parts ...string) (n int) {
	for _, line := range b.Lines() {
		if has(line, parts) {
			n++
		}
	}
	return n
}

// has reports whether each part stands in the line as a whole key and value.
func has(line string, parts []string) bool {
	for _, p := range parts {
		if !strings.Contains(" "+line+" ", " "+p+" ") {
			return false
		}
	}
	return true
}
