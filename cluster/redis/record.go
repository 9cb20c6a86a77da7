package redis

import (
	"cmp"
	"errors"
	"slices"
	"strings"

	"fanfare/cluster/ledger"
)

// record is the stored data of a subject, without what does not count any more.
type record struct {
	seq, event, closed uint64
	facts              []ledger.Fact
	members            []member
	cached             *ledger.CachedEvent
}

type member struct {
	ledger.StateMember
	place uint32 // order among the users that the same entry made present
}

// record reads the ledger's time at its last tick and now, its nodes, and a subject (lua/record.lua).
func (r *reply) record() (rec record, nodes []ledger.Standing) {
	time, moment := r.number(), r.number()
	r.moment = moment
	all := r.nodes()
	nodes = standings(all)
	floors := make(map[ledger.Node]uint32, len(all))
	for i := range all {
		floors[all[i].Node] = all[i].floor
	}
	counts := func(id ledger.Node, epoch uint32) bool {
		floor, known := floors[id]
		return known && epoch >= floor
	}
	var (
		header reader
		event  []byte
	)
	for _, it := range r.pairs() {
		in := reader{rest: it.value}
		switch name := it.name; {
		case name == ".":
			header = in
		case name == "c":
			event = it.value
		case strings.HasPrefix(name, "n"):
			id := reader{rest: []byte(name[1:])}
			f := ledger.Fact{Node: ledger.Node(id.uint64()), Epoch: in.uint32(), Sockets: int(in.uint32())}
			if f.Sockets > 0 && counts(f.Node, f.Epoch) {
				rec.facts = append(rec.facts, f)
			}
			r.note(id.err)
		case strings.HasPrefix(name, "m"):
			if m := in.member(name[1:], counts); len(m.Holders) > 0 {
				rec.members = append(rec.members, m)
			}
		}
		r.note(in.err)
	}
	if header.rest == nil {
		return record{}, nodes
	}
	rec.seq, rec.event, rec.closed = header.uint64(), header.uint64(), header.uint64()
	closedAt, due := int64(header.uint64()), int64(header.uint64())
	r.note(header.err)
	if closedAt+markKept <= time {
		rec.closed = 0
	}
	if due > moment {
		rec.cached = r.cached(event, due-moment)
	}
	if len(rec.facts) == 0 && len(rec.members) == 0 && due <= time && rec.closed == 0 {
		return record{}, nodes
	}
	slices.SortFunc(rec.facts, func(a, b ledger.Fact) int { return cmp.Compare(a.Node, b.Node) })
	slices.SortFunc(rec.members, func(a, b member) int { return cmp.Or(cmp.Compare(a.Order, b.Order), cmp.Compare(a.place, b.place)) })
	return rec, nodes
}

// member reads a user with the holders that count.
func (r *reader) member(user string, counts func(ledger.Node, uint32) bool) (m member) {
	m.User = user
	m.Order, m.place = r.uint64(), r.uint32()
	hasInfo := r.byte() != 0
	n := r.uint32()
	if uint64(n) > uint64(len(r.rest))/12 {
		r.fail(errors.New("more holders than the record has bytes"))
		return m
	}
	for range n {
		if h := (ledger.Holder{Node: ledger.Node(r.uint64()), Epoch: r.uint32()}); counts(h.Node, h.Epoch) {
			m.Holders = append(m.Holders, h)
		}
	}
	if hasInfo {
		m.Info = r.rest
	}
	slices.SortFunc(m.Holders, func(a, b ledger.Holder) int { return cmp.Compare(a.Node, b.Node) })
	return m
}

func (rec *record) state(s ledger.Subject, birth ledger.Birth, nodes []ledger.Standing) *ledger.State {
	state := &ledger.State{Subject: s, Birth: birth, Nodes: nodes, Seq: rec.seq, Event: rec.event, Closed: rec.closed, Facts: rec.facts, Cached: rec.cached}
	for i := range rec.members {
		state.Members = append(state.Members, rec.members[i].StateMember)
	}
	return state
}

func (rec *record) describe(s ledger.Subject) (t ledger.Totals, users []string) {
	t = ledger.Totals{Name: s.Name, Users: len(rec.members), Cached: rec.cached}
	for _, f := range rec.facts {
		t.Sockets += f.Sockets
	}
	for i := range rec.members {
		users = append(users, rec.members[i].User)
	}
	return t, users
}
