package channels

import (
	"context"
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
// serials of one mean nothing on another.
func (a *memoryApp) epoch(channel string) uint64 {
	return max(1, maphash.String(a.seed, channel))
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

// past finds what a socket that joins is sent of the history. The caller holds the
// stripe's lock.
func (m *memory) past(st *memoryStripe, c *channelState, j *Join, answer *Joined) {
	l := c.history()
	if j.History == nil {
		if l != nil { // the rule is gone
			st.empty(l)
			st.emptied(l)
		}
		if j.Recover != "" && !j.Again {
			answer.Lost = LostRule
		}
		return
	}
	answer.At.Offset = st.app.newest.Load()
	if l != nil {
		answer.At.Epoch = l.epoch
		m.renew(st, l, j.History)
	} else {
		answer.At.Epoch = st.app.epoch(j.Channel)
	}
	if j.Again {
		return
	}
	if j.Recover != "" {
		if answer.Past, answer.Lost = st.recover(l, j, answer.At); answer.Lost == nil {
			return
		}
	}
	if l != nil {
		answer.Past = l.frames(max(0, l.n-int32(j.History.Rewind)), pusherproto.SocketID{})
	}
}

// recover finds what came after the serial that a client saw last.
func (st *memoryStripe) recover(l *eventLog, j *Join, at pusherproto.Serial) ([]*Frame, *LostHistory) {
	seen, ok := pusherproto.ParseSerial(j.Recover)
	switch {
	case !ok:
		return nil, LostSerial
	case seen.Epoch != at.Epoch:
		return nil, LostEpoch
	case seen.Offset > at.Offset:
		return nil, LostSerial
	}
	var lost lostEvents
	if l != nil {
		lost = lostEvents{l.dropped, l.cleared}
	} else {
		lost = st.lost.of(at.Epoch)
	}
	switch {
	case seen.Offset < lost.cleared:
		return nil, LostEpoch
	case seen.Offset < lost.dropped:
		return nil, LostEvents
	case l == nil:
		return nil, nil
	}
	return l.frames(l.after(seen.Offset), j.RecoverSocket), nil
}

// frames is those of the events from a position on, but for what was not meant for
// a socket.
func (l *eventLog) frames(from int32, socket pusherproto.SocketID) []*Frame {
	if from >= l.n {
		return nil
	}
	frames := make([]*Frame, 0, l.n-from)
	for i := from; i < l.n; i++ {
		if e := l.get(i); socket.IsZero() || e.except != socket {
			frames = append(frames, e.frame)
		}
	}
	return frames
}

// History implements Cluster.
func (m *memory) History(_ context.Context, app *apps.App, channel string, q HistoryQuery) (page HistoryPage, err error) {
	rule := historyOf(app, pusherproto.KindOf(channel), channel)
	if rule == nil {
		return page, nil
	}
	a := m.app(app)
	st, c := a.lock(channel)
	defer st.mu.Unlock()
	page.At = pusherproto.Serial{Epoch: a.epoch(channel), Offset: a.newest.Load()}
	if c == nil || c.history() == nil {
		return page, nil
	}
	l := c.history()
	m.renew(st, l, rule)
	from, to := l.span(q, page.At.Epoch)
	if from >= to {
		return page, nil
	}
	n := min(to-from, int32(max(0, min(q.Limit, int(l.n)))))
	page.More = n < to-from
	page.Events = make([]HistoryEvent, 0, n)
	for i := range n {
		at := from + i
		if q.Backward {
			at = to - 1 - i
		}
		page.Events = append(page.Events, m.tell(l.get(at)))
	}
	return page, nil
}

// span is the positions that a query asks for. After a serial of another epoch
// everything is later, before one nothing is left.
func (l *eventLog) span(q HistoryQuery, epoch uint64) (from, to int32) {
	to = l.n
	switch {
	case q.Before == pusherproto.Serial{}:
	case q.Before.Epoch != epoch || q.Before.Offset == 0:
		to = 0
	default:
		to = l.after(q.Before.Offset - 1)
	}
	if q.After.Epoch == epoch {
		from = l.after(q.After.Offset)
	}
	return from, to
}

func (m *memory) tell(e *keptEvent) HistoryEvent {
	return HistoryEvent{
		Serial:  pusherproto.Serial{Epoch: e.log.epoch, Offset: e.offset},
		Message: e.frame.Payload(), Time: m.began.Add(e.at), Client: e.client, SocketID: e.except,
	}
}

// ClearHistory implements Cluster. What a cache channel remembers stays.
func (m *memory) ClearHistory(_ context.Context, app *apps.App, channel string) error {
	a := m.app(app)
	st, c := a.lock(channel)
	defer st.mu.Unlock()
	if c == nil || c.history() == nil {
		return nil
	}
	st.empty(c.history())
	st.emptied(c.history())
	return nil
}
