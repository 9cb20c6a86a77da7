package cluster

import (
	"context"
	"time"

	"fanfare/apps"
	"fanfare/channels"
	"fanfare/cluster/ledger"
	"fanfare/pusherproto"
)

// History implements channels.Cluster. The ledger answers, because it may have
// events that this node has not received yet.
func (p *Peer) History(ctx context.Context, app *apps.App, channel string, query channels.HistoryQuery) (page channels.HistoryPage, err error) {
	name := subjectOf(app.ID, channel)
	if name.Kind != ledger.Channel || app.HistoryOf(channel) == nil {
		if none := (pusherproto.Serial{}); query.After != none || query.Before != none {
			page.Lost = channels.LostRule
		}
		return page, nil
	}
	q := p.partitionOf(name)
	q.mu.Lock()
	birth := q.feeds.birth
	q.mu.Unlock()
	for range 3 {
		a, err := p.readHistory(ctx, q, pageOf(name, query, HistoryEpoch(birth, name)))
		if err != nil {
			return page, err
		}
		if a.Birth == birth {
			page := historyPageOf(a, name)
			page.Lost = query.Misses(page.At, a.History.Dropped, a.History.Cleared)
			return page, nil
		}
		birth = a.Birth // the query may be about another memory than assumed
	}
	return page, channels.ErrAway
}

// pageOf converts a query to a request, in a memory in which the channel has the
// given epoch. For a serial of another epoch, every event is after it and none
// before it.
func pageOf(name ledger.Subject, query channels.HistoryQuery, epoch uint64) ledger.GetHistory {
	r := ledger.GetHistory{Subject: name, Backward: query.Backward, Most: max(query.Limit, 0)}
	if query.After.Epoch == epoch {
		r.After = query.After.Offset
	}
	switch none := (pusherproto.Serial{}); {
	case query.Before == none:
	case query.Before.Epoch == epoch && query.Before.Offset > 0:
		r.Before = query.Before.Offset
	default:
		r.Before = 1
	}
	return r
}

func historyPageOf(a ledger.Answer, name ledger.Subject) channels.HistoryPage {
	epoch := HistoryEpoch(a.Birth, name)
	page := channels.HistoryPage{More: a.History.More, At: pusherproto.Serial{Epoch: epoch, Offset: a.Head}}
	for i := range a.History.Events {
		k := &a.History.Events[i]
		serial := pusherproto.Serial{Epoch: epoch, Offset: k.Seq}
		page.Events = append(page.Events, channels.HistoryEvent{
			Serial: serial, Message: withSerial(k.Payload, serial).Payload(), Time: time.UnixMilli(k.Time), Client: k.Client, SocketID: k.Except,
		})
	}
	return page
}

func (p *Peer) readHistory(ctx context.Context, q *partition, r ledger.GetHistory) (ledger.Answer, error) {
	answer := make(chan *ledger.Answer, 1)
	p.ask(q, r, func(a *ledger.Answer) { answer <- a })
	select {
	case a := <-answer:
		if a == nil {
			return ledger.Answer{}, channels.ErrAway
		}
		return *a, nil
	case <-ctx.Done():
		return ledger.Answer{}, ctx.Err()
	}
}

// ClearHistory implements channels.Cluster.
func (p *Peer) ClearHistory(ctx context.Context, app *apps.App, channel string) error {
	name := subjectOf(app.ID, channel)
	if name.Kind != ledger.Channel || app.HistoryOf(channel) == nil {
		return nil
	}
	return p.confirmed(ctx, ledger.Op{Kind: ledger.OpClear, Subject: name})
}

// confirmed sends an op and waits until the ledger has applied it.
func (p *Peer) confirmed(ctx context.Context, op ledger.Op) error {
	q := p.partitionOf(op.Subject)
	answer := make(chan error, 1)
	q.mu.Lock()
	q.say(op, func(err error) { answer <- err })
	q.mu.Unlock()
	select {
	case err := <-answer:
		return err
	case <-ctx.Done():
		return ctx.Err()
	}
}

// historyLoaded is the maximum bytes of a history that a node reads when it begins
// to watch the channel. A client that recovers from before that receives the answer
// that events are no longer kept.
const historyLoaded = 4 << 20

// complete reads more of the history than fits in a state, and then applies the
// state to the subject, unless it was requested again.
func (q *partition) complete(it ask, a *ledger.Answer) {
	h := &a.State.History
	if it.s.app.latest.Load().HistoryOf(it.s.name.Name) == nil {
		*h = ledger.History{Dropped: a.Head}
	}
	bytes := 0
	for i := range h.Events {
		bytes += len(h.Events[i].Payload) + keptBytes
	}
	if !h.More || len(h.Events) == 0 || bytes > historyLoaded {
		it.s.learn(a.State, a.Head)
		return
	}
	q.send(ledger.GetHistory{Subject: it.s.name, Before: h.Events[0].Seq, Backward: true, Most: historyPage}, func(b *ledger.Answer) {
		if b == nil || q.link.state != linkDone || it.stale() || b.Birth != a.Birth {
			return
		}
		older := make([]ledger.Kept, 0, len(b.History.Events)+len(h.Events))
		for i := len(b.History.Events) - 1; i >= 0; i-- {
			older = append(older, b.History.Events[i])
		}
		if h.More = b.History.More; !h.More {
			h.Dropped = min(max(h.Dropped, b.History.Dropped), h.Events[0].Seq-1)
		}
		h.Events = append(older, h.Events...)
		q.complete(it, a)
	})
}

// historyPage is the maximum number of events requested at once. Fewer are returned
// if they are long.
const historyPage = 1000
