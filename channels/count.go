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
	told    int32
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
func (m *memory) countChanged(st *memoryStripe, app *apps.App, kind pusherproto.Kind, c *channelState) {
	if !app.SubscriptionCount || kind.Presence() {
		return
	}
	count := &st.special(c).count
	if c.sockets == 0 || c.sockets <= countAtOnce && !count.often(m.now()) {
		m.tellCount(app, c)
		return
	}
	if count.pending {
		return
	}
	if next := count.at.Add(countInterval); m.now().Before(next) {
		count.pending = true
		m.schedule.at(next, func() { m.tellLater(app, c) })
		return
	}
	m.tellCount(app, c)
}

// tellLater is for the state the deadline was made for: a channel that was
// vacated and filled again has a state, and a deadline, of its own.
func (m *memory) tellLater(app *apps.App, of *channelState) {
	st, c := m.app(app).lock(of.name)
	defer st.mu.Unlock()
	if c != of {
		return
	}
	of.special.count.pending = false
	if of.sockets != of.special.count.told {
		m.tellCount(app, of)
	}
}

// tellCount tells the channel and the webhooks. An encrypted channel is not
// told: the Java client decrypts whatever comes on one, and ends.
func (m *memory) tellCount(app *apps.App, c *channelState) {
	name, n := c.name, int(c.sockets)
	c.special.count.told, c.special.count.at = c.sockets, m.now()
	if n > 0 && !pusherproto.KindOf(name).Encrypted() {
		f := pusherproto.AppendSubscriptionCount(beginFrame(96+len(name)), name, n)
		m.node.Deliver(app, name, seal(f), pusherproto.SocketID{})
	}
	m.node.Observe(Notice{Kind: SubscriptionCount, App: app, Channel: name, Count: n})
}
