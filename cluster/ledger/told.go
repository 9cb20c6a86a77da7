package ledger

import (
	"cmp"
	"slices"
)

// Hooks are the kinds of webhooks that an app wants for a channel, one bit each.
type Hooks uint8

// The kinds.
const (
	HookChannel Hooks = 1 << iota // the channel is occupied or vacated
	HookMembers                   // members join or leave
	HookCount                     // the number of sockets
	HookEvents                    // client events
)

// told is a channel or a member whose presence webhooks have reported, or will
// report (rule H1).
type told struct {
	subject Subject
	user    string // "" for a channel
	what    Hooks  // HookChannel or HookMembers
	status  toldStatus
	since   int64  // going: ledger time at which it was found gone
	order   uint64 // order of the reports of presence and of absence: twice the seq of the entry that changed it; for facts that stopped counting, one more than twice the last seq before the tick
}

// toldStatus is what webhooks have yet to report.
type toldStatus uint8

const (
	there  toldStatus = iota // nothing: its presence is reported
	coming                   // that it is present, when the partition is no longer young
	going                    // that it is gone, after the grace
)

// key identifies a told in its partition. Of those gone at once, members sort
// before their channel.
func (t *told) key() string {
	if t.what == HookChannel {
		return t.subject.String() + "\x00z"
	}
	return t.subject.String() + "\x00m" + t.user
}

// line is those of one status, in the order of their reports.
type line []*told

func (l line) find(t *told) (at int, found bool) {
	return slices.BinarySearchFunc(l, t, func(a, b *told) int {
		return cmp.Or(cmp.Compare(a.order, b.order), cmp.Compare(a.key(), b.key()))
	})
}

func (l *line) add(t *told) {
	at, _ := l.find(t)
	*l = slices.Insert(*l, at, t)
}

func (l *line) remove(t *told) {
	at, _ := l.find(t)
	*l = slices.Delete(*l, at, at+1)
}

// compare queues a webhook if the presence of a channel or a member differs from
// what was last reported, and if such webhooks are wanted or were sent before.
// Known says that an earlier memory has had its presence reported. Order is that of
// the change.
func (l *Ledger) compare(t told, here, wanted, known bool, order uint64) {
	key := t.key()
	it := l.told[key]
	switch {
	case it == nil && (!wanted || !here && !known):
	case it == nil:
		if l.told == nil {
			l.told = map[string]*told{}
		}
		it = &t
		l.told[key] = it
		switch {
		case !here:
			l.goes(it, order)
		case known:
		case l.young():
			it.status, it.order = coming, order
			l.coming.add(it)
		default:
			l.record(Record{Kind: it.kind(true), Subject: it.subject, User: it.user})
		}
	case here && it.status == coming && known:
		l.coming.remove(it)
		it.settle()
	case here && it.status == going:
		l.going.remove(it)
		it.settle()
	case !here && it.status == coming:
		l.coming.remove(it)
		delete(l.told, key)
	case !here && it.status == there:
		l.goes(it, order)
	}
}

// settle records that its presence is reported.
func (t *told) settle() { t.status, t.since, t.order = there, 0, 0 }

func (l *Ledger) goes(t *told, order uint64) {
	t.status, t.since, t.order = going, l.time, order
	l.going.add(t)
}

// kind returns the kind of the record that reports its presence or absence.
func (t *told) kind(here bool) RecordKind {
	switch {
	case t.what == HookChannel && here:
		return RecordOccupied
	case t.what == HookChannel:
		return RecordVacated
	case here:
		return RecordAdded
	}
	return RecordRemoved
}

// young reports whether a node has yet to report all its facts.
func (l *Ledger) young() bool {
	return slices.ContainsFunc(l.nodes, func(n *node) bool { return n.status == Entering })
}

// tellHeld compares what an op was about: the channel before users who join and
// after users who leave.
func (l *Ledger) tellHeld(rec *record, op *Op) {
	here := rec.sockets.count()
	channel := func() {
		l.compare(told{subject: rec.subject, what: HookChannel}, here, op.Hooks&HookChannel != 0, op.Known, 2*l.seq)
	}
	if here {
		channel()
	}
	user := func(id string, off bool) {
		present := rec.present(id)
		l.compare(told{subject: rec.subject, user: id, what: HookMembers}, present, op.Hooks&HookMembers != 0, op.Known && (present || off), 2*l.seq)
	}
	for _, id := range op.Off {
		user(id, true)
	}
	for i := range op.On {
		user(op.On[i].User, false)
	}
	if !here {
		channel()
	}
	l.tally(rec, op.Hooks&HookCount != 0)
}

// present reports whether a user is on the subject.
func (rec *record) present(user string) bool {
	if rec.members == nil {
		return false
	}
	it := rec.members.users[user]
	return it != nil && it.holders.count()
}

// fell is called when facts about the sockets of a subject, or about a user on it,
// are found not to count any more. When that happened is not known: it is dated at
// the last tick.
func (l *Ledger) fell(rec *record, it *member) {
	if it != nil {
		l.compare(told{subject: rec.subject, user: it.user, what: HookMembers}, it.holders.count(), false, false, 2*l.ticked+1)
		return
	}
	l.compare(told{subject: rec.subject, what: HookChannel}, rec.sockets.count(), false, false, 2*l.ticked+1)
	l.tally(rec, false)
}

// fellAny calls fell if facts about the sockets of a subject stopped counting.
func (l *Ledger) fellAny(rec *record) {
	if slices.ContainsFunc(rec.sockets, func(f *fact) bool { return !f.counts() }) {
		l.fell(rec, nil)
	}
}

// lapse calls fell for the parts of an op's subject that stopped counting, before
// the op is applied.
func (l *Ledger) lapse(rec *record, op *Op) {
	l.fellAny(rec)
	if rec.members == nil || len(l.told) == 0 {
		return
	}
	for _, id := range op.Off {
		if it := rec.members.users[id]; it != nil {
			l.fell(rec, it)
		}
	}
	for i := range op.On {
		if it := rec.members.users[op.On[i].User]; it != nil {
			l.fell(rec, it)
		}
	}
}

// tellDue adds the records that are due at a tick to the outbox, up to a number of
// each kind (rule H2).
func (l *Ledger) tellDue(grace int64, most int) {
	if l.young() {
		return
	}
	for n := most; n > 0 && len(l.coming) > 0; n-- {
		it := l.coming[0]
		l.coming.remove(it)
		it.settle()
		l.record(Record{Kind: it.kind(true), Subject: it.subject, User: it.user})
	}
	for n := most; n > 0 && len(l.going) > 0 && l.going[0].since+grace <= l.time; n-- {
		it := l.going[0]
		l.going.remove(it)
		delete(l.told, it.key())
		l.record(Record{Kind: it.kind(false), Subject: it.subject, User: it.user})
	}
	l.tellTallies(most)
}
