package channels

import (
	"hash/maphash"
	"time"

	"fanfare/apps"
	"fanfare/internal/account"
	"fanfare/pusherproto"
)

// historyOf is the rule of a channel's history, nil if it keeps nothing. What is
// sent to a user is never kept: it is for the sockets of the moment.
func historyOf(app *apps.App, kind pusherproto.Kind, channel string) *apps.HistoryRule {
	if len(app.History) == 0 || kind.UserChannel() {
		return nil
	}
	return app.HistoryOf(channel)
}

// history is the events that are kept, nil if there never was one or it is known
// no more.
func (c *channelState) history() *eventLog {
	if c.special == nil {
		return nil
	}
	return c.special.history
}

// epoch is that of a channel's history. Each channel has its own, so that the
// serials of one mean nothing on another. It has nine digits at most: it is in
// every event.
func (a *memoryApp) epoch(channel string) uint64 {
	return max(1, maphash.String(a.seed, channel)>>18)
}

// record makes an event the newest of its channel's history and gives its frame
// the serial. The caller holds the stripe's lock.
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

// openHistory makes a history that goes on where the channel's last one ended.
func (st *memoryStripe) openHistory(c *channelState) *eventLog {
	l := st.newLog(c, historyShelf)
	l.epoch = st.app.epoch(c.name)
	lost := st.lost.of(l.epoch)
	l.dropped, l.cleared = lost.dropped, lost.cleared
	return l
}

// closeHistory forgets a history without events, but for what it had.
func (st *memoryStripe) closeHistory(l *eventLog) {
	st.app.account.Resize(account.History, st.lost.put(l.epoch, lostEvents{l.dropped, l.cleared})-logBytes)
	l.channel.special.history = nil
}

// bound has a history keep to its rule, which may be another than before. The
// caller holds the lock.
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

// renew is bound for when nothing is added. The caller holds the lock.
func (m *memory) renew(st *memoryStripe, l *eventLog, rule *apps.HistoryRule) {
	if st.bound(l, rule, m.since()); l.n == 0 {
		st.emptied(l)
	}
	m.await(st)
}

// empty drops all events of a history. Serials from before are of no use from
// here on. The caller holds the lock, and calls emptied.
func (st *memoryStripe) empty(l *eventLog) {
	for l.n > 0 {
		st.drop(l, dropCleared)
	}
	l.dropped = st.app.newest.Add(1) // what nobody has seen
	l.cleared = l.dropped
}
