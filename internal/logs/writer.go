package logs

import (
	"io"
	"sync"
	"time"
)

const (
	// batchDelay is how long a line may wait for others while lines are many.
	batchDelay = 10 * time.Millisecond
	// batchBytes is from where on they wait no more.
	batchBytes = 64 << 10
)

// writer keeps lines whole while handlers of two formats write. While it is
// batching, lines that follow each other closely are written together: the
// system call costs more than the line. A line that comes alone is written at
// once.
type writer struct {
	w     io.Writer
	delay time.Duration

	mu       sync.Mutex
	batching bool
	wrote    time.Time // when w was last written to
	pending  []byte
	timer    *time.Timer // flushes pending; nil until there was any
}

func newWriter(w io.Writer) *writer { return &writer{w: w, delay: batchDelay} }

// Write implements io.Writer. An error is that of an earlier line, perhaps.
func (w *writer) Write(line []byte) (int, error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if !w.batching {
		return w.w.Write(line)
	}
	if len(w.pending) == 0 {
		now := time.Now()
		if now.Sub(w.wrote) >= w.delay {
			w.wrote = now
			return w.w.Write(line)
		}
		if w.timer == nil {
			w.timer = time.AfterFunc(w.delay, w.flush)
		} else {
			w.timer.Reset(w.delay)
		}
	}
	w.pending = append(w.pending, line...)
	if len(w.pending) >= batchBytes {
		return len(line), w.send()
	}
	return len(line), nil
}

// batch begins or ends batching. What is pending then is written.
func (w *writer) batch(on bool) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.batching = on
	_ = w.send() // nobody could be told of an error
}

// flush writes what is pending.
func (w *writer) flush() {
	w.mu.Lock()
	defer w.mu.Unlock()
	_ = w.send()
}

// send is flush for who holds the lock.
func (w *writer) send() error {
	if len(w.pending) == 0 {
		return nil
	}
	_, err := w.w.Write(w.pending)
	w.wrote, w.pending = time.Now(), w.pending[:0]
	return err
}
