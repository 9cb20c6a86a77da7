package channels

import "time"

// missSilence is how long one observed cache miss stands for those that follow
// it (spec: webhooks, Delay).
const missSilence = 5 * time.Second

// cachedEvent is the last API event of a cache channel.
type cachedEvent struct {
	sent    *Frame
	data    []byte
	expires time.Time
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

// remember makes an event the channel's cached one. The caller holds the
// stripe's lock.
func (m *memory) remember(st *memoryStripe, p Publication) {
	c := st.state(p.Channel)
	first := c.cached == nil
	// The frame holds its own copy of the data; p.Data may be the caller's
	// request buffer.
	c.cached = &cachedEvent{sent: p.Frame, data: append([]byte(nil), p.Data...), expires: m.now().Add(p.Remember)}
	c.missed = time.Time{}
	if first {
		m.schedule.at(c.cached.expires, func() { m.expire(st, p.Channel) })
	}
}

// expire forgets a cached event whose time is over and looks again later if a
// newer one took its place.
func (m *memory) expire(st *memoryStripe, channel string) {
	st.mu.Lock()
	defer st.mu.Unlock()
	c := st.channels.get(channel)
	if c == nil || c.cached == nil {
		return
	}
	if now := m.now(); now.Before(c.cached.expires) {
		m.schedule.at(c.cached.expires, func() { m.expire(st, channel) })
		return
	}
	c.cached = nil
	st.sweep(channel, c)
}

// observeMiss reports a cache miss once for sockets that subscribe together.
func (m *memory) observeMiss(j Join, c *channelState) {
	now := m.now()
	if now.Sub(c.missed) < missSilence {
		return
	}
	c.missed = now
	m.node.Observe(Notice{Kind: CacheMiss, App: j.App, Channel: j.Channel})
}
