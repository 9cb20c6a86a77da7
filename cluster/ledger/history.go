package ledger

import (
	"bytes"
	"cmp"
	"crypto/sha1" //nolint:gosec // spreads names over buckets, as scripts of Redis can too
	"slices"
	"time"

	"fanfare/pusherproto"
)

// OpClear forgets the history of Subject. Its entry is an EntryCleared.
const (
	OpClear      OpKind    = 8
	EntryCleared EntryKind = 8
)

// Keep says how an event is kept in the history of its subject.
type Keep struct {
	Events int           // how many events the subject keeps; 0 means none
	TTL    time.Duration // time for which it keeps this event
	Bytes  int           // maximum bytes of the app in a partition; 0 means no limit
}

// Placement is the position of an event: the number of its op, and the seq of its
// entry.
type Placement struct{ N, Seq uint64 }

// History is the history of a subject, or a part of it. Offsets are seqs of the
// partition, so they continue when a memory continues from another.
type History struct {
	// Dropped is the seq of the last event that may have been kept and is not any
	// more, 0 if there is none.
	Dropped uint64
	// Cleared is the seq at which the history was last cleared, 0 if none is known.
	Cleared uint64
	Events  []Kept
	More    bool // there are more of the events asked for; in a state, older ones
}

// Kept is an event of a history.
type Kept struct {
	Seq     uint64
	Time    int64 // when it was published, ms of the server's clock
	TTL     int64 // remaining time to live, ms
	Payload []byte
	Except  pusherproto.SocketID
	Client  bool
}

const (
	// clearKept is how long a ledger remembers that a history was cleared, ms of
	// ledger time.
	clearKept = 60 * 60 * 1000
	// historyFreed is the maximum number of events that a Tick frees.
	historyFreed = 2000 // approximately: the last history is freed whole
)

// histories are the kept events of subjects. They are independent of the records of
// subjects: a history stays when its channel has no subscribers.
type histories struct {
	all  map[Subject]*history
	dues []*history // all, by the time when something can be freed
	apps map[string]*keeps
	// forgotten is, for subjects without a history, the seq of the last event that
	// may be missing. All subjects of a bucket share one.
	forgotten map[uint16]uint64
}

// keeps is the events that an app keeps in the partition.
type keeps struct {
	bytes  int
	oldest []*history // those with events, by their first event
}

type history struct {
	subject Subject
	events  []kept // oldest first
	dropped uint64
	cleared uint64
	until   int64 // ledger time until which cleared is remembered
	due     int64 // when something can be freed: its position in dues
}

type kept struct {
	seq       uint64
	time, due int64
	size      int
	payload   []byte
	except    pusherproto.SocketID
	client    bool
}

// bucketOf returns the bucket of a subject, one of 4096.
func bucketOf(s Subject) uint16 {
	sum := sha1.Sum([]byte(s.String())) //nolint:gosec // as above
	return uint16(sum[0])<<4 | uint16(sum[1])>>4
}

// history returns the history of a subject, which it creates if necessary.
func (l *Ledger) history(s Subject) *history {
	h := l.kept.all[s]
	if h == nil {
		if l.kept.all == nil {
			l.kept.all, l.kept.apps, l.kept.forgotten = map[Subject]*history{}, map[string]*keeps{}, map[uint16]uint64{}
		}
		h = &history{subject: s, dropped: l.kept.forgotten[bucketOf(s)]}
		l.kept.all[s] = h
	}
	return h
}

// keep adds an event to the history of its subject, and drops the oldest ones above
// the limits. It is a copy, so the request can be freed.
func (l *Ledger) keep(e *Entry, now int64) {
	op := &e.Op
	h := l.history(op.Subject)
	it := kept{
		seq: e.Seq, time: now, due: l.moment + max(op.Keep.TTL.Milliseconds(), 1), size: op.Size(),
		payload: bytes.Clone(op.Payload), except: op.Except, client: op.Client,
	}
	in := l.kept.apps[op.Subject.App]
	if in == nil {
		in = &keeps{}
		l.kept.apps[op.Subject.App] = in
	}
	l.kept.leave(h)
	h.events = append(h.events, it)
	in.bytes += it.size
	for len(h.events) > op.Keep.Events {
		in.drop(h)
	}
	l.kept.settle(h, l.time)
	for op.Keep.Bytes > 0 && in.bytes > op.Keep.Bytes && in.oldest[0].events[0].seq != e.Seq {
		oldest := in.oldest[0]
		l.kept.leave(oldest)
		in.drop(oldest)
		l.kept.settle(oldest, l.time)
	}
	l.placed = append(l.placed, Placement{op.N, e.Seq})
}

// clear empties the history of a subject.
func (l *Ledger) clear(n *node, op *Op) {
	e := l.append(l.find(op.Subject), Entry{Kind: EntryCleared, Node: n.id, Epoch: n.epoch, Op: *op})
	h := l.history(op.Subject)
	l.kept.leave(h)
	for len(h.events) > 0 {
		l.kept.apps[h.subject.App].drop(h)
	}
	h.dropped, h.cleared, h.until = e.Seq, e.Seq, l.time+clearKept
	l.kept.settle(h, l.time)
}

// drop removes the oldest event. The history must be in no index.
func (in *keeps) drop(h *history) {
	in.bytes -= h.events[0].size
	h.dropped = h.events[0].seq
	h.events[0] = kept{}
	h.events = h.events[1:]
}

// settle drops expired events at the front. Then it files the history again, or
// removes it if it is empty and remembers nothing. It returns the number of dropped
// events.
func (hs *histories) settle(h *history, time int64) (dropped int) {
	for ; len(h.events) > 0 && h.events[0].due <= time; dropped++ {
		hs.apps[h.subject.App].drop(h)
	}
	if len(h.events) > 0 || h.until > time {
		hs.file(h)
		return dropped
	}
	delete(hs.all, h.subject)
	hs.forgotten[bucketOf(h.subject)] = max(hs.forgotten[bucketOf(h.subject)], h.dropped)
	if in := hs.apps[h.subject.App]; in != nil && len(in.oldest) == 0 {
		delete(hs.apps, h.subject.App)
	}
	return dropped
}

// file adds a history to the indices, leave removes it.
func (hs *histories) file(h *history) {
	h.due = h.until
	if len(h.events) > 0 {
		h.due = h.events[0].due
		in := hs.apps[h.subject.App]
		at, _ := in.find(h)
		in.oldest = slices.Insert(in.oldest, at, h)
	}
	at, _ := hs.findDue(h)
	hs.dues = slices.Insert(hs.dues, at, h)
}

func (hs *histories) leave(h *history) {
	if at, found := hs.findDue(h); found {
		hs.dues = slices.Delete(hs.dues, at, at+1)
	}
	if len(h.events) > 0 {
		in := hs.apps[h.subject.App]
		at, _ := in.find(h)
		in.oldest = slices.Delete(in.oldest, at, at+1)
	}
}

func (in *keeps) find(h *history) (at int, found bool) {
	return slices.BinarySearchFunc(in.oldest, h.events[0].seq, func(o *history, seq uint64) int { return cmp.Compare(o.events[0].seq, seq) })
}

func (hs *histories) findDue(h *history) (at int, found bool) {
	return slices.BinarySearchFunc(hs.dues, h, func(a, b *history) int {
		return cmp.Or(cmp.Compare(a.due, b.due), cmp.Compare(a.subject.String(), b.subject.String()))
	})
}

// free drops expired events. An event is not dropped before those ahead of it.
func (hs *histories) free(time int64) {
	for most := historyFreed; most > 0 && len(hs.dues) > 0 && hs.dues[0].due <= time; most-- {
		h := hs.dues[0]
		hs.leave(h)
		most -= hs.settle(h, time)
	}
}

// page returns the requested part of a subject's history, as of a moment.
func (l *Ledger) page(r GetHistory, moment int64) History {
	h := l.kept.all[r.Subject]
	switch {
	case h == nil && len(l.kept.forgotten) == 0:
		return History{}
	case h == nil:
		return History{Dropped: l.kept.forgotten[bucketOf(r.Subject)]}
	}
	p := History{Dropped: h.dropped}
	if h.until > moment {
		p.Cleared = h.cleared
	}
	events := h.events
	for len(events) > 0 && events[0].due <= moment {
		p.Dropped, events = events[0].seq, events[1:]
	}
	first, _ := slices.BinarySearchFunc(events, r.After+1, func(k kept, seq uint64) int { return cmp.Compare(k.seq, seq) })
	last := len(events)
	if r.Before > 0 {
		last, _ = slices.BinarySearchFunc(events, r.Before, func(k kept, seq uint64) int { return cmp.Compare(k.seq, seq) })
	}
	events = events[first:max(first, last)]
	left := l.PageBytes
	if left == 0 {
		left = pageBytes
	}
	for i := range events {
		k := &events[i]
		if r.Backward {
			k = &events[len(events)-1-i]
		}
		if left -= k.size; i >= r.Most || left < 0 && i > 0 {
			p.More = true
			break
		}
		p.Events = append(p.Events, Kept{Seq: k.seq, Time: k.time, TTL: k.due - moment, Payload: k.payload, Except: k.except, Client: k.client})
	}
	return p
}

// newest returns the part that a state contains: the newest events that fit in a
// page, the oldest first.
func (l *Ledger) newest(s Subject) History {
	p := l.page(GetHistory{Subject: s, Backward: true, Most: stateKept}, l.moment)
	slices.Reverse(p.Events)
	return p
}

// stateKept is the maximum number of events in a state.
const stateKept = 1000

// GetHistory asks for events that Subject keeps: those after After and before
// Before, each ignored if 0; the newest first if Backward; Most of them, or fewer
// if they are long.
type GetHistory struct {
	Subject       Subject
	After, Before uint64
	Backward      bool
	Most          int
}

func (GetHistory) request() {}

// clone returns a copy that shares only immutable data.
func (hs *histories) clone() histories {
	c := histories{}
	if hs.all == nil {
		return c
	}
	c.all, c.apps, c.forgotten = map[Subject]*history{}, map[string]*keeps{}, map[uint16]uint64{}
	for b, seq := range hs.forgotten {
		c.forgotten[b] = seq
	}
	for s, h := range hs.all {
		copied := *h
		copied.events = slices.Clone(h.events)
		c.all[s] = &copied
	}
	for _, h := range hs.dues {
		c.dues = append(c.dues, c.all[h.subject])
	}
	for app, in := range hs.apps {
		copied := &keeps{bytes: in.bytes}
		for _, h := range in.oldest {
			copied.oldest = append(copied.oldest, c.all[h.subject])
		}
		c.apps[app] = copied
	}
	return c
}

// dumpHistories describes the histories for Dump.
func (l *Ledger) dumpHistories(add func(format string, args ...any)) {
	for s, h := range l.kept.all {
		add("history %q dropped=%d cleared=%d until=%d", s.String(), h.dropped, h.cleared, h.until)
		for _, k := range h.events {
			add("kept %q seq=%d time=%d due=%d size=%d except=%v client=%v payload=%q", s.String(), k.seq, k.time, k.due, k.size, k.except, k.client, k.payload)
		}
	}
	for app, in := range l.kept.apps {
		if in.bytes > 0 {
			add("keeps %q bytes=%d", app, in.bytes)
		}
	}
	for b, seq := range l.kept.forgotten {
		add("forgotten %03x=%d", b, seq)
	}
}
