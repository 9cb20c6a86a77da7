package webhooks

import (
	"cmp"
	"context"
	"sync"
	"sync/atomic"
	"time"

	"fanfare/channels"
	"fanfare/internal/account"
)

// A departure waits for its grace; an arrival of the same subject cancels it.
const (
	arrivals   kindSet = 1<<channels.ChannelOccupied | 1<<channels.MemberAdded
	departures kindSet = 1<<channels.ChannelVacated | 1<<channels.MemberRemoved

	channelKinds kindSet = 1<<channels.ChannelOccupied | 1<<channels.ChannelVacated
	memberKinds  kindSet = 1<<channels.MemberAdded | 1<<channels.MemberRemoved
)

// flushBurst is how many removals are told before others get the lock, for
// which sockets wait.
const flushBurst = 16

// tenant is an app that has endpoints.
type tenant struct {
	audience atomic.Pointer[audience]
	account  *account.Account
	wake     chan struct{}
	ended    chan struct{} // closed when the app has no endpoints any more

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

func newTenant(a *account.Account) *tenant {
	t := &tenant{account: a, wake: make(chan struct{}, 1), ended: make(chan struct{})}
	t.audience.Store(&audience{})
	return t
}

// follow replaces the audience. Removals that are held back are told to the
// new one, after its grace.
func (t *tenant) follow(a *audience) {
	t.audience.Store(a)
	signal(t.wake)
}

// leave ends a tenant whose app has no endpoints any more. What it held back is
// told to nobody.
func (t *tenant) leave() {
	t.follow(&audience{})
	t.flush()
	close(t.ended)
}

func (a *audience) add(e *endpoint, f filter) {
	a.endpoints = append(a.endpoints, listener{e, f})
	a.kinds |= f.kinds
	// Whether an arrival is news depends on the departure before it, so both
	// are followed even if only one is told.
	for _, pair := range []kindSet{channelKinds, memberKinds} {
		if f.kinds&pair != 0 {
			a.kinds |= pair
		}
	}
}

func (t *tenant) observe(n channels.Notice) {
	switch {
	case arrivals.has(n.Kind):
		t.mu.Lock()
		defer t.mu.Unlock()
		if r := t.held.bySubject[subjectOf(&n)]; r != nil {
			t.release(r)
		} else {
			t.tell(&n)
		}
	case departures.has(n.Kind):
		t.mu.Lock()
		defer t.mu.Unlock()
		t.gone(&n)
	default:
		t.tell(&n)
	}
}

// gone holds a removal back. While there is no room for more, the oldest is
// told early for it: a removal that is late is better than one that is lost.
// The caller holds the lock.
func (t *tenant) gone(n *channels.Notice) {
	a := t.audience.Load()
	if a.grace == 0 || t.flushed {
		t.tell(n)
		return
	}
	if !a.follows(n.Channel) {
		return
	}
	if old := t.held.bySubject[subjectOf(n)]; old != nil { // the core ends nothing twice; be sure
		t.release(old)
	}
	r := t.held.add(n, time.Now())
	t.account.Hold(account.Webhooks, r.bytes())
	if t.held.len() > maxHeld {
		t.tellNow(cmp.Or(t.held.oldest(unsigned), t.held.oldest(signed)))
	} else if classOf(n.Channel) == unsigned && t.account.Full() {
		t.tellNow(t.held.oldest(unsigned))
	}
	if t.held.len() == 1 {
		signal(t.wake)
	}
}

// release holds a removal back no longer. The caller holds the lock.
func (t *tenant) release(r *removal) {
	t.held.remove(r)
	t.account.Release(account.Webhooks, r.bytes())
}

// tellNow tells a removal that is held. The caller holds the lock.
func (t *tenant) tellNow(r *removal) {
	t.release(r)
	n := r.notice()
	t.tell(&n)
}

// follows reports whether any endpoint may get events of the channel.
func (a *audience) follows(channel string) bool {
	for _, e := range a.endpoints {
		if e.filter.channel(channel) {
			return true
		}
	}
	return false
}

// tell queues an event for every endpoint that wants it, encoded once.
func (t *tenant) tell(n *channels.Notice) { t.tellFor(n, nil) }

// tellFor is a tell for somebody who waits for the event's end, if not nil.
func (t *tenant) tellFor(n *channels.Notice, waits *receipt) {
	var r record
	var at int64
	for _, e := range t.audience.Load().endpoints {
		if !e.filter.wants(n.Kind, n.Channel) {
			continue
		}
		if at == 0 {
			r, at = newRecord(n), time.Now().UnixNano()
		}
		e.push(at, r, waits)
	}
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
		case <-t.ended:
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
			r := t.held.due()
			if r == nil {
				t.mu.Unlock()
				return time.Time{}, false
			}
			if due := r.since.Add(grace); due.After(now) {
				t.mu.Unlock()
				return due, true
			}
			t.tellNow(r)
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
			r := t.held.due()
			if r == nil {
				more = false
				break
			}
			t.tellNow(r)
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
