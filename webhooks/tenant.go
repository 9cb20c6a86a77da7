package webhooks

import (
	"context"
	"sync"
	"time"

	"fanfare/channels"
)

// A going waits for its grace; the coming of the same subject takes it back.
var (
	comings = setOf(channels.ChannelOccupied, channels.MemberAdded)
	goings  = setOf(channels.ChannelVacated, channels.MemberRemoved)
)

// flushBurst is how many removals are told before others get the lock.
const flushBurst = 64

// tenant is an app with endpoints.
type tenant struct {
	grace     time.Duration
	endpoints []*endpoint // fixed
	kinds     kindSet     // what Observe has to look at; fixed
	wake      chan struct{}

	mu      sync.Mutex
	held    held
	flushed bool // nothing is held back any more
}

func newTenant(grace time.Duration) *tenant {
	return &tenant{grace: grace, wake: make(chan struct{}, 1)}
}

func (t *tenant) add(e *endpoint) {
	t.endpoints = append(t.endpoints, e)
	t.kinds |= e.filter.kinds
	// Whether a coming is news depends on the going before it, so both are
	// followed even if only one is told.
	for _, pair := range []kindSet{
		setOf(channels.ChannelOccupied, channels.ChannelVacated),
		setOf(channels.MemberAdded, channels.MemberRemoved),
	} {
		if e.filter.kinds&pair != 0 {
			t.kinds |= pair
		}
	}
}

func (t *tenant) observe(n channels.Notice) {
	switch {
	case comings.has(n.Kind):
		t.mu.Lock()
		defer t.mu.Unlock()
		if !t.held.back(&n) {
			t.tell(&n)
		}
	case goings.has(n.Kind):
		t.mu.Lock()
		defer t.mu.Unlock()
		t.gone(&n)
	default:
		t.tell(&n)
	}
}

// gone holds a removal back. The caller holds the lock.
func (t *tenant) gone(n *channels.Notice) {
	if t.grace == 0 || t.flushed {
		t.tell(n)
		return
	}
	if !t.followed(n.Channel) {
		return
	}
	t.held.add(n, time.Now().Add(t.grace))
	if t.held.len() > maxHeld {
		t.tellOldest()
	}
	if t.held.len() == 1 {
		signal(t.wake)
	}
}

// followed tells whether any endpoint may be told of the channel.
func (t *tenant) followed(channel string) bool {
	for _, e := range t.endpoints {
		if e.filter.channel(channel) {
			return true
		}
	}
	return false
}

// tell queues an event for every endpoint that wants it, encoded once.
func (t *tenant) tell(n *channels.Notice) {
	var json []byte
	var at time.Time
	for _, e := range t.endpoints {
		if !e.filter.wants(n.Kind, n.Channel) {
			continue
		}
		if json == nil {
			json = appendEvent(make([]byte, 0, 128+len(n.Channel)+len(n.Event)+len(n.Data)+len(n.UserID)), n)
			at = time.Now()
		}
		e.push(at, json)
	}
}

// tellOldest tells the removal that is due first. The caller holds the lock
// and knows that there is one.
func (t *tenant) tellOldest() {
	r := t.held.oldest()
	t.held.remove(r)
	t.tell(&r.notice)
}

// run tells removals when their grace is over.
func (t *tenant) run(ctx context.Context) {
	timer := time.NewTimer(t.grace)
	defer timer.Stop()
	for {
		if next, more := t.tellDue(); more {
			timer.Reset(time.Until(next))
		} else {
			timer.Stop()
		}
		select {
		case <-ctx.Done():
			return
		case <-t.wake:
		case <-timer.C:
		}
	}
}

// tellDue tells what is due and returns when the next will be, if any waits.
func (t *tenant) tellDue() (next time.Time, more bool) {
	for {
		now := time.Now()
		t.mu.Lock()
		for range flushBurst {
			r := t.held.oldest()
			if r == nil || r.due.After(now) {
				if r != nil {
					next, more = r.due, true
				}
				t.mu.Unlock()
				return next, more
			}
			t.tellOldest()
		}
		t.mu.Unlock()
	}
}

// flush tells every removal at once, and later ones without a grace: nobody
// can come back to a process that ends.
func (t *tenant) flush() {
	for more := true; more; {
		t.mu.Lock()
		t.flushed = true
		for range flushBurst {
			if t.held.oldest() == nil {
				more = false
				break
			}
			t.tellOldest()
		}
		t.mu.Unlock()
	}
}

// signal wakes the goroutine that waits at c, now or when it gets there.
func signal(c chan struct{}) {
	select {
	case c <- struct{}{}:
	default:
	}
}
