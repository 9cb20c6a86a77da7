package ledger

import (
	"cmp"
	"slices"
)

// Hooks are the kinds of webhooks that an app wants of a channel, a bit each.
type Hooks uint8

// The kinds.
const (
	HookChannel Hooks = 1 << iota // that it is occupied, that it is vacated
	HookMembers                   // that members come and go
	HookCount                     // how many sockets there are
	HookEvents                    // what clients send
)

// told is a channel or a member of whom back ends know (rule H1).
type told struct {
	subject Subject
	user    string // of a member
	what    Hooks  // HookChannel or HookMembers
	status  toldStatus
	since   int64  // ledger time at which it went
	order   uint64 // by which those who come, and those who go, are told: of an entry twice its seq, of a fall one more than that of the last before the tick
}

// toldStatus says what back ends have yet to be told.
type toldStatus uint8

const (
	there  toldStatus = iota // nothing
	coming                   // that it is there, when the partition is no longer young
	going                    // that it is not, after the grace
)

// key names a told in its partition. Of what goes at once the members sort
// before their channel.
func (t *told) key() string {
	if t.what == HookChannel {
		return t.subject.String() + "\x00z"
	}
	return t.subject.String() + "\x00m" + t.user
}

// line is those that have one status, in the order in which they are told.
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

// compare has back ends told whether a channel or a member is there, if they
// want to know or were told before. Known says that an earlier memory has had
// them told that it is, or was, there. Order is that of the change.
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

// settle notes that back ends know that it is there.
func (t *told) settle() { t.status, t.since, t.order = there, 0, 0 }

func (l *Ledger) goes(t *told, order uint64) {
	t.status, t.since, t.order = going, l.time, order
	l.going.add(t)
}

// kind is that of the record that says that it has come, or has gone.
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

// young reports whether a node has yet to say its facts.
func (l *Ledger) young() bool {
	return slices.ContainsFunc(l.nodes, func(n *node) bool { return n.status == Entering })
}

// tellHeld compares what an op was about: the channel before who comes and
// after who goes.
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

// fell is called when facts about the sockets of a subject, or about a user on
// it, turn out not to count any more. Nobody sees when that is: they went at the
// last tick.
func (l *Ledger) fell(rec *record, it *member) {
	if it != nil {
		l.compare(told{subject: rec.subject, user: it.user, what: HookMembers}, it.holders.count(), false, false, 2*l.ticked+1)
		return
	}
	l.compare(told{subject: rec.subject, what: HookChannel}, rec.sockets.count(), false, false, 2*l.ticked+1)
	l.tally(rec, false)
}

// fellAny notes that facts about the sockets of a subject fell, if some have.
func (l *Ledger) fellAny(rec *record) {
	if slices.ContainsFunc(rec.sockets, func(f *fact) bool { return !f.counts() }) {
		l.fell(rec, nil)
	}
}

// lapse notes what of an op's subject fell, before the op is carried out.
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

// tellDue tells, up to a number of each kind, what is due at a tick (rule H2).
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
