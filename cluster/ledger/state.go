package ledger

import (
	"cmp"
	"slices"
	"strings"
)

// state returns what rule D4 needs: every fact that counts, with its epoch, and the
// standings of the nodes.
func (l *Ledger) state(s Subject) *State {
	state := &State{Subject: s, Birth: l.birth, Nodes: l.standings(), History: l.newest(s)}
	rec := l.find(s)
	if rec == nil {
		return state
	}
	state.Seq, state.Event, state.Cached = rec.seq, rec.event, l.cachedEvent(rec)
	if l.marked(rec) {
		state.Closed = rec.closed
	}
	for _, f := range rec.sockets {
		if f.counts() {
			state.Facts = append(state.Facts, Fact{Node: f.node.id, Epoch: f.epoch, Sockets: int(f.sockets)})
		}
	}
	present := l.present(rec)
	if present == 0 {
		return state
	}
	state.Members = make([]StateMember, 0, present)
	holders := make([]Holder, 0, present) // of all members, in one allocation
	for it := rec.members.first; it != nil; it = it.next {
		first := len(holders)
		for _, f := range it.holders {
			if f.counts() {
				holders = append(holders, Holder{Node: f.node.id, Epoch: f.epoch})
			}
		}
		if last := len(holders); last > first {
			state.Members = append(state.Members, StateMember{Member: Member{User: it.user, Info: it.info}, Order: it.order, Holders: holders[first:last:last]})
		}
	}
	return state
}

// list returns the channels that have sockets, sorted by name.
func (l *Ledger) list(r List) []Totals {
	in := l.places[place{Channel, r.App}]
	if in == nil {
		return nil
	}
	var all []Totals
	for name, rec := range in.records {
		if strings.HasPrefix(name, r.Prefix) && rec.sockets.count() {
			all = append(all, l.totals(rec))
		}
	}
	slices.SortFunc(all, func(a, b Totals) int { return cmp.Compare(a.Name, b.Name) })
	return all
}

// describe returns the totals and users of a subject, known or not.
func (l *Ledger) describe(s Subject) (t Totals, users []string) {
	rec := l.find(s)
	if rec == nil {
		return Totals{Name: s.Name}, nil
	}
	if rec.members != nil {
		for it := rec.members.first; it != nil; it = it.next {
			if it.holders.count() {
				users = append(users, it.user)
			}
		}
	}
	return l.totals(rec), users
}

func (l *Ledger) totals(rec *record) Totals {
	return Totals{Name: rec.subject.Name, Sockets: rec.sockets.total(), Users: l.present(rec), Cached: l.cachedEvent(rec)}
}
