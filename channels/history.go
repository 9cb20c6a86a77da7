package channels

import (
	"hash/maphash"
	"time"

	"fanfare/apps"
	"fanfare/internal/account"
	"fanfare/pusherproto"
)

// historyOf returns the rule of a channel's history, or nil if it has none.
// Events for a user are never stored: they are only for the sockets that the
// user has at that moment.
func historyOf(app *apps.App, kind pusherproto.Kind, channel string) *apps.HistoryRule {
	if len(app.History) == 0 || kind.UserChannel() {
		return nil
	}
	return app.HistoryOf(channel)
}

// history returns the stored events, or nil if there is no history or it was
// removed.
func (c *channelState) history() *eventLog {
	if c.special == nil {
		return nil
	}
	return c.special.history
}

// epoch returns the epoch of a channel's history. Each channel has its own, so
// that a serial of one channel is not valid on another. It has at most nine
// digits, because every event contains it.
func (a *memoryApp) epoch(channel string) uint64 {
	return max(1, maphash.String(a.seed, channel)>>18)
}

// record adds an event to its channel's history and appends its serial to its
// frame. The caller holds the stripe's lock.
func (m *memory) record(st *memoryStripe, c *channelState, e *keptEvent, rule *apps.HistoryRule) pusherproto.Serial {
	of := st.special(c)
	if of.history == nil {
		of.history = st.openHistory(c)
	}
	l := of.history
	st.bound(l, rule, e.at)
	serial := pusherproto.Serial{Epoch: l.epoch, Offset: e.offset}
	e.frame.AppendSerial(serial)
	e.log = l
	st.keep(e)
	return serial
}

// openHistory creates a history, with what is remembered of the channel's
// previous one.
func (st *memoryStripe) openHistory(c *channelState) *eventLog {
	l := st.newLog(c, historyShelf)
	l.epoch = st.app.epoch(c.name)
	lost := st.lost.of(l.epoch)
	l.dropped, l.cleared = lost.dropped, lost.cleared
	return l
}

// closeHistory removes a history without events, and remembers what it has lost.
func (st *memoryStripe) closeHistory(l *eventLog) {
	st.app.account.Resize(account.History, st.lost.put(l.epoch, lostEvents{l.dropped, l.cleared})-logBytes)
	l.channel.special.history = nil
}

// bound applies a rule to a history; the rule may have changed. The caller holds
// the lock.
func (st *memoryStripe) bound(l *eventLog, rule *apps.HistoryRule, now time.Duration) {
	l.most = int32(max(rule.Events, 1))
	for l.n > l.most {
		st.drop(l, dropEvents)
	}
	if l.ttl != rule.TTL {
		if l.ttl = rule.TTL; l.n > 0 {
			st.wait(l)
		}
	}
	st.outdate(l, now, int(l.n))
}

// renew calls bound when no event is added afterwards. The caller holds the lock.
func (m *memory) renew(st *memoryStripe, l *eventLog, rule *apps.HistoryRule) {
	if st.bound(l, rule, m.since()); l.n == 0 {
		st.emptied(l)
	}
	m.await(st)
}

// empty drops all events of a history. Earlier serials are invalid afterwards.
// The caller holds the lock, and calls emptied.
func (st *memoryStripe) empty(l *eventLog) {
	for l.n > 0 {
		st.drop(l, dropCleared)
	}
	l.dropped = st.app.newest.Add(1) // an offset that no client has received
	l.cleared = l.dropped
}
