package ledger

import (
	"bytes"
	"container/heap"

	"fanfare/pusherproto"
)

// cached is a cache channel's event.
type cached struct {
	on       *record
	birth    Birth // of the memory to which it was added
	seq      uint64
	was      Place // Op.Was, zero if it was accepted
	origin   Origin
	payload  []byte
	except   pusherproto.SocketID
	from, to int   // positions of the data in the payload
	due      int64 // ledger time at which it expires; a Tick then, or soon after, removes it
	at       int   // index in Ledger.dues
}

// remember makes an event the subject's cached event. It is a copy, so the request
// can be freed.
func (l *Ledger) remember(rec *record, e *Entry) {
	l.forgetCached(rec)
	op := &e.Op
	ttl := max(op.Remember.Milliseconds(), 1)
	rec.cached = &cached{
		on: rec, birth: e.Birth, seq: e.Seq, origin: Origin{e.Node, op.N}, payload: bytes.Clone(op.Payload), except: op.Except,
		from: op.DataFrom, to: op.DataTo, due: l.moment + ttl,
	}
	if op.Kind == OpRecall {
		rec.cached.origin, rec.cached.was = op.Origin, op.Was
	}
	heap.Push(&l.dues, rec.cached)
}

// recall takes an event that a node remembers of a lost memory, unless that is part
// of this memory, or the subject has a later one.
func (l *Ledger) recall(n *node, op *Op) {
	if l.common(op.Was.Birth) >= op.Was.Seq {
		return
	}
	rec := l.find(op.Subject)
	if rec != nil && l.shows(rec) && !rec.cached.yields(op.Was, l.birth) {
		return
	}
	if rec == nil {
		rec = l.open(op.Subject)
	}
	l.remember(rec, l.append(rec, Entry{Kind: EntryRecalled, Node: n.id, Epoch: n.epoch, Op: *op}))
}

// yields reports whether the event is replaced by one that was at o in a lost
// memory: it was earlier in that memory, or in one that the present memory, with
// the given birth, continues. If it was recalled from another memory the order is
// not known, and it stays.
func (c *cached) yields(o Place, birth Birth) bool {
	if c.was.Birth == o.Birth {
		return c.was.Seq < o.Seq
	}
	return c.birth != birth
}

// was returns the place of an event in an earlier memory, zero if it was accepted
// in this one.
func (l *Ledger) was(c *cached) Place {
	if c.birth != l.birth {
		return Place{c.birth, c.seq}
	}
	return c.was
}

// remembers reports whether the subject has an event that had not expired at the
// last Tick.
func (l *Ledger) remembers(rec *record) bool { return rec.cached != nil && rec.cached.due > l.time }

// shows reports whether it has one that has not expired now. Nodes measure the TTL
// from the moment when they receive an event, so they are sent what is left of it.
func (l *Ledger) shows(rec *record) bool { return rec.cached != nil && rec.cached.due > l.moment }

func (l *Ledger) forgetCached(rec *record) {
	if rec.cached != nil {
		heap.Remove(&l.dues, rec.cached.at)
		rec.cached = nil
	}
}

func (l *Ledger) cachedEvent(rec *record) *CachedEvent {
	if !l.shows(rec) {
		return nil
	}
	c := rec.cached
	return &CachedEvent{
		Seq: c.seq, Was: l.was(c), Origin: c.origin, Payload: c.payload, Except: c.except, DataFrom: c.from, DataTo: c.to, TTL: c.due - l.moment,
	}
}

// dues is a heap of all cached events: the next one to expire is first.
type dues []*cached

func (d dues) Len() int           { return len(d) }
func (d dues) Less(i, j int) bool { return d[i].due < d[j].due }
func (d dues) Swap(i, j int)      { d[i], d[j] = d[j], d[i]; d[i].at, d[j].at = i, j }

// Push implements heap.Interface.
func (d *dues) Push(x any) {
	c := x.(*cached)
	c.at = len(*d)
	*d = append(*d, c)
}

// Pop implements heap.Interface.
func (d *dues) Pop() any {
	last := len(*d) - 1
	c := (*d)[last]
	(*d)[last] = nil
	*d = (*d)[:last]
	return c
}
