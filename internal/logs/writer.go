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
	// mostPending is how much is kept for a reader that does not keep up, a pipe
	// that nobody reads say. Lines beyond it are lost, and counted.
	mostPending = 4 << 20
	// endPatience is how long such a reader is waited for in the end.
	endPatience = time.Second
)

// writer keeps lines whole while handlers of two formats write. While run runs,
// Write never waits for the reader of the log: lines come from event loops, and
// for as long as one waits all its sockets do. Lines that follow each other
// closely are written together, since the system call costs more than the line.
type writer struct {
	w      io.Writer
	delay  time.Duration
	onLost func(lines int) // says so in the log

	wake chan struct{} // there is something pending
	urge chan struct{} // and it is not to wait for more

	mu      sync.Mutex
	running bool
	pending []byte
	lost    int  // lines since the last that was kept
	stuck   bool // the reader took nothing in the end
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
	default: // it was given already
	}
}

// begin has lines written by a goroutine until end is called.
func (w *writer) begin() (end func()) {
	w.mu.Lock()
	w.running = true
	w.mu.Unlock()
	stop, stopped := make(chan struct{}), make(chan struct{})
	go func() {
		defer close(stopped)
		w.run(stop)
		w.rest() // that lines were lost, say; here, for its write too may never return
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
