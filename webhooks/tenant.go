package webhooks

import (
	"context"
	"sync"
	"sync/atomic"
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

// tenant is an app that has endpoints, or had some.
type tenant struct {
	audience atomic.Pointer[audience]
	wake     chan struct{}

	mu      sync.Mutex
	held    held
	flushed bool // nothing is held back any more
}

// audience is who is told, and how long a removal is held back. It is replaced
// as a whole.
type audience struct {
	grace     time.Duration
	endpoints []listener
	kinds     kindSet // what Observe has to look at
}

// listener is an endpoint with what it wants.
type listener struct {
	*endpoint
	filter filter
}

func newTenant() *tenant {
	t := &tenant{wake: make(chan struct{}, 1)}
	t.audience.Store(&audience{})
	return t
}

// follow replaces the audience. Removals that are held back are told to the
// new one, after its grace.
func (t *tenant) follow(a *audience) {
	t.audience.Store(a)
	signal(t.wake)
}

func (a *audience) add(e *endpoint, f filter) {
	a.endpoints = append(a.endpoints, listener{e, f})
	a.kinds |= f.kinds
	// Whether a coming is news depends on the going before it, so both are
	// followed even if only one is told.
	for _, pair := range []kindSet{
		setOf(channels.ChannelOccupied, channels.ChannelVacated),
		setOf(channels.MemberAdded, channels.MemberRemoved),
	} {
		if f.kinds&pair != 0 {
			a.kinds |= pair
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
	a := t.audience.Load()
	if a.grace == 0 || t.flushed {
		t.tell(n)
		return
	}
	if !a.follows(n.Channel) {
		return
	}
	t.held.add(n, time.Now())
	if t.held.len() > maxHeld {
		t.tellOldest()
	}
	if t.held.len() == 1 {
		signal(t.wake)
	}
}

// follows tells whether any endpoint may get events of the channel.
func (a *audience) follows(channel string) bool {
	for _, e := range a.endpoints {
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
	for _, e := range t.audience.Load().endpoints {
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

// tellOldest tells the removal held for longest. The caller holds the lock
// and knows that there is one.
func (t *tenant) tellOldest() {
	r := t.held.oldest()
	t.held.remove(r)
	t.tell(&r.notice)
}

// run tells removals when their grace is over.
func (t *tenant) run(ctx context.Context) {
	timer := time.NewTimer(0)
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
		now, grace := time.Now(), t.audience.Load().grace
		t.mu.Lock()
		for range flushBurst {
			r := t.held.oldest()
			if r == nil {
				t.mu.Unlock()
				return time.Time{}, false
			}
			if due := r.since.Add(grace); due.After(now) {
				t.mu.Unlock()
				return due, true
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
