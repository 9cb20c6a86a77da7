package channels

import (
	"time"

	"fanfare/apps"
	"fanfare/pusherproto"
)

// Up to countAtOnce sockets every change of a subscription count is sent;
// above it one in countInterval
// (docs/spec/cache-and-counts.md#subscription-counts), and likewise above
// countBurst changes in that time: one socket that comes and goes must not have
// everybody sent a hundred times as much as it sends itself.
const (
	countAtOnce   = 100
	countInterval = 5 * time.Second
	countBurst    = 2 * countAtOnce
)

// Count decides when the number of subscribers is sent to the subscribers of a
// channel. The zero value has sent none.
type Count struct {
	told    int32
	at      time.Time
	pending bool
	burst   int32 // changes in the interval that began at since
	since   int64 // ms
}

// Changed records that there are n subscribers now. It returns whether to send that
// number at once, or when to call Due, or neither if it has said so before.
func (c *Count) Changed(now time.Time, n int32) (tell bool, later time.Time) {
	if n == 0 || n <= countAtOnce && !c.often(now) {
		return true, later
	}
	if c.pending {
		return false, later
	}
	if next := c.at.Add(countInterval); now.Before(next) {
		c.pending = true
		return false, next
	}
	return true, later
}

// Due reports whether n still has to be sent.
func (c *Count) Due(n int32) bool {
	c.pending = false
	return n != c.told
}

// Told records that n was sent.
func (c *Count) Told(now time.Time, n int32) { c.told, c.at = n, now }

// often counts a change and reports whether there were too many of late.
func (c *Count) often(now time.Time) bool {
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
	tell, later := st.special(c).count.Changed(m.now(), c.sockets)
	if tell {
		m.tellCount(app, c)
	} else if !later.IsZero() {
		m.schedule.at(later, func() { m.tellLater(app, c) })
	}
}

// tellLater is for the state the deadline was made for: a channel that was
// vacated and filled again has a state, and a deadline, of its own.
func (m *memory) tellLater(app *apps.App, of *channelState) {
	st, c := m.app(app).lock(of.name)
	defer st.mu.Unlock()
	if c == of && of.special.count.Due(of.sockets) {
		m.tellCount(app, of)
	}
}

// tellCount tells the channel and the webhooks. An encrypted channel is not
// told: the Java client decrypts whatever comes on one, and ends.
func (m *memory) tellCount(app *apps.App, c *channelState) {
	name, n := c.name, int(c.sockets)
	c.special.count.Told(m.now(), c.sockets)
	if n > 0 && !pusherproto.KindOf(name).Encrypted() {
		f := pusherproto.AppendSubscriptionCount(beginFrame(96+len(name)), name, n)
		m.node.Deliver(app, name, seal(f), pusherproto.SocketID{})
	}
	m.node.Observe(Notice{Kind: SubscriptionCount, App: app, Channel: name, Count: n})
}
