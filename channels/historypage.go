package channels

import (
	"context"

	"fanfare/apps"
	"fanfare/pusherproto"
)

// History implements Cluster.
func (m *memory) History(_ context.Context, app *apps.App, channel string, q HistoryQuery) (page HistoryPage, err error) {
	rule := historyOf(app, pusherproto.KindOf(channel), channel)
	if rule == nil {
		if q.names() {
			page.Lost = LostRule
		}
		return page, nil
	}
	a := m.app(app)
	st, c := a.lock(channel)
	defer st.mu.Unlock()
	page.At = pusherproto.Serial{Epoch: a.epoch(channel), Offset: a.newest.Load()}
	if c == nil || c.history() == nil {
		page.Lost = q.Misses(page.At, st.lost.of(page.At.Epoch).dropped, st.lost.of(page.At.Epoch).cleared)
		return page, nil
	}
	l := c.history()
	m.renew(st, l, rule)
	page.Lost = q.Misses(page.At, l.dropped, l.cleared)
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

// Misses returns why events that the query asks for are missing, or nil if none
// are: the serial in the query belongs to another history, or events after it are
// no longer stored. The parameters are as for MissedSince.
func (q *HistoryQuery) Misses(at pusherproto.Serial, dropped, cleared uint64) *LostHistory {
	none := pusherproto.Serial{}
	if q.Before != none && (q.Before.Epoch != at.Epoch || q.Before.Offset < cleared) {
		return LostEpoch
	}
	if q.After == none {
		return nil
	}
	_, why := MissedSince(q.After.String(), at, dropped, cleared)
	return why
}

// names reports whether the query has a serial.
func (q *HistoryQuery) names() bool {
	return q.After != pusherproto.Serial{} || q.Before != pusherproto.Serial{}
}

// span returns the range of positions that a query asks for. If After is of
// another epoch, every event is later; if Before is of another epoch, no event is
// earlier.
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

// ClearHistory implements Cluster. It does not remove the cached event of a cache channel.
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
