package sockets

import (
	"context"
	"sync"
	"sync/atomic"

	"fanfare/channels"
)

// A mailbox is congested above highWater deliveries that are asked for and not
// made; publishers who wait go on below lowWater.
const (
	highWater = 64 << 10
	lowWater  = 16 << 10
)

// mailbox is a loop's queue of mail. Anyone puts, the loop takes all at once.
type mailbox struct {
	mu     sync.Mutex
	mail   []channels.Mail
	room   chan struct{} // closed below lowWater; nil if nobody waits
	weight atomic.Int64  // put and not yet done
	asleep atomic.Bool   // the loop waits and must be woken
}

// put adds mail and tells whether the loop must be woken.
func (b *mailbox) put(m channels.Mail) (wake bool) {
	b.weight.Add(int64(m.Weigh()))
	b.mu.Lock()
	b.mail = append(b.mail, m)
	b.mu.Unlock()
	return b.asleep.Load() && b.asleep.CompareAndSwap(true, false)
}

// take swaps the mail for an empty slice of the loop's.
func (b *mailbox) take(empty []channels.Mail) []channels.Mail {
	b.mu.Lock()
	defer b.mu.Unlock()
	mail := b.mail
	b.mail = empty
	return mail
}

func (b *mailbox) empty() bool {
	b.mu.Lock()
	defer b.mu.Unlock()
	return len(b.mail) == 0
}

// done counts mail that was handled.
func (b *mailbox) done(weight int64) {
	if b.weight.Add(-weight) >= lowWater {
		return
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.room != nil {
		close(b.room)
		b.room = nil
	}
}

func (b *mailbox) congested() bool { return b.weight.Load() > highWater }

// wait returns when the mailbox is not congested, or the context's error.
func (b *mailbox) wait(ctx context.Context) error {
	for b.congested() {
		b.mu.Lock()
		if b.room == nil {
			b.room = make(chan struct{})
		}
		room := b.room
		b.mu.Unlock()
		if !b.congested() {
			return nil
		}
		select {
		case <-room:
		case <-ctx.Done():
			return ctx.Err()
		}
	}
	return nil
}
