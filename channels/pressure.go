package channels

import (
	"context"
	"sync"
	"sync/atomic"
)

// Pressure reports whether an app has more mail than the owners process in time.
// Callers that cause its mail then wait; others do not. Any goroutine may call its
// methods. The zero value is an app without mail.
type Pressure struct {
	high atomic.Int32 // lanes that hold too much
	mu   sync.Mutex
	room chan struct{} // closed when no lane holds too much; nil if nobody waits
}

// Rise says that a lane of the app holds too much.
func (p *Pressure) Rise() { p.high.Add(1) }

// Fall takes back one Rise.
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

// High reports whether a lane of the app holds too much.
func (p *Pressure) High() bool { return p.high.Load() > 0 }

// Wait returns nil while the owners keep up with the app's mail, else when they do
// again or with the context's error. A caller that has waited continues even if the
// pressure has returned: with sockets that always cause mail, it could otherwise
// wait forever. It adds to the mail what it held while it waited.
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

// roomLater returns nil without pressure, else a channel that is closed when it
// ends.
func (p *Pressure) roomLater() <-chan struct{} {
	if !p.High() {
		return nil
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	if !p.High() { // Fall has closed what it found
		return nil
	}
	if p.room == nil {
		p.room = make(chan struct{})
	}
	return p.room
}
