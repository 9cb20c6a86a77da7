package ledger

import "slices"

// Clone returns a copy that shares only immutable data with l.
func (l *Ledger) Clone() *Ledger {
	c := *l
	c.log.entries = slices.Clone(l.log.entries)
	c.ancestors = slices.Clone(l.ancestors)
	c.appended = nil
	c.cloneHooks(l)
	c.kept, c.placed = l.kept.clone(), nil
	c.cloneMarks(l)
	c.places, c.dues, c.closes = nil, make(dues, len(l.dues)), make([]*record, len(l.closes))
	k := cloner{records: map[*record]*record{}, members: map[*member]*member{}, facts: map[*fact]*fact{}}
	c.nodes = make([]*node, len(l.nodes))
	for i, n := range l.nodes {
		c.nodes[i] = k.node(n)
	}
	// Records without facts and users are reached only by their event or mark.
	for i, it := range l.dues {
		copied := *it
		copied.on = k.record(it.on)
		copied.on.cached = &copied
		c.dues[i] = &copied
	}
	for i, rec := range l.closes {
		c.closes[i] = k.record(rec)
	}
	for at, in := range l.places {
		if c.places == nil {
			c.places = map[place]*names{}
		}
		copied := &names{app: in.app, records: make(map[string]*record, len(in.records))}
		for name, rec := range in.records {
			copied.records[name] = k.finish(rec)
		}
		c.places[at] = copied
	}
	return &c
}

// cloner holds the copies made so far.
type cloner struct {
	records map[*record]*record
	members map[*member]*member
	facts   map[*fact]*fact
}

// node copies a node and its facts.
func (k *cloner) node(n *node) *node {
	c := *n
	c.facts = facts{}
	for f := n.facts.first; f != nil; f = f.next {
		copied := &fact{node: &c, on: k.record(f.on), user: k.member(f.user), epoch: f.epoch, sockets: f.sockets}
		c.facts.push(copied)
		k.facts[f] = copied
	}
	return &c
}

// record copies a record without its facts, members and cached event.
func (k *cloner) record(rec *record) *record {
	c := k.records[rec]
	if c == nil {
		copied := *rec
		copied.sockets, copied.members, copied.cached = nil, nil, nil
		c = &copied
		k.records[rec] = c
	}
	return c
}

// member copies a member without its place and holders.
func (k *cloner) member(it *member) *member {
	if it == nil {
		return nil
	}
	c := k.members[it]
	if c == nil {
		c = &member{user: it.user, info: it.info, order: it.order}
		k.members[it] = c
	}
	return c
}

// finish completes the copy of a record when all its facts are copied.
func (k *cloner) finish(rec *record) *record {
	c := k.record(rec)
	c.sockets = k.held(rec.sockets)
	if rec.members == nil {
		return c
	}
	c.members = &members{users: make(map[string]*member, len(rec.members.users)), present: rec.members.present, counted: rec.members.counted}
	for it := rec.members.first; it != nil; it = it.next {
		copied := k.member(it)
		copied.holders = k.held(it.holders)
		c.members.users[copied.user] = copied
		c.members.push(copied)
	}
	return c
}

func (k *cloner) held(h held) held {
	if h == nil {
		return nil
	}
	c := make(held, len(h))
	for i, f := range h {
		c[i] = k.facts[f]
	}
	return c
}

// cloneHooks copies the state of webhooks.
func (l *Ledger) cloneHooks(of *Ledger) {
	l.outbox.records = slices.Clone(of.outbox.records)
	l.told, l.coming, l.going = make(map[string]*told, len(of.told)), nil, nil
	for key, it := range of.told {
		copied := *it
		l.told[key] = &copied
	}
	for _, it := range of.coming {
		l.coming = append(l.coming, l.told[it.key()])
	}
	for _, it := range of.going {
		l.going = append(l.going, l.told[it.key()])
	}
	l.tallies, l.untold = make(map[Subject]*tally, len(of.tallies)), nil
	for s, it := range of.tallies {
		copied := *it
		l.tallies[s] = &copied
	}
	for _, it := range of.untold {
		l.untold = append(l.untold, l.tallies[it.subject])
	}
}
