package client

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"sync"
	"time"
)

// Loop is the client's event loop. It runs on one goroutine; other goroutines pass it
// functions to call.
type Loop struct {
	poller *poller
	start  time.Time
	done   chan struct{}
	// handshakes are TLS handshakes in progress, each on a goroutine of its own.
	handshakes sync.WaitGroup

	mu   sync.Mutex
	mail []func() // guarded by mu

	// What follows belongs to the loop's goroutine.
	conns   []*Conn // by slot
	free    []int32
	freed   []int32 // free after this turn
	buf     []byte
	spills  [][]byte
	tasks   []Task
	waits   []*wait
	stopped bool

	secure   *tls.Config // nil without TLS
	received int64       // bytes
	shaking  int         // TLS handshakes in progress
	resumed  int         // TLS sessions that were resumed
}

// Task is work that is due at certain times, for example a load.
type Task interface {
	// Turn does what is due and returns when to be called at the latest, in
	// nanoseconds of the loop's clock; 0 means after the next event.
	Turn(now int64) (next int64)
}

// wait is a goroutine that waits for a condition.
type wait struct {
	is       func() bool
	deadline int64
	result   chan error
}

var errTimeout = errors.New("timed out")

// readBuffer is the size of the buffer for one read of a connection, in bytes.
const readBuffer = 256 << 10

// StartLoop starts a loop. The caller must call Stop.
func StartLoop() (*Loop, error) {
	p, err := newPoller()
	if err != nil {
		return nil, err
	}
	l := &Loop{poller: p, start: time.Now(), done: make(chan struct{}), buf: make([]byte, readBuffer)}
	go l.run()
	return l, nil
}

// Stop ends the loop and all its connections.
func (l *Loop) Stop() {
	l.post(func() { l.stopped = true })
	<-l.done
	l.poller.close()
}

// Now returns the time of the loop's clock in nanoseconds. It is never 0.
func (l *Loop) Now() int64 { return int64(time.Since(l.start)) + 1 }

// Do calls f on the loop's goroutine and returns when it has returned.
func (l *Loop) Do(f func()) {
	called := make(chan struct{})
	l.post(func() { f(); close(called) })
	select {
	case <-called:
	case <-l.done:
	}
}

func (l *Loop) post(f func()) {
	l.mu.Lock()
	l.mail = append(l.mail, f)
	l.mu.Unlock()
	l.poller.wake()
}

// Until waits until a condition holds. The loop evaluates it after each turn. After
// the timeout it returns an error that contains what.
func (l *Loop) Until(ctx context.Context, timeout time.Duration, what string, is func() bool) error {
	w := &wait{is: is, result: make(chan error, 1)}
	l.post(func() {
		w.deadline = l.Now() + int64(timeout)
		l.waits = append(l.waits, w)
	})
	select {
	case err := <-w.result:
		if err != nil {
			return fmt.Errorf("waiting %v for %s: %w", timeout, what, err)
		}
		return nil
	case <-ctx.Done():
		l.post(func() { w.is = func() bool { return true } })
		return ctx.Err()
	}
}

// Pause waits for d while the loop runs.
func (l *Loop) Pause(ctx context.Context, d time.Duration) error {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-t.C:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

func (l *Loop) run() {
	defer close(l.done)
	var next int64
	for !l.stopped {
		n := l.poller.wait(l.Now(), next)
		for i := range n {
			if slot, what, ok := l.poller.event(i); ok {
				if c := l.conns[slot]; c != nil {
					l.ready(c, what)
				}
			}
			// A load sends on time even while many deliveries arrive.
			if i%16 == 15 {
				l.work(l.Now())
			}
		}
		l.free, l.freed = append(l.free, l.freed...), l.freed[:0]
		l.handle()
		now := l.Now()
		next = earlier(l.work(now), l.answer(now))
	}
	for _, c := range l.conns {
		if c != nil {
			l.HangUp(c, true)
		}
	}
	l.handshakes.Wait()
	l.handle() // closes what they had
}

// handle calls the functions that other goroutines passed.
func (l *Loop) handle() {
	l.mu.Lock()
	mail := l.mail
	l.mail = nil
	l.mu.Unlock()
	for _, f := range mail {
		f()
	}
}

func (l *Loop) work(now int64) (next int64) {
	for _, t := range l.tasks {
		next = earlier(next, t.Turn(now))
	}
	return next
}

// answer notifies the goroutines whose condition holds.
func (l *Loop) answer(now int64) (next int64) {
	left := l.waits[:0]
	for _, w := range l.waits {
		switch {
		case w.is():
			w.result <- nil
		case now >= w.deadline:
			w.result <- errTimeout
		default:
			left = append(left, w)
			next = earlier(next, w.deadline)
		}
	}
	clear(l.waits[len(left):])
	l.waits = left
	return next
}

// earlier returns the earlier of two times; 0 means never.
func earlier(a, b int64) int64 {
	if a == 0 || b != 0 && b < a {
		return b
	}
	return a
}

// Add makes t a task of the loop.
func (l *Loop) Add(t Task) { l.Do(func() { l.tasks = append(l.tasks, t) }) }
