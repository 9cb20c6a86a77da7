package channels

import (
	"time"

	"fanfare/apps"
	"fanfare/pusherproto"
)

// Up to countAtOnce sockets every change of a subscription count is sent;
// above it one in countInterval (spec: websocket section 7), and likewise
// above countBurst changes in that time: one socket that comes and goes must
// not have everybody sent a hundred times as much as it sends itself.
const (
	countAtOnce   = 100
	countInterval = 5 * time.Second
	countBurst    = 2 * countAtOnce
)

// countState is when a channel's subscription count was last told, and what.
type countState struct {
	told    int
	at      time.Time
	pending bool
	burst   int32 // changes in the interval that began at since
	since   int64 // ms
}

// often counts a change and tells whether there were too many of late.
func (c *countState) often(now time.Time) bool {
	ms := now.UnixMilli()
	if passed := ms - c.since; passed >= countInterval.Milliseconds() || passed < 0 {
		c.since, c.burst = ms, 0
	}
	c.burst++
	return c.burst > countBurst
}

// countChanged tells the channel its new count, now or when it is time. The
// caller holds the stripe's lock.
func (m *memory) countChanged(app *apps.App, name string, kind pusherproto.Kind, c *channelState) {
	if !app.SubscriptionCount || kind.Presence() {
		return
	}
	if c.sockets == 0 || c.sockets <= countAtOnce && !c.count.often(m.now()) {
		m.tellCount(app, name, c)
		return
	}
	if c.count.pending {
		return
	}
	if next := c.count.at.Add(countInterval); m.now().Before(next) {
		c.count.pending = true
		m.schedule.at(next, func() { m.tellLater(app, name, c) })
		return
	}
	m.tellCount(app, name, c)
}

// tellLater is for the state the deadline was made for: a channel that was
// vacated and filled again has a state, and a deadline, of its own.
func (m *memory) tellLater(app *apps.App, name string, of *channelState) {
	st := m.app(app.ID).stripe(name)
	st.mu.Lock()
	defer st.mu.Unlock()
	if st.channels.get(name) != of {
		return
	}
	of.count.pending = false
	if of.sockets != of.count.told {
		m.tellCount(app, name, of)
	}
}

// tellCount tells the channel and the webhooks. An encrypted channel is not
// told: the Java client decrypts whatever comes on one, and ends.
func (m *memory) tellCount(app *apps.App, name string, c *channelState) {
	c.count.told, c.count.at = c.sockets, m.now()
	if c.sockets > 0 && !pusherproto.KindOf(name).Encrypted() {
		f := pusherproto.AppendSubscriptionCount(beginFrame(96+len(name)), name, c.sockets)
		m.node.Deliver(app, name, seal(f), pusherproto.SocketID{})
	}
	m.node.Observe(Notice{Kind: SubscriptionCount, App: app, Channel: name, Count: c.sockets})
}
