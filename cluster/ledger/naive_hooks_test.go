package ledger

import (
	"cmp"
	"slices"
)

// naiveHooks is what a naive ledger keeps for webhooks.
type naiveHooks struct {
	told     map[naiveThing]*naiveTold
	counts   map[Subject]*naiveCount
	box      []Record
	sizes    []int
	boxed    uint64
	lost     uint64
	boxBytes int // the budget
	ticked   uint64

	keeper      Node
	term, have  uint64
	keeperAsked int64
}

// naiveThing is a channel or a member.
type naiveThing struct {
	subject Subject
	what    Hooks
	user    string
}

// naiveTold is what back ends know of one: it is there, or will be told to be,
// or to be gone.
type naiveTold struct {
	comes, goes bool
	since       int64
	order       uint64 // twice the seq of the entry
}

type naiveCount struct {
	told  int
	at    int64
	ever  bool
	other bool
	due   int64
}

func (v *naive) isYoung() bool {
	for _, n := range v.nodes {
		if n.Status == Entering {
			return true
		}
	}
	return false
}

func (v *naive) tellHeld(it *naiveSubject, op Op) {
	channel := naiveThing{op.Subject, HookChannel, ""}
	here := len(it.sockets) > 0
	if here {
		v.look(channel, true, op.Hooks&HookChannel != 0, op.Known, 2*v.seq)
	}
	present := func(user string) bool {
		return slices.ContainsFunc(it.members, func(m *naiveMember) bool { return m.User == user })
	}
	for _, user := range op.Off {
		v.look(naiveThing{op.Subject, HookMembers, user}, present(user), op.Hooks&HookMembers != 0, op.Known, 2*v.seq)
	}
	for _, m := range op.On {
		v.look(naiveThing{op.Subject, HookMembers, m.User}, present(m.User), op.Hooks&HookMembers != 0, op.Known && present(m.User), 2*v.seq)
	}
	if !here {
		v.look(channel, false, op.Hooks&HookChannel != 0, op.Known, 2*v.seq)
	}
	v.lookCount(op.Subject, it, op.Hooks&HookCount != 0)
}

func (v *naive) look(at naiveThing, here, wanted, known bool, order uint64) {
	it := v.told[at]
	if it == nil {
		if wanted && (here || known) {
			it = &naiveTold{}
			v.told[at] = it
			if !here {
				it.goes, it.since, it.order = true, v.time, order
			} else if !known && v.isYoung() {
				it.comes, it.order = true, order
			} else if !known {
				v.tellCome(at)
			}
		}
		return
	}
	if here {
		it.goes = false
		if known {
			it.comes = false
		}
	} else if it.comes {
		delete(v.told, at)
	} else if !it.goes {
		it.goes, it.since, it.order = true, v.time, order
	}
}

func (v *naive) tellCome(at naiveThing) {
	kind := RecordAdded
	if at.what == HookChannel {
		kind = RecordOccupied
	}
	v.put(Record{Kind: kind, Subject: at.subject, User: at.user}, len(at.subject.String())+len(at.user))
}

func (v *naive) lookCount(s Subject, it *naiveSubject, wanted bool) {
	n := 0
	for _, f := range it.sockets {
		n += f.Sockets
	}
	c := v.counts[s]
	if c == nil && wanted && n > 0 {
		c = &naiveCount{}
		v.counts[s] = c
	}
	if c == nil {
		return
	}
	if c.other = n != c.told; !c.other && n == 0 {
		delete(v.counts, s)
	}
	c.due = v.time
	if n > 100 && c.ever {
		c.due = max(c.due, c.at+5000)
	}
}

func (v *naive) tellDue(grace int64) {
	if v.isYoung() {
		return
	}
	var come, gone []naiveThing
	for at, it := range v.told {
		if it.comes {
			come = append(come, at)
		}
		if it.goes && it.since+grace <= v.time {
			gone = append(gone, at)
		}
	}
	order := func(a, b naiveThing) int {
		// A channel goes behind its members.
		return cmp.Or(cmp.Compare(v.told[a].order, v.told[b].order), cmp.Compare(a.subject.String(), b.subject.String()), cmp.Compare(b.what, a.what), cmp.Compare(a.user, b.user))
	}
	slices.SortFunc(come, order)
	slices.SortFunc(gone, order)
	for _, at := range come {
		v.told[at].comes = false
		v.tellCome(at)
	}
	for _, at := range gone {
		delete(v.told, at)
		kind := RecordRemoved
		if at.what == HookChannel {
			kind = RecordVacated
		}
		v.put(Record{Kind: kind, Subject: at.subject, User: at.user}, len(at.subject.String())+len(at.user))
	}
	var counts []Subject
	for s, c := range v.counts {
		if c.other && c.due <= v.time {
			counts = append(counts, s)
		}
	}
	slices.SortFunc(counts, func(a, b Subject) int {
		return cmp.Or(cmp.Compare(v.counts[a].due, v.counts[b].due), cmp.Compare(a.String(), b.String()))
	})
	for _, s := range counts {
		n, c := v.totals(s).Sockets, v.counts[s]
		*c = naiveCount{told: n, at: v.time, ever: true}
		if n == 0 {
			delete(v.counts, s)
		}
		v.put(Record{Kind: RecordCount, Subject: s, Count: n}, len(s.String()))
	}
}

func (v *naive) put(r Record, size int) {
	v.boxed++
	r.ID, r.Birth = v.boxed, v.birth
	v.box, v.sizes = append(v.box, r), append(v.sizes, 64+size)
	for sum(v.sizes) > v.boxBytes {
		if v.keeper == 0 || v.box[0].ID > v.have {
			v.lost++
		}
		v.box, v.sizes = v.box[1:], v.sizes[1:]
	}
}

func sum(all []int) (sum int) {
	for _, n := range all {
		sum += n
	}
	return sum
}

func (v *naive) collect(r Collect) (term uint64, records []Record) {
	alive := func(id Node) bool { n := v.nodes[id]; return n != nil && n.Status != Struck }
	if !alive(r.Node) {
		return 0, nil
	}
	if r.Node == v.keeper && r.Birth == v.birth && r.Term == v.term && r.Term > 0 {
		for len(v.box) > 0 && v.box[0].ID <= r.Ack {
			v.box, v.sizes = v.box[1:], v.sizes[1:]
		}
		v.have, r.Have = max(v.have, min(r.Have, v.boxed)), min(r.Have, v.boxed)
	} else {
		idle := len(v.box) == 0 && v.have <= v.boxed || len(v.box) > 0 && v.have < v.box[0].ID
		if r.Most == 0 || alive(v.keeper) && !idle && v.time-v.keeperAsked < 10_000 {
			return 0, nil
		}
		v.keeper, v.term, v.have, r.Have = r.Node, v.term+1, 0, 0
	}
	v.keeperAsked = v.time
	for _, it := range v.box {
		if it.ID > r.Have && len(records) < r.Most {
			records = append(records, it)
		}
	}
	if len(records) > 0 {
		v.have = max(v.have, records[len(records)-1].ID)
	}
	return v.term, records
}
