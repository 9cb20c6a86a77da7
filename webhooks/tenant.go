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

// flushBurst is how many removals are queued before the lock is released, since
// sockets may wait for it.
const flushBurst = 16

// tenant is an app that has endpoints.
type tenant struct {
	audience atomic.Pointer[audience]
	account  *account.Account
	wake     chan struct{}
	ended    chan struct{} // closed when the app has no endpoints left

	mu      sync.Mutex
	held    held
	flushed bool // removals are no longer held back
}

// audience is the endpoints that receive an app's events, and its grace. It is
// replaced as a whole.
type audience struct {
	grace     time.Duration
	endpoints []listener
	kinds     kindSet // kinds that Observe has to process
}

// listener is an endpoint with its filter.
type listener struct {
	*endpoint
	filter filter
}

func newTenant(a *account.Account) *tenant {
	t := &tenant{account: a, wake: make(chan struct{}, 1), ended: make(chan struct{})}
	t.audience.Store(&audience{})
	return t
}

// follow replaces the audience. Removals that are held back are sent to the new
// one, after its grace.
func (t *tenant) follow(a *audience) {
	t.audience.Store(a)
	signal(t.wake)
}

// leave ends a tenant whose app has no endpoints left. Removals that it held
// back are discarded.
func (t *tenant) leave() {
	t.follow(&audience{})
	t.flush()
	close(t.ended)
}

func (a *audience) add(e *endpoint, f filter) {
	a.endpoints = append(a.endpoints, listener{e, f})
	a.kinds |= f.kinds
	// Whether an arrival is sent depends on the departure before it, so both
	// kinds are processed even if only one is sent.
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

// gone holds a removal back. If there is no room, the oldest is sent early: an
// early event is better than a lost one. The caller holds the lock.
func (t *tenant) gone(n *channels.Notice) {
	a := t.audience.Load()
	if a.grace == 0 || t.flushed {
		t.tell(n)
		return
	}
	if !a.follows(n.Channel) {
		return
	}
	if old := t.held.bySubject[subjectOf(n)]; old != nil { // defensive: the core ends nothing twice
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

// release stops holding a removal back. The caller holds the lock.
func (t *tenant) release(r *removal) {
	t.held.remove(r)
	t.account.Release(account.Webhooks, r.bytes())
}

// tellNow queues the event of a held removal. The caller holds the lock.
func (t *tenant) tellNow(r *removal) {
	t.release(r)
	n := r.notice()
	t.tell(&n)
}

// follows reports whether any endpoint may receive events of the channel.
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

// tellFor is tell with a receipt, which may be nil.
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

// run queues the events of removals when their grace is over.
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

// tellDue queues the removals that are due and returns the time of the next, if
// any waits.
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

// flush queues all removals at once and disables the grace for later ones: no
// client can come back to a process that ends.
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

// signal wakes the goroutine that waits for c, or lets its next wait return at
// once.
func signal(c chan struct{}) {
	select {
	case c <- struct{}{}:
	default:
	}
}
