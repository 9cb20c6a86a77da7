package ledger

import (
	"fmt"
	"slices"
)

// Dump describes the whole state of the ledger except its log, as sorted lines: two
// ledgers with the same lines and log will give the same answers.
func (l *Ledger) Dump() []string {
	lines := []string{fmt.Sprintf("ledger run=%q birth=%d seq=%d time=%d clock=%d ancestors=%v", l.run, l.birth, l.seq, l.time, l.clock, l.ancestors)}
	add := func(format string, args ...any) { lines = append(lines, fmt.Sprintf(format, args...)) }
	for _, n := range l.nodes {
		add("node %d status=%d epoch=%d floor=%d n=%d struck=%d full=%v", n.id, n.status, n.epoch, n.floor, n.n, n.struck, n.full)
	}
	for _, in := range l.places {
		for _, rec := range in.records {
			if !l.says(rec) {
				continue
			}
			name := rec.subject.String()
			state := l.state(rec.subject)
			add("subject %q seq=%d event=%d", name, state.Seq, state.Event)
			if state.Closed != 0 {
				add("closed %q seq=%d time=%d", name, state.Closed, rec.closedAt)
			}
			for _, f := range state.Facts {
				add("fact %q node=%d epoch=%d sockets=%d", name, f.Node, f.Epoch, f.Sockets)
			}
			for i, m := range state.Members {
				add("member %q at=%d user=%q order=%d info=%q", name, i, m.User, m.Order, m.Info)
				for _, h := range m.Holders {
					add("holder %q user=%q node=%d epoch=%d", name, m.User, h.Node, h.Epoch)
				}
			}
			if c := state.Cached; c != nil {
				add("cached %q seq=%d was=%v origin=%v except=%v ttl=%d data=%d:%d payload=%q", name, c.Seq, c.Was, c.Origin, c.Except, c.TTL, c.DataFrom, c.DataTo, c.Payload)
			}
		}
	}
	for key, it := range l.told { // as if facts that do not count were freed
		switch gone := !l.here(it); {
		case !gone || it.status == going:
			add("told %q status=%d since=%d order=%d", key, it.status, it.since, it.order)
		case it.status == there:
			add("told %q status=%d since=%d order=%d", key, going, l.time, 2*l.ticked+1)
		}
	}
	for s, it := range l.tallies {
		if it.told > 0 {
			add("tally %q told=%d at=%d", s.String(), it.told, it.at)
		}
	}
	l.dumpHistories(add)
	l.dumpMarks(add)
	b := &l.outbox
	add("outbox last=%d bytes=%d lost=%d keeper=%d term=%d heard=%d taken=%d", b.last, b.bytes, b.lost, b.keeper, b.term, b.heard, b.taken)
	for _, it := range b.records {
		r := it.record
		add("record %d birth=%d kind=%d subject=%q user=%q count=%d payload=%q socket=%v size=%d", r.ID, r.Birth, r.Kind, r.Subject.String(), r.User, r.Count, r.Payload, r.Socket, it.size)
	}
	slices.Sort(lines)
	return lines
}

// here reports whether a channel is occupied, or a member present.
func (l *Ledger) here(t *told) bool {
	in := l.places[place{t.subject.Kind, t.subject.App}]
	if in == nil || in.records[t.subject.Name] == nil {
		return false
	}
	rec := in.records[t.subject.Name]
	if t.what == HookChannel {
		return rec.sockets.count()
	}
	return rec.present(t.user)
}
