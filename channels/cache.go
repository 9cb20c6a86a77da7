package channels

import (
	"time"
)

// missSilence is how long a channel's cache misses after the first are not
// reported (docs/spec/webhooks.md#delay).
const missSilence = 5 * time.Second

// maxSilences is the maximum number of an app's channels that are kept only to
// suppress further cache misses. Beyond it a miss may be reported again, so
// that clients cannot fill the memory by subscribing to many empty channels.
const maxSilences = 10_000

// cached returns the cached event, or nil if there is none or it has expired.
func (c *channelState) cached(now time.Duration) *keptEvent {
	if c.special == nil || c.special.cached == nil {
		return nil
	}
	l := c.special.cached
	if e := l.get(0); now < l.expiry(e) {
		return e
	}
	return nil
}

func (c *channelState) cachedFrame(now time.Duration) *Frame {
	if e := c.cached(now); e != nil {
		return e.frame
	}
	return nil
}

func (c *channelState) describeCached(now time.Duration) *Cached {
	e := c.cached(now)
	if e == nil {
		return nil
	}
	return &Cached{Data: e.frame.Payload()[e.from:e.to], TTL: e.log.expiry(e) - now}
}

// remember replaces the channel's cached event. The caller holds the stripe's
// lock.
func (st *memoryStripe) remember(c *channelState, e *keptEvent, ttl time.Duration) {
	of := st.special(c)
	if of.cached == nil {
		of.cached = st.newLog(c, cacheShelf)
	}
	of.missed = time.Time{}
	e.log = of.cached
	e.log.most, e.log.ttl = 1, ttl
	st.keep(e)
}

// observeMiss reports a cache miss, unless the channel had one within
// missSilence. The caller holds the stripe's lock.
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

// endSilence ends the missSilence of a channel, and removes its state if
// nothing else needs it.
func (a *memoryApp) endSilence(st *memoryStripe, c *channelState) {
	a.silences.Add(-1)
	st.mu.Lock()
	defer st.mu.Unlock()
	c.special.silences--
	st.sweep(c)
}
