package logs

import (
	"io"
	"sync"
	"time"
)

const (
	// batchDelay is the time for which a line may wait for others.
	batchDelay = 10 * time.Millisecond
	// batchBytes is the number of pending bytes that are written without delay.
	batchBytes = 64 << 10
	// mostPending is the maximum number of bytes kept for a slow reader, such as
	// a pipe that nobody reads. Further lines are lost, and counted.
	mostPending = 4 << 20
	// endPatience is the time allowed to such a reader at the end.
	endPatience = time.Second
)

// writer writes whole lines, even while handlers of two formats write. While run
// runs, Write never waits for the reader of the log, because event loops write
// lines, and all sockets of a loop would wait with it. Lines that follow each
// other closely are written together, because the system call costs more than the
// line.
type writer struct {
	w      io.Writer
	delay  time.Duration
	onLost func(lines int) // logs the number of lost lines

	wake chan struct{} // pending is no longer empty
	urge chan struct{} // write pending without further delay

	mu      sync.Mutex
	running bool
	pending []byte
	lost    int  // lines lost since run last logged their number
	stuck   bool // the reader did not read within endPatience
}

func newWriter(w io.Writer) *writer {
	return &writer{
		w: w, delay: batchDelay, onLost: func(int) {},
		wake: make(chan struct{}, 1), urge: make(chan struct{}, 1),
	}
}

// Write implements io.Writer. Without run it writes at once.
func (w *writer) Write(line []byte) (int, error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	before := len(w.pending)
	switch {
	case w.stuck:
	case !w.running:
		return w.w.Write(line)
	case before > 0 && before+len(line) > mostPending:
		w.lost++
	default:
		w.pending = append(w.pending, line...)
		if before == 0 {
			signal(w.wake)
		}
		if before < batchBytes && len(w.pending) >= batchBytes {
			signal(w.urge)
		}
	}
	return len(line), nil
}

// flush has what is pending written without further delay.
func (w *writer) flush() { signal(w.urge) }

func signal(c chan<- struct{}) {
	select {
	case c <- struct{}{}:
	default: // the signal is already set
	}
}

// begin starts a goroutine that writes the lines until end is called.
func (w *writer) begin() (end func()) {
	w.mu.Lock()
	w.running = true
	w.mu.Unlock()
	stop, stopped := make(chan struct{}), make(chan struct{})
	go func() {
		defer close(stopped)
		w.run(stop)
		w.rest() // such as the line about lost lines; this write may never return either
	}()
	return func() {
		close(stop)
		select {
		case <-stopped:
		case <-time.After(endPatience): // the write may never return
			w.mu.Lock()
			defer w.mu.Unlock()
			w.running, w.stuck, w.pending = false, true, nil
			return
		}
		w.mu.Lock()
		defer w.mu.Unlock()
		if len(w.pending) > 0 {
			_, _ = w.w.Write(w.pending) // an error could be reported to nobody
		}
		w.running, w.pending = false, nil
	}
}

// rest writes what is pending when run has ended.
func (w *writer) rest() {
	w.mu.Lock()
	lines := w.pending
	w.pending = nil
	w.mu.Unlock()
	if len(lines) > 0 {
		_, _ = w.w.Write(lines) // an error could be reported to nobody
	}
}

// run writes what is pending, until stop is closed.
func (w *writer) run(stop <-chan struct{}) {
	var written []byte
	var last time.Time
	for ending := false; !ending; {
		select {
		case <-w.wake:
		case <-stop:
			ending = true
		}
		if wait := w.delay - time.Since(last); wait > 0 && !ending {
			select {
			case <-time.After(wait):
			case <-w.urge:
			case <-stop:
				ending = true
			}
		}
		w.mu.Lock()
		lines, lost := w.pending, w.lost
		w.pending, w.lost = written[:0], 0
		w.mu.Unlock()
		if len(lines) > 0 {
			_, _ = w.w.Write(lines) // an error could be reported to nobody
		}
		last = time.Now()
		if written = lines; cap(written) > 4*batchBytes {
			written = nil
		}
		if lost > 0 {
			w.onLost(lost)
		}
	}
}
