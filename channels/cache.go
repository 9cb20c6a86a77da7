package channels

import (
	"container/list"
	"time"
	"weak"

	"fanfare/internal/account"
)

// missSilence is how long one observed cache miss stands for those that follow
// it (spec: webhooks, Delay).
const missSilence = 5 * time.Second

// maxSilences is how many channels of an app are kept for their cache miss
// alone. Beyond it a miss may be told again: whoever visits ever new channels
// fills no memory.
const maxSilences = 10_000

// cachedOverhead is what a remembered event takes beside its frame's bytes and
// the state of its channel, with a name of common length.
const cachedOverhead = 208

// cachedEvent is the last API event of a cache channel.
type cachedEvent struct {
	channel *channelState
	sent    *Frame
	data    []byte // part of sent
	expires time.Time
	place   *list.Element // among the stripe's
}

// frame is the event as first sent, nil if there is none any more.
func (e *cachedEvent) frame(now time.Time) *Frame {
	if e == nil || !now.Before(e.expires) {
		return nil
	}
	return e.sent
}

func (e *cachedEvent) describe(now time.Time) *Cached {
	if e.frame(now) == nil {
		return nil
	}
	return &Cached{Data: e.data, TTL: e.expires.Sub(now)}
}

func (e *cachedEvent) bytes() int { return cap(e.sent.buf) + cachedOverhead }

// cachedEvents are the events that the channels of a stripe remember, the
// oldest first.
type cachedEvents struct {
	events   list.List // of *cachedEvent
	expiring bool      // a deadline looks after the first
}

// first is the oldest, nil if there is none.
func (l *cachedEvents) first() *cachedEvent {
	if place := l.events.Front(); place != nil {
		return place.Value.(*cachedEvent)
	}
	return nil
}

// keep puts an event behind the others. The caller holds the lock.
func (st *memoryStripe) keep(e *cachedEvent) {
	st.app.account.Hold(account.Cache, e.bytes())
	e.place = st.cached.events.PushBack(e)
	st.special(e.channel).cached = e
}

// drop takes an event out again. The caller holds the lock.
func (st *memoryStripe) drop(e *cachedEvent) {
	st.app.account.Release(account.Cache, e.bytes())
	st.cached.events.Remove(e.place)
	e.channel.special.cached = nil
}

// remember makes an event the channel's cached one. What is over the app's
// limit then is made up for by the oldest of the stripe. The caller holds the
// stripe's lock.
func (m *memory) remember(st *memoryStripe, c *channelState, p Publication) {
	if old := c.cached(); old != nil {
		st.drop(old)
	}
	e := &cachedEvent{channel: c, sent: p.Frame, data: p.Data, expires: m.now().Add(p.Remember)}
	st.keep(e)
	c.special.missed = time.Time{}
	for st.app.account.CacheFull(int64(p.App.Limits.MaxCachedBytes)) && st.cached.first() != e {
		st.forget(st.cached.first())
	}
	m.expireLater(st)
}

// forget drops a cached event, and its channel if that is all there was of it.
// The caller holds the lock.
func (st *memoryStripe) forget(e *cachedEvent) {
	st.drop(e)
	st.sweep(e.channel)
}

// expireLater has the oldest event forgotten at its time. The caller holds the
// stripe's lock.
func (m *memory) expireLater(st *memoryStripe) {
	if st.cached.expiring || st.cached.first() == nil {
		return
	}
	st.cached.expiring = true
	later := weak.Make(st) // half an hour is long for an app that is gone
	m.schedule.at(st.cached.first().expires, func() {
		if st := later.Value(); st != nil {
			m.expire(st)
		}
	})
}

// expire forgets the events whose time is over. One that was remembered for a
// shorter time than those before it waits for them; it is not told any more.
func (m *memory) expire(st *memoryStripe) {
	st.mu.Lock()
	defer st.mu.Unlock()
	now := m.now()
	for e := st.cached.first(); e != nil && e.frame(now) == nil; e = st.cached.first() {
		st.forget(e)
	}
	st.cached.expiring = false
	m.expireLater(st)
}

// observeMiss reports a cache miss once for sockets that subscribe together, or
// one after the other. The caller holds the stripe's lock.
func (m *memory) observeMiss(st *memoryStripe, j Join, c *channelState) {
	now, of := m.now(), st.special(c)
	if now.Sub(of.missed) < missSilence {
		return
	}
	of.missed = now
	a := st.app
	if a.silences.Add(1) <= maxSilences {
		of.silences++
		m.schedule.at(now.Add(missSilence), func() { a.endSilence(st, c) })
	} else {
		a.silences.Add(-1)
	}
	m.node.Observe(Notice{Kind: CacheMiss, App: j.App, Channel: j.Channel})
}

// endSilence lets a channel be forgotten that was kept for its miss.
func (a *memoryApp) endSilence(st *memoryStripe, c *channelState) {
	a.silences.Add(-1)
	st.mu.Lock()
	defer st.mu.Unlock()
	c.special.silences--
	st.sweep(c)
}
