package ledger

import (
	"bytes"
	"container/heap"

	"fanfare/pusherproto"
)

// cached is a cache channel's event.
type cached struct {
	on       *record
	birth    Birth // of the memory that it came to
	seq      uint64
	was      Place // Op.Was, zero if it was accepted
	origin   Origin
	payload  []byte
	except   pusherproto.SocketID
	from, to int   // of the data in the payload
	due      int64 // ledger time at which it ends; a Tick forgets it then, or soon after
	at       int   // in Ledger.dues
}

// remember keeps an event as the subject's. The copy keeps no request in
// memory.
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

// recall takes the event that a node remembers of a memory that is lost, unless
// that is part of this memory, or the subject has a better one.
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

// yields reports whether an event is to be replaced by one that was at o, in a
// memory that is lost: it came before, in that memory, or to one that the present
// one, that of the birth, goes on from. If it was recalled from another one nobody
// knows which came first: it stays.
func (c *cached) yields(o Place, birth Birth) bool {
	if c.was.Birth == o.Birth {
		return c.was.Seq < o.Seq
	}
	return c.birth != birth
}

// was is the place of an event in a memory before this one, zero if it was
// accepted in this one.
func (l *Ledger) was(c *cached) Place {
	if c.birth != l.birth {
		return Place{c.birth, c.seq}
	}
	return c.was
}

// remembers reports whether the subject had an event at the last Tick that was not
// past its time.
func (l *Ledger) remembers(rec *record) bool { return rec.cached != nil && rec.cached.due > l.time }

// shows reports whether it has one now. Nodes count from the moment in which an event
// came down, so they are told how much is left from this moment on.
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

// dues is a heap of all cached events: the next one to forget comes first.
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
