package channels

import (
	"context"
	"sync"
	"sync/atomic"
)

// Pressure reports whether the owners are behind with an app's mail. Callers that
// cause mail for this app then wait; others do not. Any goroutine may call its
// methods. The zero value is an app without mail.
type Pressure struct {
	high atomic.Int32 // number of full lanes
	mu   sync.Mutex
	room chan struct{} // closed when no lane is full; nil if nobody waits
}

// Rise records that a lane of the app became full.
func (p *Pressure) Rise() { p.high.Add(1) }

// Fall records that such a lane is no longer full.
func (p *Pressure) Fall() {
	if p.high.Add(-1) > 0 {
		return
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.room != nil {
		close(p.room)
		p.room = nil
	}
}

// High reports whether a lane of the app is full.
func (p *Pressure) High() bool { return p.high.Load() > 0 }

// Wait returns nil when no lane of the app is full, or the context's error. A
// caller that has waited continues even if a lane is full again; otherwise it could
// wait forever while sockets keep causing mail. So each caller that waits can
// exceed the limit by its own mail.
func (p *Pressure) Wait(ctx context.Context) error {
	room := p.roomLater()
	if room == nil {
		return nil
	}
	select {
	case <-room:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

// roomLater returns nil if no lane is full, else a channel that is closed when none
// is.
func (p *Pressure) roomLater() <-chan struct{} {
	if !p.High() {
		return nil
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	if !p.High() { // Fall has run since the first check
		return nil
	}
	if p.room == nil {
		p.room = make(chan struct{})
	}
	return p.room
}
