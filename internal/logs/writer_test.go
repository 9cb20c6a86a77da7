package logs

import (
	"context"
	"fmt"
	"io"
	"log/slog"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"fanfare/internal/testkit/deadline"
)

// counted is a buffer that knows how often it was written to.
type counted struct {
	buffer
	writes atomic.Int64
}

func (c *counted) Write(p []byte) (int, error) {
	c.writes.Add(1)
	return c.buffer.Write(p)
}

// batching is a log whose Run runs, with a delay nobody waits for.
func batching(t *testing.T, out io.Writer) (l *Logs, end func()) {
	t.Helper()
	l = open(t, out, "debug", "text")
	l.out.delay = time.Hour
	ctx, cancel := context.WithCancel(context.Background())
	ended := make(chan error, 1)
	go func() { ended <- l.Run(ctx) }()
	eventually(t, "Run begins", func() bool {
		l.out.mu.Lock()
		defer l.out.mu.Unlock()
		return l.out.running
	})
	return l, func() {
		t.Helper()
		cancel()
		select {
		case err := <-ended:
			if err != nil {
				t.Error(err)
			}
		case <-time.After(deadline.Long):
			t.Fatal("Run does not end")
		}
	}
}

func eventually(t *testing.T, what string, is func() bool) {
	t.Helper()
	for late := time.Now().Add(deadline.Long); !is(); time.Sleep(time.Millisecond) {
		if time.Now().After(late) {
			t.Fatalf("never: %s", what)
		}
	}
}

func (c *counted) reaches(t *testing.T, writes int64, what string) {
	t.Helper()
	eventually(t, what, func() bool { return c.writes.Load() >= writes })
	if n := c.writes.Load(); n != writes {
		t.Errorf("%s: %d writes, want %d", what, n, writes)
	}
}

func TestWriter_ManyLinesAreWrittenTogether(t *testing.T) {
	out := &counted{}
	l, end := batching(t, out)
	log := l.Logger()
	log.Info("alone")
	out.reaches(t, 1, "a line that comes alone is written")
	for i := range 100 {
		log.Info("many", slog.Int("n", i))
	}
	if n := out.writes.Load(); n != 1 {
		t.Errorf("%d writes of lines that may wait", n)
	}
	log.Warn("now")
	out.reaches(t, 2, "a warning is written with what waited")
	log.Info("last")
	end()
	log.Info("without Run")
	out.reaches(t, 4, "the rest is written in the end")
	got := strings.Split(strings.TrimSpace(out.take()), "\n")
	if len(got) != 104 {
		t.Fatalf("%d lines", len(got))
	}
	for i, want := range []string{"msg=alone", "msg=many n=0", "msg=many n=1"} {
		if !strings.HasSuffix(got[i], want) {
			t.Errorf("line %d is %q, want … %s", i, got[i], want)
		}
	}
	for i, want := range []string{"msg=now", "msg=last", `msg="without Run"`} {
		if !strings.HasSuffix(got[101+i], want) {
			t.Errorf("line %d is %q, want … %s", 101+i, got[101+i], want)
		}
	}
}

func TestWriter_WaitsForNoMoreThanABatch(t *testing.T) {
	out := &counted{}
	l, end := batching(t, out)
	defer end()
	l.Logger().Info("alone")
	out.reaches(t, 1, "a line that comes alone is written")
	for range 2 * batchBytes / 100 {
		l.Logger().Info(strings.Repeat("x", 100))
	}
	eventually(t, "the batch is written", func() bool { return out.writes.Load() > 1 })
}

// A line that waits is written when its time is over, though no other follows.
func TestWriter_ALineThatWaitsIsWritten(t *testing.T) {
	out := &counted{}
	l := open(t, out, "debug", "text")
	l.out.delay = 50 * time.Millisecond
	end := l.out.begin()
	defer end()
	l.Logger().Info("alone")
	out.reaches(t, 1, "a line that comes alone is written")
	l.Logger().Info("waits")
	out.reaches(t, 2, "a line that waits is written")
}

// pipe is a reader of the log that reads when it is let.
type pipe struct {
	counted
	let   chan struct{} // closed to let it
	waits chan struct{} // it was written to
}

func newPipe() *pipe { return &pipe{let: make(chan struct{}), waits: make(chan struct{}, 1)} }

func (p *pipe) Write(b []byte) (int, error) {
	signal(p.waits)
	<-p.let
	return p.counted.Write(b)
}

// stands waits until somebody waits for the reader. What is lost from there on is
// lost at once.
func (p *pipe) stands(t *testing.T) {
	t.Helper()
	select {
	case <-p.waits:
	case <-time.After(deadline.Long):
		t.Fatal("nothing is written")
	}
}

func TestWriter_AReaderThatDoesNotRead_KeepsNobodyWaitingAndIsToldWhatItMissed(t *testing.T) {
	out := newPipe()
	l, end := batching(t, out)
	l.Logger().Warn("first")
	out.stands(t)
	const size, lines = 64 << 10, 3 * mostPending / (64 << 10)
	written := make(chan struct{})
	go func() {
		defer close(written)
		for i := range lines {
			l.Logger().Warn(strings.Repeat("x", size), slog.Int("n", i))
		}
	}()
	select {
	case <-written:
	case <-time.After(deadline.Long):
		t.Fatal("who writes a line waits for the reader of the log")
	}
	l.out.mu.Lock()
	pending, lost := len(l.out.pending), l.out.lost
	l.out.mu.Unlock()
	if pending > mostPending || lost == 0 {
		t.Errorf("%d bytes are kept and %d lines were lost", pending, lost)
	}
	close(out.let)
	end()
	got := strings.Split(strings.TrimSpace(out.take()), "\n")
	if want := fmt.Sprintf(`msg="lines of the log were lost: its reader is too slow" lines=%d`, lost); len(got) != 1+lines-lost+1 ||
		!strings.HasSuffix(got[len(got)-1], want) {
		t.Errorf("%d lines, the last of them %.200q, want %d and %s", len(got), got[len(got)-1], 1+lines-lost+1, want)
	}
}

func TestWriter_AReaderThatNeverReads_DoesNotKeepTheProcess(t *testing.T) {
	out := newPipe()
	defer close(out.let)
	l, end := batching(t, out)
	l.Logger().Warn("nobody reads this")
	end()
	l.Logger().Warn("nor this")
}

// quits is a reader that takes writes as long as there are some left, and no more.
type quits struct {
	pipe
	takes atomic.Int64
}

func (q *quits) Write(b []byte) (int, error) {
	if q.takes.Add(-1) < 0 {
		return q.pipe.Write(b)
	}
	return q.counted.Write(b)
}

// That lines were lost is told after the last of them, to a reader that may have
// gone by then.
func TestWriter_AReaderThatReadsAllButWhatItMissed_DoesNotKeepTheProcess(t *testing.T) {
	out := &quits{pipe: *newPipe()}
	defer close(out.let)
	w := newWriter(out)
	w.onLost = func(int) { _, _ = w.Write([]byte("lines were lost\n")) }
	end := w.begin()
	w.mu.Lock()
	w.pending, w.lost = append(w.pending, "a line\n"...), 1
	out.takes.Store(1)
	w.mu.Unlock()
	ended := make(chan struct{})
	go func() { defer close(ended); end() }()
	out.stands(t)
	select {
	case <-ended:
	case <-time.After(deadline.Long):
		t.Error("the end waits for the reader")
	}
}

func BenchmarkLogger(b *testing.B) {
	for _, format := range []string{"text", "json"} {
		b.Run(fmt.Sprintf("format=%s", format), func(b *testing.B) {
			l, err := New(io.Discard, Options{Format: format})
			if err != nil {
				b.Fatal(err)
			}
			log := l.Logger()
			b.ReportAllocs()
			for b.Loop() {
				log.LogAttrs(context.Background(), slog.LevelInfo, "api call", slog.String("request", "8d1f2a3b4c-1z"), slog.String("app", "app-id"),
					slog.String("method", "POST"), slog.String("path", "/apps/app-id/events"), slog.Int("status", 200), slog.Int64("bytes", 2),
					slog.String("address", "127.0.0.1"), slog.Duration("took", 23456*time.Nanosecond))
			}
		})
	}
}
