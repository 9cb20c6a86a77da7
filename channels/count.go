package channels

import (
	"time"

	"fanfare/apps"
	"fanfare/pusherproto"
)

// With up to countAtOnce sockets every change of a subscription count is sent; with
// more, at most one in countInterval
// (docs/spec/cache-and-counts.md#subscription-counts). The same holds after more
// than countBurst changes in that time: otherwise one socket that joins and leaves
// repeatedly would cause a hundred times as many messages as it sends.
const (
	countAtOnce   = 100
	countInterval = 5 * time.Second
	countBurst    = 2 * countAtOnce
)

// Count decides when the number of subscribers is sent to the subscribers of a
// channel. The zero value is that of a channel that has sent none.
type Count struct {
	told    int32
	at      time.Time
	pending bool
	burst   int32 // changes in the interval that began at since
	since   int64 // ms
}

// Changed records that there are n subscribers now. If tell is set, the caller
// sends n at once. If later is not zero, the caller calls Due at that time.
// Otherwise a call of Due is already scheduled.
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

// often counts a change and reports whether there were more than countBurst in countInterval.
func (c *Count) often(now time.Time) bool {
	ms := now.UnixMilli()
	if passed := ms - c.since; passed >= countInterval.Milliseconds() || passed < 0 {
		c.since, c.burst = ms, 0
	}
	c.burst++
	return c.burst > countBurst
}

// countChanged sends the channel its new count, now or later. The caller holds the
// stripe's lock.
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

// tellLater sends a count that was delayed. of is the state that scheduled it: a
// channel that was vacated and occupied again has a new state, with a deadline of
// its own.
func (m *memory) tellLater(app *apps.App, of *channelState) {
	st, c := m.app(app).lock(of.name)
	defer st.mu.Unlock()
	if c == of && of.special.count.Due(of.sockets) {
		m.tellCount(app, of)
	}
}

// tellCount sends the count to the channel and to the observers. Encrypted channels
// receive none: the Java client would try to decrypt it, and crash.
func (m *memory) tellCount(app *apps.App, c *channelState) {
	name, n := c.name, int(c.sockets)
	c.special.count.Told(m.now(), c.sockets)
	if n > 0 && !pusherproto.KindOf(name).Encrypted() {
		f := pusherproto.AppendSubscriptionCount(beginFrame(96+len(name)), name, n)
		m.node.Deliver(app, name, seal(f), pusherproto.SocketID{})
	}
	m.node.Observe(Notice{Kind: SubscriptionCount, App: app, Channel: name, Count: n})
}
