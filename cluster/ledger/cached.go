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
	due      int64 // ledger time at which it is forgotten
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
		from: op.DataFrom, to: op.DataTo, due: l.time + ttl,
	}
	if op.Kind == OpRecall {
		rec.cached.origin, rec.cached.was = op.Origin, op.Was
	}
	heap.Push(&l.dues, rec.cached)
}

// recall takes the event that a node remembers, unless the subject has a better
// one: that this memory has accepted, that comes later in the memory that is lost,
// or, if that is another one, that was recalled before.
func (l *Ledger) recall(n *node, op *Op) {
	rec := l.find(op.Subject)
	if rec != nil && l.remembers(rec) && !l.was(rec.cached).yields(op.Was, rec.cached.birth != l.birth) {
		return
	}
	if rec == nil {
		rec = l.open(op.Subject)
	}
	l.remember(rec, l.append(rec, Entry{Kind: EntryRecalled, Node: n.id, Epoch: n.epoch, Op: *op}))
}

// yields tells whether an event that was at p is to be replaced by one that was at
// o. It is one of a dump, or recalled.
func (p Place) yields(o Place, dump bool) bool {
	if p.Birth == o.Birth {
		return p.Seq < o.Seq
	}
	return dump
}

// was is the place of an event in a memory before this one, zero if it was
// accepted in this one.
func (l *Ledger) was(c *cached) Place {
	if c.birth != l.birth {
		return Place{c.birth, c.seq}
	}
	return c.was
}

// remembers tells whether the subject has an event that is not past its time.
func (l *Ledger) remembers(rec *record) bool { return rec.cached != nil && rec.cached.due > l.time }

func (l *Ledger) forgetCached(rec *record) {
	if rec.cached != nil {
		heap.Remove(&l.dues, rec.cached.at)
		rec.cached = nil
	}
}

func (l *Ledger) cachedEvent(rec *record) *CachedEvent {
	if !l.remembers(rec) {
		return nil
	}
	c := rec.cached
	return &CachedEvent{
		Seq: c.seq, Was: l.was(c), Origin: c.origin, Payload: c.payload, Except: c.except, DataFrom: c.from, DataTo: c.to, TTL: c.due - l.time,
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
