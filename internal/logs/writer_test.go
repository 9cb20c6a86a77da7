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
func batching(t *testing.T, out *counted) (l *Logs, end func()) {
	t.Helper()
	l = open(t, out, "debug", "text")
	l.out.delay = time.Hour
	ctx, cancel := context.WithCancel(context.Background())
	ended := make(chan error, 1)
	go func() { ended <- l.Run(ctx) }()
	deadline := time.Now().Add(10 * time.Second)
	for begun := false; !begun; time.Sleep(time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatal("Run has not begun")
		}
		l.out.mu.Lock()
		begun = l.out.batching
		l.out.mu.Unlock()
	}
	return l, func() {
		cancel()
		if err := <-ended; err != nil {
			t.Error(err)
		}
	}
}

func TestWriter_ManyLinesAreWrittenTogether(t *testing.T) {
	out := &counted{}
	l, end := batching(t, out)
	log := l.Logger()
	log.Info("alone")
	if n := out.writes.Load(); n != 1 {
		t.Fatalf("%d writes of a line that comes alone", n)
	}
	for i := range 100 {
		log.Info("many", slog.Int("n", i))
	}
	if n := out.writes.Load(); n != 1 {
		t.Errorf("%d writes of lines that may wait", n)
	}
	log.Warn("now")
	if n := out.writes.Load(); n != 2 {
		t.Errorf("%d writes after a warning", n)
	}
	log.Info("last")
	end()
	log.Info("without Run")
	if n := out.writes.Load(); n != 4 {
		t.Errorf("%d writes in the end", n)
	}
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
	for range 2 * batchBytes / 100 {
		l.Logger().Info(strings.Repeat("x", 100))
	}
	if n := out.writes.Load(); n < 2 {
		t.Errorf("%d writes", n)
	}
}

// A line that waits is written when its time is over, though no other follows.
func TestWriter_ALineThatWaitsIsWritten(t *testing.T) {
	out := &counted{}
	l, end := batching(t, out)
	defer end()
	l.Logger().Info("alone")
	l.out.mu.Lock()
	l.out.delay = time.Millisecond
	l.out.wrote = time.Now().Add(time.Hour) // whatever the machine does meanwhile
	l.out.mu.Unlock()
	l.Logger().Info("waits")
	deadline := time.Now().Add(10 * time.Second)
	for out.writes.Load() < 2 {
		if time.Now().After(deadline) {
			t.Fatal("the line was not written")
		}
		time.Sleep(time.Millisecond)
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
